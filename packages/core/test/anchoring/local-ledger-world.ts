import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { transactionId } from '../../src/anchoring/local-ledger/block.js';
import localLedger, {
  LEDGER_COLLECTIONS,
  type LocalBlock,
  LocalLedger,
  localLedgerVerifier,
} from '../../src/anchoring/local-ledger/index.js';
import type { Clock, Collections, PluginContext, Signer } from '../../src/spi/index.js';
import { signal } from '../../src/testing/anchor-suite/suite-kit.js';
import type { AnchorSuiteOptions } from '../../src/testing/describe-anchor.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { SUITE_ANCHOR, SUITE_ORIGIN } from '../../src/testing/anchor-suite/commitments.js';
import { fromBase64, fromUtf8, toHex } from '../../src/verify/bytes.js';
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

  private constructor(
    readonly collections: Collections,
    /** The same ones, whether the ledger is down or not. */
    readonly reachable: Collections,
  ) {}

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
    const world = new LocalLedgerWorld(guarded, collections);
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

  ledger(collections = this.collections): LocalLedger {
    return new LocalLedger(SUITE_ORIGIN, collections, this.signer, this.clock);
  }
}

export async function blocksOf(world: LocalLedgerWorld): Promise<LocalBlock[]> {
  const blocks: LocalBlock[] = [];
  for await (const block of world.ledger().blocks()) blocks.push(block);
  return blocks;
}

export const localSuite: AnchorSuiteOptions<LocalLedgerWorld> = {
  plugin: localLedger,
  verifier: localLedgerVerifier,
  open: () => LocalLedgerWorld.open(),
  config: () => ({}),
  create: (world) => localLedger.create({}, world.context()),
  settle: async (world) => {
    world.clock.ms += 1_000;
  },
  setDown: async (world, down) => {
    world.down = down;
  },
  async confirmed(world, { digest }) {
    const found: string[] = [];
    for await (const block of world.ledger(world.reachable).blocks())
      for (const record of block.records)
        if (fromUtf8(fromBase64(record)).includes(toHex(digest)))
          found.push(transactionId(fromBase64(record)));
    return found;
  },
  trustedKeys: (world) => [world.signer.vkey],
  disturb: async (world, random) => {
    world.down = random() < 0.3;
  },
  ports: {
    accounts: () => ['seller', 'buyer', 'someone'],
    unit: 'EUR',
    fund: async (world, account, amount) => {
      const { ports } = localLedger.create({}, world.context());
      const payment = { amount, unit: 'EUR' };
      await ports?.settlement?.cash?.deposit({ key: account, account, payment }, signal());
    },
  },
};
