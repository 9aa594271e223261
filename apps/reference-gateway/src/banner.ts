import type { Gateway } from '@wattproof/core';
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
    ...(options.simulated === undefined ? [] : [`${options.simulated} simulated meters`]),
  ];
  return [
    `wattproof ${gateway.origin}`,
    `  configuration  ${shown(options.file)}`,
    `  store          ${STORES[store.kind]}, durability class ${store.durability}: ${CLASSES[store.durability]}`,
    `  embedded       ${embedded.join(', ') || 'nothing'}`,
    `  anchors        ${plugins.flatMap(({ kind, instanceId }) => (kind === 'anchor' ? [instanceId] : [])).join(', ') || 'none'}`,
    `  signatures     checked by ${gateway.signatureBackend}`,
    `  production     settings: ${shown(PRODUCTION_EXAMPLE)}, docs/operate.md`,
    ...options.warnings.map((warning) => `  warning        ${warning}`),
  ];
}
