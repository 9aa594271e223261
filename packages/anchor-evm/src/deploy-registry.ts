import { AnchorError } from '@wattproof/core/spi';
import { Transaction } from 'ethers';
import { CheckpointRegistry } from './artifacts/checkpoint-registry.js';
import { rpcBytes } from './block-header-rlp.js';
import { CREATE2_DEPLOYER, deterministicAddress } from './deterministic-address.js';
import { OneOffSender, type SendOptions } from './one-off-sender.js';
import { bytes } from './rpc-values.js';
import { same } from './verify/hex.js';

/** What the transaction below pays, from an account that has only this one: 100,000 gas at 100 gwei. */
const DEPLOYER_COST_WEI = 10_000_000_000_000_000n;
/** Creates the deployer on a chain that lacks it. Nobody's key signed it, and it is the same everywhere. */
const DEPLOYER_TRANSACTION =
  '0xf8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba02222222222222222222222222222222222222222222222222222222222222222a02222222222222222222222222222222222222222222222222222222222222222';

export type DeployOptions = SendOptions;

export interface Deployed {
  readonly address: string;
  /** Absent when it was there already, and in a dry run. */
  readonly txId?: string;
}

/** Puts the checkpoint registry at its address on a chain; anybody may, once for everybody. Done already is success. */
export const deployRegistry = (options: DeployOptions): Promise<Deployed> =>
  deployDeterministically('the checkpoint registry', CheckpointRegistry.bytecode, options);

/** Deploys creation code to the address that follows from it. Throws `rejected` when other code is there. */
export async function deployDeterministically(
  what: string,
  creationCode: string,
  options: DeployOptions,
): Promise<Deployed> {
  const sender = new OneOffSender(options);
  const address = deterministicAddress(creationCode);
  if (await stands(sender, what, address, creationCode)) {
    options.say?.(`${what}: is at ${address} already`);
    return { address };
  }
  options.say?.(`${what}: goes to ${address}`);
  const hasDeployer = await ensureDeployer(sender);
  const data = `0x${'00'.repeat(32)}${creationCode.slice(2)}`;
  const like = hasDeployer ? {} : { like: { data: creationCode } };
  const txId = await sender.send({ what, to: CREATE2_DEPLOYER, data, ...like });
  if (txId === undefined) return { address };
  if (await stands(sender, what, address, creationCode)) {
    options.say?.(`${what}: is at ${address}`);
    return { address, txId };
  }
  throw new AnchorError('rejected', `${txId} is included and ${address} has no code.`);
}

async function stands(
  { node, signal, options: { chainId } }: OneOffSender,
  what: string,
  address: string,
  creationCode: string,
): Promise<boolean> {
  const code = await node.code(address, signal);
  if (code.length === 0) return false;
  // What creation leaves, with its immutable values in place, is asked of creation itself.
  const left = await node.call('eth_call', [{ data: creationCode }, 'latest'], signal, bytes);
  if (same(code, left)) return true;
  throw new AnchorError(
    'rejected',
    `${address} on chain ${chainId} has code that is not ${what}. Nothing was sent; deploy nothing here and ask who runs the chain.`,
  );
}

/** False in a dry run on a chain that lacks it. */
async function ensureDeployer(sender: OneOffSender): Promise<boolean> {
  const { node, signal, options } = sender;
  if ((await node.code(CREATE2_DEPLOYER, signal)).length > 0) return true;
  const maker = (Transaction.from(DEPLOYER_TRANSACTION).from as string).toLowerCase();
  const what = 'the deployer, which this chain lacks';
  // A run that ended in between has paid already.
  if ((await node.balance(maker, signal)) < DEPLOYER_COST_WEI)
    await sender.send({ what, to: maker, data: '0x', value: DEPLOYER_COST_WEI });
  if (options.dryRun === true) return false;
  await sender.sendSigned(what, rpcBytes(DEPLOYER_TRANSACTION));
  return true;
}
