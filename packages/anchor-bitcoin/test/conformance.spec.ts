import plugin, { BitcoinConfig } from '@wattproof/anchor-bitcoin';
import { opReturnVerifier } from '@wattproof/anchor-bitcoin/verify';
import type { PluginContext } from '@wattproof/core/spi';
import { describeAnchor } from '@wattproof/core/testing';
import type { AnchorWallet } from '../src/anchor-wallet.js';
import type { AddressType } from '../src/bitcoin.config.js';
import { commitsTo, readTransaction } from '../src/verify/transaction.js';
import { regtestKey, regtestWallet } from './regtest/regtest-key.js';
import { Regtest } from './regtest/regtest.js';

/** One node for all tests; each test has a wallet of its own, of which so many are funded at a time. */
const WALLETS = 50;
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
  readonly wallet: AnchorWallet;
}

/** Both types in turn. */
const typeOf = (index: number): AddressType => (index % 2 === 0 ? 'p2wpkh' : 'p2tr');

let regtest: Regtest;
let used = 0;

beforeAll(async () => {
  regtest = await Regtest.start();
}, 120_000);
afterAll(async () => {
  await regtest.stop();
});

const walletOf = (index: number) => regtestWallet(index, typeOf(index));

const config = ({ wif, address }: World) => ({
  network: 'regtest',
  rpc: { url: regtest.url, user: 'anchor', password: 'secret' },
  wif,
  address,
  confirmations: 3,
});

describeAnchor<World>({
  plugin,
  verifier: opReturnVerifier,
  open: async () => {
    if (used % WALLETS === 0)
      await regtest.fund(
        ...Array.from({ length: WALLETS }, (_unused, at) => walletOf(used + at).script),
      );
    const index = used;
    used += 1;
    return { wif: regtestKey(index), address: typeOf(index), wallet: walletOf(index) };
  },
  config,
  create: (world) => plugin.create(BitcoinConfig.parse(config(world)), context),
  settle: () => regtest.mine(1),
  setDown: (_world, down) => regtest.setDown(down),
  confirmed: async ({ wallet }, { digest }) => {
    const found: string[] = [];
    for (const { txid, raw } of await regtest.transactionsOf(wallet.script)) {
      if (readTransaction(raw).outputs.some(({ script }) => commitsTo(script, digest)))
        found.push(txid);
    }
    return found;
  },
  reorg: (_world, depth) => regtest.reorganise(depth),
  keepFirst: (_world, keep) => regtest.setFees({ replacement: !keep }),
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
  crash: { points: 4, nightlyPoints: 200, nightlySeeds: 20 },
});
