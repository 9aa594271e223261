import { z } from 'zod';
import type { ConfiguredPlugin } from '../../src/plugins/index.js';
import {
  type CommandPort,
  defineTransport,
  type HostNeeds,
  type PluginContext,
} from '../../src/spi/index.js';

/** A transport that carries nothing and only uses what the host lends. `use` may give back what to do when it stops. */
export function testTransport(
  instanceId: string,
  needs: HostNeeds,
  use: (lent: PluginContext) => (() => void) | void,
  commands?: CommandPort,
): ConfiguredPlugin {
  const plugin = defineTransport({
    name: instanceId,
    config: z.strictObject({}),
    capabilities: { protocol: 'test', commands: commands !== undefined, needs },
    create(_config, lent) {
      const leave = use(lent);
      return {
        start: async () => undefined,
        stop: async () => leave?.(),
        health: async () => ({ live: true, ready: true }),
        ...(commands === undefined ? {} : { commands }),
      };
    },
  });
  return {
    entry: {
      instanceId,
      kind: 'transport',
      use: instanceId,
      config: {},
      path: `transports.${instanceId}`,
    },
    plugin,
    config: {},
    url: import.meta.url,
    package: undefined,
  };
}
