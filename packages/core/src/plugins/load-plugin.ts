import { fileURLToPath } from 'node:url';
import { isPlugin, type Plugin, SPI_VERSION } from '../spi/index.js';
import { validatePluginConfig } from './plugin-config.js';
import { type PluginEntry, PluginError, PluginErrors } from './plugin-errors.js';
import { unsoundness } from './plugin-soundness.js';
import { type PluginLocation, ResolveError, resolvePlugin } from './resolve-plugin.js';

export interface LoadOptions {
  /** Absolute path of the configuration file: plugins are looked up beside it first. */
  readonly configFile: string;
  /** Absolute paths of files to look from after that, such as the host's own entry file. */
  readonly alsoFrom?: readonly string[];
}

export interface LoadedPlugin extends PluginLocation {
  readonly entry: PluginEntry;
  readonly plugin: Plugin;
}

export interface ConfiguredPlugin extends LoadedPlugin {
  /** The block after the plugin's own schema: defaults filled in. */
  readonly config: unknown;
}

/**
 * Imports the plugin an entry names and checks that it is a sound plugin of the right kind and contract.
 * Throws `PluginError`. Never caches: Node does, by file.
 */
export async function loadPlugin(entry: PluginEntry, options: LoadOptions): Promise<LoadedPlugin> {
  const fail = (code: PluginError['code'], detail: string, cause?: unknown): PluginError =>
    new PluginError(code, entry, options.configFile, detail, cause === undefined ? {} : { cause });
  const location = locate(entry, options, fail);
  let exported: { default?: unknown };
  try {
    exported = (await import(location.url)) as { default?: unknown };
  } catch (cause) {
    throw fail(
      'PLUGIN_IMPORT_FAILED',
      `it is installed (${location.url}) and failed to load: ${messageOf(cause)} Fix or reinstall it, then run: gateway check`,
      cause,
    );
  }
  const plugin = exported.default;
  if (!isPlugin(plugin)) {
    throw fail(
      'PLUGIN_INVALID_EXPORT',
      `its default export is ${plugin === undefined ? 'missing' : `a ${typeof plugin} without the plugin brand`}; it must be the result of define${title(entry.kind)}(). Is this the right package? Correct ${entry.path}.use.`,
    );
  }
  if (plugin.spi !== SPI_VERSION) {
    throw fail(
      'PLUGIN_INCOMPATIBLE',
      `it was built for plugin contract ${String(plugin.spi)} and this gateway speaks ${SPI_VERSION}. Upgrade the ${plugin.spi < SPI_VERSION ? 'plugin' : 'gateway'}: npm install ${plugin.spi < SPI_VERSION ? entry.use : '@wattproof/core'}@latest`,
    );
  }
  if (plugin.kind !== entry.kind) {
    throw fail(
      'PLUGIN_INVALID_EXPORT',
      `it is a plugin of kind ${plugin.kind} and stands where a plugin of kind ${entry.kind} belongs. Move the block ${entry.path} to the section for ${plugin.kind}.`,
    );
  }
  const unsound = unsoundness(plugin);
  if (unsound.length > 0) {
    throw fail(
      'PLUGIN_INVALID_EXPORT',
      `${unsound.join('; ')}. This is a defect of the plugin: report it to its author, or install another version.`,
    );
  }
  return { ...location, entry, plugin };
}

/** Loads every entry and validates its block. All problems of all plugins come in one `PluginErrors`. */
export async function loadPlugins(
  entries: readonly PluginEntry[],
  options: LoadOptions,
): Promise<readonly ConfiguredPlugin[]> {
  const settled = await Promise.allSettled(
    entries.map(async (entry) => configure(await loadPlugin(entry, options), options)),
  );
  const errors = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  for (const error of errors) if (!(error instanceof PluginError)) throw error;
  if (errors.length > 0) throw new PluginErrors(errors as PluginError[]);
  return settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

/** Validates the block of a loaded plugin. Throws `PluginError` with a problem per bad field. */
async function configure(loaded: LoadedPlugin, options: LoadOptions): Promise<ConfiguredPlugin> {
  const { entry, plugin } = loaded;
  const result = await validatePluginConfig(plugin.config, entry.config, entry.path);
  if (!result.problems) return { ...loaded, config: result.value };
  const lines = result.problems.map(({ path, message }) => `\n    ${path}: ${message}`).join('');
  throw new PluginError(
    'PLUGIN_CONFIG_INVALID',
    entry,
    options.configFile,
    `its block is wrong:${lines}\n    Correct it, then run: gateway check`,
    { problems: result.problems },
  );
}

function locate(
  entry: PluginEntry,
  options: LoadOptions,
  fail: (code: PluginError['code'], detail: string, cause?: unknown) => PluginError,
): PluginLocation {
  // Core's own plugins (local ledger) are always at hand, wherever the configuration file lies.
  const bases = [options.configFile, ...(options.alsoFrom ?? []), fileURLToPath(import.meta.url)];
  try {
    return resolvePlugin(entry.use, bases);
  } catch (cause) {
    if (!(cause instanceof ResolveError)) throw cause;
    if (cause.failure === 'no-entry') {
      throw fail(
        'PLUGIN_IMPORT_FAILED',
        `it is installed, but ${cause.message}. Build or reinstall it.`,
        cause,
      );
    }
    if (cause.failure === 'no-door') {
      throw fail(
        'PLUGIN_INVALID_EXPORT',
        `the package is installed and does not export this path: ${cause.message} Correct ${entry.path}.use.`,
        cause,
      );
    }
    const isFile = /^\.{0,2}\//.test(entry.use);
    throw fail(
      'PLUGIN_NOT_INSTALLED',
      isFile
        ? `there is no such file beside the configuration file. Correct ${entry.path}.use.`
        : `it is not installed. In the folder of that file run: npm install ${packageOf(entry.use)}`,
      cause,
    );
  }
}

function packageOf(use: string): string {
  return use
    .split('/')
    .slice(0, use.startsWith('@') ? 2 : 1)
    .join('/');
}

function title(kind: string): string {
  return kind.slice(0, 1).toUpperCase() + kind.slice(1);
}

function messageOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return /[.!?]$/.test(message) ? message : `${message}.`;
}
