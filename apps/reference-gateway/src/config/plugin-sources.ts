import { fileURLToPath } from 'node:url';
import {
  type ConfiguredPlugin,
  type ConfigProblem,
  type GatewayConfig,
  httpGuardProblems,
  type LoadOptions,
  loadPlugin,
  loadPlugins,
  pluginEntries,
  PluginError,
  pluginJsonSchema,
} from '@wattproof/core/plugins';
import type { DescribeBlock } from './json-schema.js';

/** Where this gateway looks for plugins: beside the configuration file, then among its own dependencies. */
export function loadOptions(configFile: string): LoadOptions {
  return { configFile, alsoFrom: [fileURLToPath(import.meta.url)] };
}

/** Loads and validates the plugins a configuration names. Throws `PluginErrors` with all problems. */
export function loadConfiguredPlugins(
  config: Pick<GatewayConfig, 'anchors' | 'transports' | 'pricing'>,
  configFile: string,
): Promise<readonly ConfiguredPlugin[]> {
  return loadPlugins(pluginEntries(config), loadOptions(configFile));
}

/** Checks that are attached to no route or exist in no plugin. */
export async function guardProblems(
  { http: { guards } }: Pick<GatewayConfig, 'http'>,
  plugins: readonly ConfiguredPlugin[],
): Promise<readonly ConfigProblem[]> {
  if (Object.keys(guards).length === 0) return [];
  // Loaded only now: a configuration without checks is read without Nest.
  const { ROUTES } = await import('@wattproof/core/http');
  return httpGuardProblems(guards, plugins, Object.keys(ROUTES));
}

/** Asks a plugin what its block may hold. What cannot be loaded is reported when it is loaded, not here. */
export function describeBlocks(configFile: string): DescribeBlock {
  return async (use, kind) => {
    const entry = { instanceId: use, kind, use, config: {}, path: use };
    try {
      return pluginJsonSchema((await loadPlugin(entry, loadOptions(configFile))).plugin);
    } catch (error) {
      if (error instanceof PluginError) return undefined;
      throw error;
    }
  };
}
