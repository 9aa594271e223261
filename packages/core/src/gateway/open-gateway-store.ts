import { isDurableEnough, requiredDurability, type GatewayConfig } from '../plugins/index.js';
import type { Clock, Logger } from '../spi/index.js';
import { openMemoryStore } from '../stores/memory/open-memory-store.js';
import type { Store } from '../stores/store.js';

/** The store would lose acknowledged readings in a case the configuration did not consent to. */
export class StoreTooWeak extends Error {
  override readonly name = 'StoreTooWeak';
  readonly code = 'store_durability';
}

/**
 * Opens the store the configuration names. The SQL stores and their drivers are loaded only when asked
 * for: they are optional peers. Throws `StoreTooWeak`, `StoreUnavailable` and what the store says of its URL.
 */
export async function openGatewayStore(
  config: Pick<GatewayConfig, 'origin' | 'profile' | 'store'>,
  parts: { readonly clock: Clock; readonly logger: Logger },
): Promise<Store> {
  const store = config.store.url.startsWith('memory://')
    ? openMemoryStore({ clock: parts.clock })
    : await openSqlStore(config.store.url, { ...parts, origin: config.origin });
  const required = requiredDurability(config);
  if (isDurableEnough(store.durability, required)) return store;
  await store.close();
  throw new StoreTooWeak(
    `The store is of durability class "${store.durability}" and profile ${config.profile} asks for "${required}": acknowledged readings could be lost ${store.durability === 'memory' ? 'with the process' : 'when power fails'}. Use postgresql://…, or consent with store.durability: ${store.durability}.`,
  );
}

async function openSqlStore(
  url: string,
  parts: { readonly clock: Clock; readonly logger: Logger; readonly origin: string },
): Promise<Store> {
  const { openStore } = await import('../stores/mikro-orm/index.js');
  return openStore(url, parts);
}
