import plugin, { BitcoinAnchor, BitcoinConfig } from '@wattproof/anchor-bitcoin';
import { opReturnVerifier } from '@wattproof/anchor-bitcoin/verify';
import type { PluginContext } from '@wattproof/core/spi';
import { describeAnchor } from '@wattproof/core/testing';
import { networks, payments } from 'bitcoinjs-lib';
import { AnchorWallet } from '../src/op-return.js';
import { commitsTo, readTransaction } from '../src/verify/transaction.js';
import { CoreRpcFacade } from './regtest/core-rpc-facade.js';
import { regtestKey } from './regtest/regtest-key.js';
import { RegtestNode } from './regtest/regtest-node.js';

/** One node for all tests; each test has a wallet of its own, funded before the first. */
const WALLETS = process.env['WATTPROOF_NIGHTLY'] ? 400 : 40;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const context: PluginContext = {
  instanceId: 'bitcoin',
  origin: 'conformance.test/log',
  logger: silent,
  clock: { nowMs: () => 0 },
};

interface World {
  readonly wif: string;
  readonly wallet: AnchorWallet;
}

let regtest: RegtestNode;
let rpc: CoreRpcFacade;
let used = 0;

beforeAll(async () => {
  regtest = await RegtestNode.start();
  rpc = await CoreRpcFacade.start(regtest);
  for (let index = 0; index < WALLETS; index += 1) {
    const { address } = new AnchorWallet(regtestKey(index), 'regtest');
    await regtest.mine(
      1,
      payments.p2wpkh({ address, network: networks.regtest }).hash as Uint8Array,
    );
  }
  await regtest.mine(100, 3);
}, 120_000);
afterAll(async () => {
  await rpc.stop();
  await regtest.stop();
});

const config = ({ wif }: World) => ({
  network: 'regtest',
  rpc: { url: rpc.url, user: 'anchor', password: 'secret' },
  wif,
  confirmations: 3,
});

describeAnchor<World>({
  plugin,
  verifier: opReturnVerifier,
  open: async () => {
    if (used === WALLETS) throw new Error(`All ${WALLETS} funded wallets are used; fund more.`);
    const wif = regtestKey(used);
    used += 1;
    return { wif, wallet: new AnchorWallet(wif, 'regtest') };
  },
  config,
  create: (world) => new BitcoinAnchor(BitcoinConfig.parse(config(world)), context),
  settle: () => regtest.mine(1),
  setDown: async (_world, down) => {
    rpc.down = down;
  },
  confirmed: async ({ wallet }, { digest }) => {
    const found: string[] = [];
    for (const { txid, raw } of await regtest.transactionsOf(wallet.script.slice(2))) {
      if (readTransaction(raw).outputs.some(({ script }) => commitsTo(script, digest)))
        found.push(txid);
    }
    return found;
  },
  reorg: (_world, depth) => regtest.reorganise(depth),
  headers: () => ({
    header: async (_ledger, { height }) =>
      height === undefined ? undefined : regtest.header(height),
  }),
  crash: { points: 4, nightlyPoints: 60, nightlySeeds: 2 },
});
