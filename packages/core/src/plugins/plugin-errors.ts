import type { PluginKind } from '../spi/index.js';

/**
 * What can be wrong with a plugin, as a closed set.
 * `PLUGIN_NOT_INSTALLED`: no such package seen from the configuration file.
 * `PLUGIN_IMPORT_FAILED`: it is there, and its code failed to load.
 * `PLUGIN_INVALID_EXPORT`: it loaded, and is not a sound plugin of the kind its section asks for.
 * `PLUGIN_INCOMPATIBLE`: it speaks another plugin contract, or needs what this host does not lend.
 * `PLUGIN_CONFIG_INVALID`: its own block of the configuration is wrong.
 */
export const PLUGIN_ERROR_CODES = [
  'PLUGIN_NOT_INSTALLED',
  'PLUGIN_IMPORT_FAILED',
  'PLUGIN_INVALID_EXPORT',
  'PLUGIN_INCOMPATIBLE',
  'PLUGIN_CONFIG_INVALID',
] as const;
export type PluginErrorCode = (typeof PLUGIN_ERROR_CODES)[number];

/** One block of the configuration that names a plugin. */
export interface PluginEntry {
  /** Key in its section: `mqtt`, `bitcoin`; `pricing` for the section with a single slot. */
  readonly instanceId: string;
  readonly kind: PluginKind;
  /** Package name, package subpath, or `./file` beside the configuration file. */
  readonly use: string;
  /** The block without `use`, as the plugin's own schema shall see it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Where it stands in the file: `anchors.bitcoin`. */
  readonly path: string;
}

/** A field of a configuration and what is wrong with it. */
export interface ConfigProblem {
  /** Dotted path from the top of the file: `anchors.bitcoin.rpc.url`. */
  readonly path: string;
  readonly message: string;
}

export class PluginError extends Error {
  override readonly name = 'PluginError';
  /** Names of the instance, its package and its place in the file, for programs. */
  readonly instanceId: string;
  readonly use: string;
  readonly path: string;

  constructor(
    readonly code: PluginErrorCode,
    entry: Pick<PluginEntry, 'instanceId' | 'use' | 'path'>,
    configFile: string,
    /** What was found and what to do next. */
    detail: string,
    options: ErrorOptions & { readonly problems?: readonly ConfigProblem[] } = {},
  ) {
    super(
      `${code}: instance "${entry.instanceId}" (${entry.path} in ${configFile}) uses "${entry.use}": ${detail}`,
      options,
    );
    this.instanceId = entry.instanceId;
    this.use = entry.use;
    this.path = entry.path;
    this.problems = options.problems ?? [];
  }

  /** Bad fields, for `PLUGIN_CONFIG_INVALID`. */
  readonly problems: readonly ConfigProblem[];
}

/** Everything that is wrong with all plugins of one configuration, in the order of the file. */
export class PluginErrors extends AggregateError {
  override readonly name = 'PluginErrors';
  override readonly errors: PluginError[];

  constructor(errors: readonly PluginError[]) {
    super(
      errors,
      `${errors.length} plugin ${errors.length === 1 ? 'problem' : 'problems'}:\n${errors.map(({ message }) => `- ${message}`).join('\n')}`,
    );
    this.errors = [...errors];
  }
}
