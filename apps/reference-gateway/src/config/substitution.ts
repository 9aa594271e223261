import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ConfigProblem, JsonSchema } from '@wattproof/core/plugins';
import { type Path, schemasAt, typesOf } from './json-schema.js';

const REFERENCE = /\$\{(env|file):([^}]*)\}/g;
const ENV = /^([A-Za-z_]\w*)(?::-(.*))?$/s;

export interface SubstitutionOptions {
  /** Absolute path of the configuration file; `${file:…}` is relative to its folder. */
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly schema: JsonSchema;
}

interface Substituted {
  readonly value: unknown;
  readonly problems: readonly ConfigProblem[];
  /** Secrets in files that others can read, in sentences. */
  readonly exposed: readonly string[];
}

/**
 * Replaces `${env:NAME}`, `${env:NAME:-default}` and `${file:path}` in the strings of a parsed document.
 * It runs after YAML was parsed, and once: a value is a value and can add neither keys nor references.
 * Where a number or a boolean belongs, a string that is one reference alone becomes one.
 */
export function substitute(document: unknown, options: SubstitutionOptions): Substituted {
  const problems: ConfigProblem[] = [];
  const exposed: string[] = [];
  const visit = (node: unknown, path: Path): unknown => {
    if (typeof node === 'string') return replace(node, path, options, { problems, exposed });
    if (Array.isArray(node)) return node.map((item, index) => visit(item, [...path, index]));
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(
      Object.entries(node)
        .map(([key, item]) => [key, visit(item, [...path, key])] as const)
        // An empty optional variable means "not given", not "given as nothing".
        .filter(([key, item]) => item !== '' || (node as Record<string, unknown>)[key] === ''),
    );
  };
  return { value: visit(document, []), problems, exposed };
}

function replace(
  text: string,
  path: Path,
  options: SubstitutionOptions,
  found: { readonly problems: ConfigProblem[]; readonly exposed: string[] },
): unknown {
  const whole = text.match(REFERENCE)?.[0] === text;
  const fileOnly = whole ? /^\$\{file:([^}]+)\}$/.exec(text)?.[1] : undefined;
  const schemas = schemasAt(options.schema, path);
  // A key file is named, not read: it is created on first start when it does not exist.
  if (fileOnly !== undefined && schemas.some(isKeyFile)) {
    return { file: resolve(dirname(options.file), fileOnly) };
  }
  const replaced = text.replaceAll(REFERENCE, (_, kind: string, body: string) => {
    try {
      if (kind === 'env') return fromEnvironment(body, options.env);
      const file = resolve(dirname(options.file), body);
      const text = fromFile(file);
      if (schemas.some(({ secret }) => secret === true))
        found.exposed.push(...exposure(path.join('.'), file));
      return text;
    } catch (error) {
      found.problems.push({ path: path.join('.'), message: (error as Error).message });
      return '';
    }
  });
  return whole ? asType(replaced, typesOf(schemas)) : replaced;
}

function isKeyFile(schema: JsonSchema): boolean {
  return Object.hasOwn((schema.properties as object | undefined) ?? {}, 'file');
}

function fromEnvironment(body: string, env: SubstitutionOptions['env']): string {
  const [, name, fallback] = ENV.exec(body) ?? [];
  if (name === undefined)
    throw new Error(`\${env:${body}} is not a variable name; write \${env:NAME}`);
  const value = env[name] ?? fallback;
  if (value === undefined) {
    throw new Error(
      `environment variable ${name} is not set; set it or write \${env:${name}:-default}`,
    );
  }
  return value;
}

/** Mounted secrets are often readable by a group; refusing would leave no way to use them. */
function exposure(path: string, file: string): string[] {
  const mode = statSync(file).mode & 0o777;
  return (mode & 0o077) === 0
    ? []
    : [`${path}: ${file} can be read by others (mode ${mode.toString(8)}); chmod 600`];
}

function fromFile(file: string): string {
  try {
    // Editors and secret managers end a file with a line break that is not part of the secret.
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new Error(`cannot read ${file} (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}

/** Text from outside, as what the schema wants there; what does not fit stays text and fails validation. */
export function asType(text: string, types: ReadonlySet<string>): unknown {
  if (types.has('string') && !(types.has('boolean') && /^(true|false)$/.test(text))) return text;
  if (types.has('boolean') && /^(true|false)$/.test(text)) return text === 'true';
  const isNumber = /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text);
  if ((types.has('integer') || types.has('number')) && isNumber) return Number(text);
  return text;
}
