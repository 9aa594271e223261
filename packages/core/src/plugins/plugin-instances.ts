import type { HostNeeds, Plugin, PluginContext, PluginKind, PluginKinds } from '../spi/index.js';
import type { ConfiguredPlugin } from './load-plugin.js';
import { PluginError, PluginErrors } from './plugin-errors.js';
import { instanceUnsoundness } from './plugin-soundness.js';

/** Port to the host: what it can lend one instance. It may lend more than was asked for; that is cut off here. */
export interface PluginHost {
  contextFor(request: {
    readonly instanceId: string;
    readonly kind: PluginKind;
    readonly needs: HostNeeds;
  }): Promise<PluginContext>;
}

export interface PluginInstance<Kind extends PluginKind = PluginKind> {
  readonly instanceId: string;
  readonly kind: Kind;
  /** Where it was named in the configuration, and what was loaded. */
  readonly loaded: ConfiguredPlugin;
  readonly capabilities: PluginKinds[Kind]['capabilities'] & { readonly needs?: HostNeeds };
  readonly instance: PluginKinds[Kind]['instance'];
}

const NEED_MEMBERS = [
  'events',
  'http',
  'collections',
  'jobs',
  'signer',
  'callers',
  'desk',
] as const;

/** Builds every instance, in the given order. All problems come in one `PluginErrors`. */
export async function createPlugins(
  plugins: readonly ConfiguredPlugin[],
  host: PluginHost,
  configFile: string,
): Promise<readonly PluginInstance[]> {
  const instances: PluginInstance[] = [];
  const errors: PluginError[] = [];
  for (const loaded of plugins) {
    try {
      instances.push(await createPlugin(loaded, host, configFile));
    } catch (error) {
      if (!(error instanceof PluginError)) throw error;
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new PluginErrors(errors);
  return instances;
}

async function createPlugin(
  loaded: ConfiguredPlugin,
  host: PluginHost,
  configFile: string,
): Promise<PluginInstance> {
  const { entry, plugin, config } = loaded;
  const needs = plugin.capabilities.needs ?? {};
  const lent = await host.contextFor({
    instanceId: entry.instanceId,
    kind: plugin.kind,
    needs,
  });
  const context = onlyDeclared(lent, needs);
  const missing = NEED_MEMBERS.filter((need) => isDeclared(needs, need) && !context[need]);
  if (missing.length > 0) {
    throw new PluginError(
      'PLUGIN_INCOMPATIBLE',
      entry,
      configFile,
      `it needs ${missing.join(', ')}, which this host does not lend. Use a host that does, or another plugin.`,
    );
  }
  const instance = build(plugin, config, context, loaded, configFile);
  const unsound = instanceUnsoundness(plugin, instance);
  if (unsound.length > 0) {
    throw new PluginError(
      'PLUGIN_INVALID_EXPORT',
      entry,
      configFile,
      `${unsound.join('; ')}. This is a defect of the plugin: report it to its author, or install another version.`,
    );
  }
  return {
    instanceId: entry.instanceId,
    kind: plugin.kind,
    loaded,
    capabilities: plugin.capabilities,
    instance,
  };
}

function build(
  plugin: Plugin,
  config: unknown,
  context: PluginContext,
  { entry }: ConfiguredPlugin,
  configFile: string,
): PluginKinds[PluginKind]['instance'] {
  try {
    return plugin.create(config, context);
  } catch (cause) {
    throw new PluginError(
      'PLUGIN_CONFIG_INVALID',
      entry,
      configFile,
      `it refused its configuration: ${cause instanceof Error ? cause.message : String(cause)} Correct ${entry.path}, then run: gateway check`,
      { cause },
    );
  }
}

/** A plugin gets what it declared and nothing else, so that the declaration can be trusted when reading it. */
function onlyDeclared(context: PluginContext, needs: HostNeeds): PluginContext {
  const { instanceId, origin, logger, clock } = context;
  const kept = NEED_MEMBERS.filter(
    (need) => isDeclared(needs, need) && context[need] !== undefined,
  ).map((need) => [need, context[need]]);
  return Object.freeze({ instanceId, origin, logger, clock, ...Object.fromEntries(kept) });
}

function isDeclared(needs: HostNeeds, need: (typeof NEED_MEMBERS)[number]): boolean {
  const declared = needs[need];
  return Array.isArray(declared) ? declared.length > 0 : Boolean(declared);
}
