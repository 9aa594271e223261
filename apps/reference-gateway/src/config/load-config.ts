import type { ConfiguredPlugin } from '@wattproof/core/plugins';
import { ConfigError } from './config-errors.js';
import { describeBlocks, guardProblems, loadConfiguredPlugins } from './plugin-sources.js';
import { type ReadConfig, readConfig, type ReadConfigOptions } from './read-config.js';
import { warningsFor } from './warnings.js';
import { resolve } from 'node:path';

export interface LoadedConfig extends ReadConfig {
  /** Loaded and with validated blocks, in the order of the file; nothing of them runs yet. */
  readonly plugins: readonly ConfiguredPlugin[];
  /** What the operator should be told at this start, in sentences. */
  readonly warnings: readonly string[];
}

/** Everything a start needs to know, or `ConfigError` or `PluginErrors` with all that is wrong. */
export async function loadConfig(
  options: Omit<ReadConfigOptions, 'describeBlock'>,
): Promise<LoadedConfig> {
  const file = resolve(options.workingDirectory, options.file);
  const read = await readConfig({ ...options, file, describeBlock: describeBlocks(file) });
  const plugins = await loadConfiguredPlugins(read.config, file);
  const problems = await guardProblems(read.config, plugins);
  if (problems.length > 0) throw new ConfigError(file, problems);
  const warnings = [...read.exposed, ...warningsFor(read.config, plugins)];
  return { ...read, plugins, warnings };
}
