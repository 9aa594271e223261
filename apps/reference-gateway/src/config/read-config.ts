import { readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import {
  type ConfigProblem,
  type GatewayConfig,
  gatewayConfigSchema,
  type JsonSchema,
  type KeySource,
  pluginEntries,
} from '@wattproof/core/plugins';
import { parseDocument } from 'yaml';
import { ConfigError } from './config-errors.js';
import { type DescribeBlock, gatewayJsonSchema, withPluginSchemas } from './json-schema.js';
import { applyOverrides } from './overrides.js';
import { redact } from './redact.js';
import { substitute } from './substitution.js';

export interface ReadConfigOptions {
  /** Path of the YAML (or JSON) file. */
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths of defaults belong to. */
  readonly workingDirectory: string;
  /** Looks up what a plugin's block may hold; absent: blocks are taken as they are written. */
  readonly describeBlock?: DescribeBlock;
}

export interface ReadConfig {
  /** Absolute path of the file. */
  readonly file: string;
  readonly config: GatewayConfig;
  /** The configuration without its secrets, fit for printing. */
  readonly printable: unknown;
  /** Schema of exactly this file, its plugins' blocks included as far as they are known. */
  readonly schema: JsonSchema;
  /** Secrets in files that others can read, in sentences. */
  readonly exposed: readonly string[];
}

/**
 * Reads, overrides, substitutes and validates a configuration: YAML → `WATTPROOF__…` → `${…}` → schema.
 * Throws one `ConfigError` with every problem found. Plugins' own blocks are validated when they are loaded.
 */
export async function readConfig(options: ReadConfigOptions): Promise<ReadConfig> {
  const file = resolve(options.workingDirectory, options.file);
  const document = parseFile(file);
  const schema = await describe(document, options.describeBlock);
  const overridden = applyOverrides(document, options.env, schema);
  const substituted = substitute(overridden.value, { file, env: options.env, schema });
  const parsed = gatewayConfigSchema.safeParse(substituted.value);
  const known = new Set(substituted.problems.map(({ path }) => path));
  const problems: ConfigProblem[] = [
    ...overridden.problems,
    ...substituted.problems,
    ...(parsed.success ? [] : parsed.error.issues.flatMap(problemsOf)).filter(
      // A reference that could not be replaced is reported once, as that.
      ({ path }) => !known.has(path),
    ),
  ];
  if (!parsed.success || problems.length > 0) {
    throw new ConfigError(file, problems, { sections: pluginSections(substituted.value) });
  }
  const config = withAbsoluteKeys(parsed.data, options.workingDirectory);
  const { exposed } = substituted;
  return { file, config, printable: redact(config, schema), schema, exposed };
}

function parseFile(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const message = `cannot be read (${(cause as NodeJS.ErrnoException).code})`;
    throw new ConfigError(file, [{ path: '', message }], { cause });
  }
  const document = parseDocument(text, { uniqueKeys: true, prettyErrors: true });
  if (document.errors.length > 0) {
    // The first line says what and where; the lines after it quote the file, which may hold a secret.
    const messages = document.errors.map(({ message }) => message.split('\n')[0] ?? '');
    throw new ConfigError(
      file,
      messages.map((message) => ({ path: '', message })),
    );
  }
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  if (value === null || (typeof value === 'object' && !Array.isArray(value))) return value ?? {};
  throw new ConfigError(file, [{ path: '', message: 'expected sections, got a single value' }]);
}

/** The schema of one file: blocks of plugins that can be found are filled in. */
export function describeFile(file: string, describeBlock: DescribeBlock): Promise<JsonSchema> {
  return describe(parseFile(file), describeBlock);
}

async function describe(document: unknown, describeBlock?: DescribeBlock): Promise<JsonSchema> {
  const schema = gatewayJsonSchema();
  if (!describeBlock) return schema;
  const sections = pluginSections(document);
  const found = await Promise.all(
    pluginEntries(sections).map(async ({ path, use, kind }) => {
      const block = await describeBlock(use, kind);
      // Instance ids hold no dots.
      return block ? [{ path: path.split('.'), use, schema: block }] : [];
    }),
  );
  return withPluginSchemas(schema, found.flat());
}

/** The plugin blocks of a document that nobody has validated yet; whatever else stands there is left out. */
function pluginSections(document: unknown): PluginSections {
  const sections = document as Record<string, unknown>;
  const blocks = (section: unknown): PluginSections['anchors'] =>
    Object.fromEntries(Object.entries(section ?? {}).filter(([, block]) => isBlock(block)));
  return {
    anchors: blocks(sections.anchors),
    transports: blocks(sections.transports),
    ...(isBlock(sections.pricing) ? { pricing: sections.pricing } : {}),
    ...(sections.detectors === undefined ? {} : { detectors: blocks(sections.detectors) }),
  };
}

type PluginSections = NonNullable<ConfigError['sections']>;

function isBlock(value: unknown): value is { use: string } {
  return typeof (value as { use?: unknown } | null | undefined)?.use === 'string';
}

type Issue = {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
  readonly errors?: readonly (readonly Issue[])[];
};

/** One problem per bad field: an unknown key is reported at its own path, not at its parent's. */
function problemsOf(issue: Issue): ConfigProblem[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return (issue.keys ?? []).map((key) => ({
      path: [...path, key].join('.'),
      message: 'unknown key; see: gateway schema',
    }));
  }
  if (issue.code === 'invalid_union' && issue.errors) {
    const members = issue.errors.map((errors) => errors.map(({ message }) => message).join(', '));
    return [{ path: path.join('.'), message: members.join('; or ') }];
  }
  return [{ path: path.join('.'), message: issue.message }];
}

function withAbsoluteKeys(config: GatewayConfig, folder: string): GatewayConfig {
  const absolute = (key: KeySource): KeySource =>
    typeof key === 'string' || isAbsolute(key.file) ? key : { file: resolve(folder, key.file) };
  const { key, receiptKey, ...log } = config.log;
  return {
    ...config,
    log: {
      ...log,
      key: absolute(key),
      ...(receiptKey ? { receiptKey: absolute(receiptKey) } : {}),
    },
  };
}
