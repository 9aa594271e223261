import plugin, { deployRegistry, EvmAnchor, EvmConfig } from '@wattproof/anchor-evm';
import { receiptVerifier } from '@wattproof/anchor-evm/verify';
import { describeAnchor } from '@wattproof/core/testing';
import { Anvil } from './anvil/anvil.js';
import { includedWith } from './anvil/included-with.js';

/** One node for all tests; each test has an account of its own, funded in the genesis block. */
const ACCOUNTS = process.env['WATTPROOF_NIGHTLY'] ? 600 : 60;

let anvil: Anvil;
let used = 0;

beforeAll(async () => {
  anvil = await Anvil.start({ accounts: ACCOUNTS, automine: true });
  await deployRegistry({
    chainId: 31_337,
    rpc: { url: anvil.url, timeoutMs: 5_000 },
    signer: anvil.key(0),
  });
  await anvil.rpc('evm_setAutomine', false);
  // Further down than any reorganisation of a test.
  await anvil.mine(20);
});
afterAll(() => anvil.stop());

const config = (account: number) => ({
  chainId: 31_337,
  rpc: { url: anvil.url },
  key: anvil.key(account),
  priorityFeeGwei: 1,
});

describeAnchor<number>({
  plugin,
  verifier: receiptVerifier,
  open: async () => {
    used += 1;
    if (used === ACCOUNTS) throw new Error(`All ${ACCOUNTS} funded accounts are used; fund more.`);
    return used;
  },
  config,
  create: (account, context) => new EvmAnchor(EvmConfig.parse(config(account)), context),
  settle: () => anvil.mine(),
  setDown: async (_account, down) => anvil.setDown(down),
  confirmed: (account, { digest }) => includedWith(anvil, digest, anvil.key(account)),
  reorg: (_account, depth) => anvil.reorganise(depth),
  headers: () => ({
    header: async (_ledger, { height }) =>
      height === undefined ? undefined : anvil.header(height),
  }),
  crash: { points: 4, nightlyPoints: 60, nightlySeeds: 2 },
});
