import { AnchorError } from '@wattproof/core/spi';
import { Transaction } from 'ethers';
import { CheckpointRegistry } from './artifacts/checkpoint-registry.js';
import { rpcBytes } from './block-header-rlp.js';
import { CREATE2_DEPLOYER, deterministicAddress } from './deterministic-address.js';
import { EvmNode, quantity, txIdOf } from './evm-node.js';
import { type EvmSigner, KeySigner } from './evm-signer.js';
import type { RpcOptions } from './evm-rpc.js';
import { gasPrice, weiOf } from './gas-price.js';

/** What the transaction below pays, from an account that has only this one: 100,000 gas at 100 gwei. */
const DEPLOYER_COST_WEI = 10_000_000_000_000_000n;
/** Creates the deployer on a chain that lacks it. Nobody's key signed it, and it is the same everywhere. */
const DEPLOYER_TRANSACTION =
  '0xf8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba02222222222222222222222222222222222222222222222222222222222222222a02222222222222222222222222222222222222222222222222222222222222222';

export interface DeployOptions {
  readonly chainId: number;
  readonly rpc: RpcOptions;
  /** Private key in hex, or whoever signs. */
  readonly signer: EvmSigner | string;
  /** Most that a unit of gas may cost. */
  readonly maxFeeGwei?: number;
  readonly maxPriorityFeeGwei?: number;
  /** How often a transaction that waits is looked for. */
  readonly pollMs?: number;
  readonly signal?: AbortSignal;
}

export interface Deployed {
  readonly address: string;
  /** Absent when it was there already. */
  readonly txId?: string;
}

/** Puts the checkpoint registry at its address on a chain; anybody may, once for everybody. Done already is success. */
export const deployRegistry = (options: DeployOptions): Promise<Deployed> =>
  deployDeterministically(CheckpointRegistry.bytecode, options);

/** Deploys creation code to the address that follows from it. */
export async function deployDeterministically(
  creationCode: string,
  options: DeployOptions,
): Promise<Deployed> {
  const deployment = new Deployment(options);
  const address = deterministicAddress(creationCode);
  if (await deployment.exists(address)) return { address };
  await deployment.ensureDeployer();
  const salt = '00'.repeat(32);
  const txId = await deployment.send(CREATE2_DEPLOYER, `0x${salt}${creationCode.slice(2)}`, 0n);
  if (await deployment.exists(address)) return { address, txId };
  throw new AnchorError('rejected', `${txId} is included and ${address} has no code.`);
}

class Deployment {
  readonly #node: EvmNode;
  readonly #signer: EvmSigner;
  readonly #signal: AbortSignal;

  constructor(private readonly options: DeployOptions) {
    const { rpc, chainId, signer, signal } = options;
    this.#node = new EvmNode(rpc, chainId);
    this.#signer = typeof signer === 'string' ? new KeySigner(signer) : signer;
    this.#signal = signal ?? new AbortController().signal;
  }

  async exists(address: string): Promise<boolean> {
    return (await this.#node.code(address, this.#signal)).length > 0;
  }

  async ensureDeployer(): Promise<void> {
    if (await this.exists(CREATE2_DEPLOYER)) return;
    const maker = Transaction.from(DEPLOYER_TRANSACTION).from as string;
    await this.send(maker.toLowerCase(), '0x', DEPLOYER_COST_WEI);
    const signed = rpcBytes(DEPLOYER_TRANSACTION);
    const txId = txIdOf(signed);
    await this.#node.send(signed, txId, this.#signal);
    await this.#included(txId);
  }

  async send(to: string, data: string, value: bigint): Promise<string> {
    const { chainId, maxFeeGwei = 100, maxPriorityFeeGwei = 5 } = this.options;
    const from = await this.#signer.address(this.#signal);
    const request = { from, to, data, value: `0x${value.toString(16)}` };
    const estimate = await this.#node.call('eth_estimateGas', [request], this.#signal);
    const { baseFee } = await this.#node.head(this.#signal);
    const limits = { maxFee: weiOf(maxFeeGwei), tip: weiOf(maxPriorityFeeGwei) };
    const suggested = await this.#node.call('eth_maxPriorityFeePerGas', [], this.#signal);
    const tip = quantity('eth_maxPriorityFeePerGas', suggested);
    const signed = await this.#signer.sign(
      {
        chainId,
        nonce: await this.#node.nonce(from, 'pending', this.#signal),
        to,
        data,
        value,
        gas: (quantity('eth_estimateGas', estimate) * 5n) / 4n,
        ...gasPrice({ baseFee, tip }, 0, [], limits),
      },
      this.#signal,
    );
    const txId = txIdOf(signed);
    await this.#node.send(signed, txId, this.#signal);
    await this.#included(txId);
    return txId;
  }

  async #included(txId: string): Promise<void> {
    const { pollMs = 1_000 } = this.options;
    for (;;) {
      this.#signal.throwIfAborted();
      const placed = await this.#node.placed(txId, this.#signal);
      if (placed?.receipt.success === false)
        throw new AnchorError('rejected', `${txId} was included and reverted.`);
      if (placed) return;
      await new Promise((resolve) => {
        setTimeout(resolve, pollMs);
      });
    }
  }
}
