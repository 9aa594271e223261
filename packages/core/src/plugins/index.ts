export {
  type GatewayConfig,
  type GatewayConfigInput,
  gatewayConfigSchema,
  isDurableEnough,
  type KeySource,
  pluginEntries,
  requiredDurability,
  ROLES,
} from './gateway-config.js';
export { declaredGuards, type HttpGuards, httpGuardProblems } from './http-guards.js';
export {
  Lifecycle,
  LIFECYCLE_PHASES,
  LifecycleError,
  LifecycleErrors,
  type LifecyclePhase,
  type LifecycleStep,
  type Timer,
} from './lifecycle.js';
export {
  type ConfiguredPlugin,
  type LoadedPlugin,
  type LoadOptions,
  loadPlugin,
  loadPlugins,
} from './load-plugin.js';
export {
  type ConfiguredMessageSystem,
  configuredMessageSystems,
  MESSAGE_SYSTEMS,
  type MessageSystem,
} from './microservice-peers.js';
export { MessageRules, MicroservicesConfig } from './microservices.config.js';
export { type JsonSchema, pluginJsonSchema } from './plugin-config.js';
export {
  type ConfigProblem,
  PLUGIN_ERROR_CODES,
  type PluginEntry,
  PluginError,
  type PluginErrorCode,
  PluginErrors,
} from './plugin-errors.js';
export { createPlugins, type PluginHost, type PluginInstance } from './plugin-instances.js';
