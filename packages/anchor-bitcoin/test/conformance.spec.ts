import plugin, { BitcoinConfig } from '@wattproof/anchor-bitcoin';
import { opReturnVerifier, taprootVerifier } from '@wattproof/anchor-bitcoin/verify';
import type { EvidenceVerifier, PluginContext } from '@wattproof/core/spi';
import { describeAnchor } from '@wattproof/core/testing';
import type { AnchorWallet } from '../src/anchor-wallet.js';
import type { AddressType, CommitmentPlace } from '../src/bitcoin.config.js';
import { commitsTo, readTransaction } from '../src/verify/transaction.js';
import { type MemoryCollections, memoryCollections } from './calendars/memory-collections.js';
import { regtestKey, regtestWallet } from './regtest/regtest-key.js';
import { Regtest } from './regtest/regtest.js';

/** One node for many tests; each test has a wallet of its own, of which so many are funded at a time. */
const WALLETS = 50;
/** Worlds of one node: a chain that has grown for thousands is slow to look through. */
const WORLDS_PER_NODE = 500;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const context: PluginContext = {
  instanceId: 'bitcoin',
  origin: 'conformance.test/log',
  logger: silent,
  clock: { nowMs: () => 0 },
};

interface World {
  readonly wif: string;
  readonly address: AddressType;
  readonly commitment: CommitmentPlace;
  readonly wallet: AnchorWallet;
  /** What a wallet that tweaks its key remembers, like the gateway's store across restarts. */
  readonly collections: MemoryCollections;
}

/** In turn. */
const KINDS = [
  { address: 'p2wpkh', commitment: 'op_return' },
  { address: 'p2tr', commitment: 'taproot' },
  { address: 'p2tr', commitment: 'op_return' },
] as const;
const kindOf = (index: number) => KINDS[index % KINDS.length] as (typeof KINDS)[0];

const verifier: EvidenceVerifier = {
  type: opReturnVerifier.type,
  verify: (commitment, evidence, about) =>
    (evidence.type === taprootVerifier.type ? taprootVerifier : opReturnVerifier).verify(
      commitment,
      evidence,
      about,
    ),
};

let regtest: Regtest;
let used = 0;

beforeAll(async () => {
  regtest = await Regtest.start();
}, 120_000);
afterAll(async () => {
  await regtest.stop();
});

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const walletOf = (index: number) => {
  const { address, commitment } = kindOf(index);
  return regtestWallet(index, address, commitment);
};

const config = ({ wif, address, commitment }: World) => ({
  network: 'regtest',
  rpc: { url: regtest.url, user: 'anchor', password: 'secret' },
  wif,
  address,
  commitment,
  confirmations: 3,
});

describeAnchor<World>({
  plugin,
  verifier,
  open: async () => {
    if (used > 0 && used % WORLDS_PER_NODE === 0) {
      await regtest.stop();
      regtest = await Regtest.start();
    }
    if (used % WALLETS === 0)
      await regtest.fund(
        ...Array.from({ length: WALLETS }, (_unused, at) => walletOf(used + at).script),
      );
    const index = used;
    used += 1;
    const collections = memoryCollections();
    return { wif: regtestKey(index), ...kindOf(index), wallet: walletOf(index), collections };
  },
  config,
  create: (world) => {
    const { collections } = world;
    return plugin.create(BitcoinConfig.parse(config(world)), { ...context, collections });
  },
  settle: () => regtest.mine(1),
  setDown: (_world, down) => regtest.setDown(down),
  confirmed: async ({ wallet, commitment }, { digest }) => {
    const found: string[] = [];
    const tweaked = commitment === 'taproot' ? hexOf(wallet.scriptOf(digest)) : undefined;
    const paysTo = tweaked === undefined ? wallet.script : wallet.scriptOf(digest);
    for (const { txid, raw } of await regtest.transactionsOf(paysTo)) {
      const { outputs } = readTransaction(raw);
      if (outputs.some(({ script }) => hexOf(script) === tweaked || commitsTo(script, digest)))
        found.push(txid);
    }
    return found;
  },
  reorg: (_world, depth) => regtest.reorganise(depth),
  keepFirst: (_world, keep) => regtest.setFees({ replacement: !keep }),
  // A tweak of a key is not among the operations of an .ots file.
  unexportable: ({ commitment }) => (commitment === 'taproot' ? ['ots'] : []),
  // In multiples of what an anchor pays while the node has no estimate, 2 sat/vB.
  feeFloor: (_world, times) => regtest.setFees({ floor: Math.max(1, 2 * times) }),
  disturb: async (_world, random) => {
    const dice = random();
    if (dice < 0.12) await regtest.evictAll();
    else if (dice < 0.22) await regtest.setFees({ floor: 5 });
    else if (dice < 0.4) await regtest.setFees({ floor: 1 });
    // Shallower than the suite's finality depth.
    else if (dice < 0.5) await regtest.reorganise(1 + Math.floor(random() * 2));
    else if (dice < 0.6) await regtest.setFees({ estimate: 1 + Math.floor(random() * 20) });
    else if (dice < 0.75) await regtest.setFees({ replacement: dice < 0.68 });
  },
  close: () => regtest.setFees({ floor: 1, estimate: null, replacement: true }),
  headers: () => ({
    header: async (_ledger, { height }) =>
      height === undefined ? undefined : regtest.header(height),
  }),
  crash: { points: 4, nightlyPoints: 200, nightlySeeds: 20, nightlyCommitments: 4 },
});
