import plugin, { deployRegistry, EvmAnchor, EvmConfig } from '@wattproof/anchor-evm';
import { calldataVerifier, receiptVerifier, stateVerifier } from '@wattproof/anchor-evm/verify';
import type { EvidenceVerifier } from '@wattproof/core/spi';
import { describeAnchor } from '@wattproof/core/testing';
import { Anvil } from './anvil/anvil.js';
import { includedWith } from './anvil/included-with.js';

/** One node for all tests; each test has an account of its own, funded in the genesis block. */
const NIGHTLY = Boolean(process.env['WATTPROOF_NIGHTLY']);
const ACCOUNTS = NIGHTLY ? 3_000 : 200;

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

/** A newer checkpoint in the same block leaves an older one its receipt. */
const eitherVerifier: EvidenceVerifier = {
  type: stateVerifier.type,
  verify: (commitment, evidence, given) =>
    (evidence.type === stateVerifier.type ? stateVerifier : receiptVerifier).verify(
      commitment,
      evidence,
      given,
    ),
};

const config = (account: number, options: object) => ({
  chainId: 31_337,
  rpc: { url: anvil.url },
  key: anvil.key(account),
  priorityFeeGwei: 1,
  // The kit reorganises ten blocks; the tags of a node in a test would not survive that.
  finality: { depth: 11 },
  ...options,
});

const KINDS = [
  { verifier: receiptVerifier, options: {}, nightlyPoints: 60 },
  { verifier: eitherVerifier, options: { evidence: 'state' }, nightlyPoints: 12 },
  { verifier: calldataVerifier, options: { mode: 'calldata' }, nightlyPoints: 12 },
];

for (const { verifier, options, nightlyPoints } of NIGHTLY ? KINDS : KINDS.slice(0, 1))
  describeAnchor<number>({
    plugin,
    verifier,
    open: async () => {
      used += 1;
      if (used === ACCOUNTS)
        throw new Error(`All ${ACCOUNTS} funded accounts are used; fund more.`);
      return used;
    },
    config: (account) => config(account, options),
    create: (account, context) => new EvmAnchor(EvmConfig.parse(config(account, options)), context),
    settle: () => anvil.mine(),
    setDown: async (_account, down) => anvil.setDown(down),
    confirmed: (account, { digest }) => includedWith(anvil, digest, anvil.key(account)),
    reorg: (_account, depth) => anvil.reorganise(depth),
    headers: () => ({
      header: async (_ledger, { height }) =>
        height === undefined ? undefined : anvil.header(height),
    }),
    disturb: async (_account, random) => {
      const dice = random();
      if (dice < 0.15) await anvil.rpc('anvil_dropAllTransactions');
      else if (dice < 0.3) await anvil.rpc('anvil_setNextBlockBaseFeePerGas', '0x77359400');
      else if (dice < 0.4) await anvil.reorganise(1);
      else if (dice < 0.5) await anvil.mine();
    },
    crash: { points: 4, nightlyPoints, nightlySeeds: 2 },
  });
