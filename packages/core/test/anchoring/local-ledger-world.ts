import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { LEDGER_COLLECTIONS, LocalLedger } from '../../src/anchoring/local-ledger/index.js';
import type { Clock, Collections, PluginContext, Signer } from '../../src/spi/index.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { SUITE_ANCHOR, SUITE_ORIGIN } from '../../src/testing/anchor-suite/commitments.js';
import { formatVkey, noteKey } from '../../src/verify/note.js';

export function ledgerSigner(origin = SUITE_ORIGIN): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = (key: KeyObject) =>
    new Uint8Array(key.export({ format: 'der', type: 'spki' })).slice(12);
  const name = `${origin}/ledger`;
  return {
    name,
    vkey: formatVkey(noteKey(name, raw(publicKey))),
    sign: async (message) => new Uint8Array(sign(null, message, privateKey)),
  };
}

/** The collections of one local ledger in memory, which can be made to fail. */
export class LocalLedgerWorld {
  down = false;
  readonly clock: Clock & { ms: number } = {
    ms: 1_700_000_000_000,
    nowMs() {
      return this.ms;
    },
  };
  readonly signer = ledgerSigner();

  private constructor(readonly collections: Collections) {}

  static async open(): Promise<LocalLedgerWorld> {
    const clock = { nowMs: () => 1_700_000_000_000 };
    const store = openMemoryStore({ clock });
    const collections = await store.collections(SUITE_ANCHOR, LEDGER_COLLECTIONS);
    const guarded: Collections = {
      get: (...args) => world.reach().get(...args),
      put: (...args) => world.reach().put(...args),
      delete: (...args) => world.reach().delete(...args),
      batch: async (writes) => world.reach().batch(writes),
      range: (...args) => world.reach().range(...args),
    };
    const world = new LocalLedgerWorld(guarded);
    world.reach = () => {
      if (world.down) throw new Error('the store does not answer');
      return collections;
    };
    return world;
  }

  reach: () => Collections = () => {
    throw new Error('not open');
  };

  context(): PluginContext {
    return {
      instanceId: SUITE_ANCHOR,
      origin: SUITE_ORIGIN,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      clock: this.clock,
      collections: this.collections,
      signer: this.signer,
    };
  }

  ledger(): LocalLedger {
    return new LocalLedger(SUITE_ORIGIN, this.collections, this.signer, this.clock);
  }
}
