import { PeerMissing, withPeers } from '../../peers/with-peers.js';
import { StoreError } from './store-error.js';

/** Optional peers of each kind of database: only those that the URL asks for have to be installed. */
const PEERS = {
  postgresql: ['@mikro-orm/core', '@mikro-orm/migrations', '@mikro-orm/postgresql', 'pg'],
  pglite: ['@mikro-orm/core', '@mikro-orm/migrations', '@mikro-orm/pglite', '@electric-sql/pglite'],
} as const;

/** Loads a part of a store. Throws `store_driver_missing`, naming everything that is to be installed. */
export async function withStorePeers<T>(
  kind: keyof typeof PEERS,
  load: () => Promise<T>,
): Promise<T> {
  const what = kind === 'pglite' ? 'An embedded:// store' : 'A postgresql:// store';
  try {
    return await withPeers(what, PEERS[kind], load);
  } catch (error) {
    if (!(error instanceof PeerMissing)) throw error;
    throw new StoreError('store_driver_missing', error.message, { cause: error });
  }
}
