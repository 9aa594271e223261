import plugin, { deployRegistry, EvmAnchor, EvmConfig } from '@wattproof/anchor-evm';
import { calldataVerifier, receiptVerifier, stateVerifier } from '@wattproof/anchor-evm/verify';
import type { EvidenceVerifier } from '@wattproof/core/spi';
import { describeAnchor } from '@wattproof/core/testing';
import { Anvil } from './anvil/anvil.js';
import { BlockIndex } from './anvil/block-index.js';

const NIGHTLY = Boolean(process.env['WATTPROOF_NIGHTLY']);
/** The account that anchors; every world begins with the chain on which it has sent nothing. */
const ACCOUNT = 1;
/** Blocks that come at a time while nothing waits for one: so a run need not drive the engine once for each. */
const EMPTY_BLOCKS = 4;

let anvil: Anvil;
let blocks: BlockIndex;
let snapshot: string | undefined;
/** Base fee of every block; left out, what the chain makes of it. */
let baseFeeWei: bigint | undefined;
let worlds = 0;
const startedAt = performance.now();

/** States a node keeps in memory, and blocks after which another node is started, long before it forgets the first ones. */
const STATES = 2_000;
const BLOCKS_PER_NODE = 600;
/** Blocks that the node has seen, of all its worlds. */
let mined = 0;

beforeAll(start);

async function start(): Promise<void> {
  // States beyond these are gone or on disk: a reorganisation to one of them fails, or keeps storage it should not.
  const args = ['--prune-history', String(STATES)];
  anvil = await Anvil.start({ accounts: 2, automine: true, plain: true, args });
  snapshot = undefined;
  mined = 0;
  blocks = new BlockIndex(anvil);
  await deployRegistry({
    chainId: 31_337,
    rpc: { url: anvil.url, timeoutMs: 5_000 },
    signer: anvil.key(0),
    pollMs: 5,
  });
  await anvil.rpc('evm_setAutomine', false);
  // Further down than any reorganisation of a test.
  await anvil.mine(20);
}
afterAll(async () => {
  await anvil.stop();
  const ms = (performance.now() - startedAt) / worlds;
  process.stdout.write(`evm conformance: ${worlds} worlds, ${ms.toFixed(0)} ms each\n`);
});

async function open(): Promise<number> {
  worlds += 1;
  baseFeeWei = undefined;
  mined += Number(await anvil.rpc('eth_blockNumber'));
  if (mined > BLOCKS_PER_NODE || !(await isBackAtTheStart())) {
    await anvil.stop();
    await start();
  }
  snapshot = await anvil.rpc('evm_snapshot');
  return ACCOUNT;
}

/** False when the world before reorganised the very block away that the worlds begin with. */
async function isBackAtTheStart(): Promise<boolean> {
  await anvil.rpc('anvil_dropAllTransactions');
  if (snapshot === undefined) return true;
  return anvil.rpc<boolean>('evm_revert', snapshot).catch(() => false);
}

async function settle(): Promise<void> {
  if (baseFeeWei !== undefined) return mineAt(baseFeeWei);
  const { pending } = await anvil.rpc<{ pending: string }>('txpool_status');
  await anvil.mine(Number(pending) > 0 ? 1 : EMPTY_BLOCKS);
}

async function mineAt(wei: bigint): Promise<void> {
  await anvil.rpc('anvil_setNextBlockBaseFeePerGas', `0x${wei.toString(16)}`);
  await anvil.mine();
}

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
  { verifier: receiptVerifier, options: {}, nightlyPoints: 200, nightlySeeds: 20 },
  { verifier: eitherVerifier, options: { evidence: 'state' }, nightlyPoints: 20, nightlySeeds: 2 },
  { verifier: calldataVerifier, options: { mode: 'calldata' }, nightlyPoints: 20, nightlySeeds: 2 },
];

for (const { verifier, options, nightlyPoints, nightlySeeds } of NIGHTLY
  ? KINDS
  : KINDS.slice(0, 1))
  describeAnchor<number>({
    plugin,
    verifier,
    open,
    config: (account) => config(account, options),
    create: (account, context) => new EvmAnchor(EvmConfig.parse(config(account, options)), context),
    settle,
    setDown: async (_account, down) => anvil.setDown(down),
    confirmed: (account, { digest }) => blocks.includedWith(digest, anvil.address(account)),
    reorg: (_account, depth) => anvil.reorganise(depth),
    headers: () => ({
      header: async (_ledger, { height }) =>
        height === undefined ? undefined : anvil.header(height),
    }),
    // On a calm chain a unit of gas costs an attempt its tip, 1 gwei. It is in a block that fees are read.
    feeFloor: async (_account, times) => {
      const wei = BigInt(times) * 1_000_000_000n;
      baseFeeWei = times === 0 ? undefined : wei;
      await mineAt(wei);
    },
    disturb: async (_account, random) => {
      const dice = random();
      if (dice < 0.15) await anvil.rpc('anvil_dropAllTransactions');
      else if (dice < 0.3) await anvil.rpc('anvil_setNextBlockBaseFeePerGas', '0x77359400');
      else if (dice < 0.4) await anvil.reorganise(1);
      else if (dice < 0.5) await anvil.mine();
    },
    crash: { points: 4, nightlyPoints, nightlySeeds, nightlyCommitments: 4 },
  });
