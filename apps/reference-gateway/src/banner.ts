import type { Gateway } from '@wattproof/core';
import type { Transport } from '@wattproof/core/spi';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const CLASSES = {
  fsync: 'survives power loss',
  process: 'survives the end of this process, not power loss',
  memory: 'survives nothing',
} as const;

const STORES = {
  memory: 'in memory',
  pglite: 'embedded PostgreSQL (PGlite)',
  postgresql: 'PostgreSQL',
} as const;

const PRODUCTION_EXAMPLE = fileURLToPath(new URL('../examples/prod.yaml', import.meta.url));

/** What an operator should see at every start: what is kept how well, what is embedded, what to mind. */
export function banner(
  gateway: Gateway,
  options: {
    readonly file: string;
    readonly workingDirectory: string;
    readonly simulated: number | undefined;
    /** Transports by their instance ids, with where they listen. */
    readonly transports: readonly string[];
    readonly warnings: readonly string[];
  },
): readonly string[] {
  const { store, plugins } = gateway;
  const shown = (path: string): string => {
    const short = relative(options.workingDirectory, path);
    return short.startsWith('..') ? path : short;
  };
  const embedded = [
    ...(store.kind === 'postgresql' ? [] : [STORES[store.kind]]),
    ...plugins
      .filter(({ loaded }) => loaded.entry.use === '@wattproof/core/local-ledger')
      .map(({ instanceId }) => `local ledger "${instanceId}"`),
    ...plugins
      .filter(({ loaded }) => isBroker(loaded.entry))
      .map(({ instanceId }) => `MQTT broker "${instanceId}"`),
    ...(options.simulated === undefined ? [] : [`${options.simulated} simulated meters`]),
  ];
  return [
    `wattproof ${gateway.origin}`,
    `  configuration  ${shown(options.file)}`,
    `  store          ${STORES[store.kind]}, durability class ${store.durability}: ${CLASSES[store.durability]}`,
    `  embedded       ${embedded.join(', ') || 'nothing'}`,
    `  anchors        ${plugins.flatMap(({ kind, instanceId }) => (kind === 'anchor' ? [instanceId] : [])).join(', ') || 'none'}`,
    ...(options.transports.length === 0
      ? []
      : [`  transports     ${options.transports.join('; ')}`]),
    `  signatures     checked by ${gateway.signatureBackend}`,
    `  production     settings: ${shown(PRODUCTION_EXAMPLE)}, docs/operate.md`,
    ...options.warnings.map((warning) => `  warning        ${warning}`),
  ];
}

function isBroker({ use, config }: { readonly use: string; readonly config: unknown }): boolean {
  return (
    use === '@wattproof/transport-mqtt' && (config as { listen?: unknown }).listen !== undefined
  );
}

/**
 * `mqtt: mqtt://127.0.0.1:1883`, `ws: ws://127.0.0.1:3000/ws` of one on the gateway's own server at `url`; of a transport that says
 * no address its instance id alone.
 */
export function transportsOf(gateway: Gateway, url: string): Promise<readonly string[]> {
  return Promise.all(
    gateway.plugins
      .filter(({ kind }) => kind === 'transport')
      .map(async ({ instanceId, instance }) => {
        const { facts } = await (instance as Transport).health();
        const listens = facts?.['listens'];
        if (listens === undefined) return instanceId;
        const isPath = String(listens).startsWith('/');
        return `${instanceId}: ${isPath ? url.replace(/^http/, 'ws') : ''}${listens}`;
      }),
  );
}
