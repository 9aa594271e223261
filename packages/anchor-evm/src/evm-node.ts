import { AnchorError, type Inclusion } from '@wattproof/core/spi';
import { keccak_256 as keccak256 } from '@noble/hashes/sha3.js';
import { rpcBytes } from './block-header-rlp.js';
import { anchorErrorOf, disbelieved, isKnown, isNonceUsed } from './evm.errors.js';
import { EvmRpc, type RpcOptions } from './evm-rpc.js';
import { hex } from './verify/hex.js';

export type BlockTag = 'latest' | 'safe' | 'finalized' | 'pending';
type Json = Readonly<Record<string, unknown>>;

/** A block as the node tells it. */
export interface NodeBlock {
  readonly height: number;
  /** With `0x`. */
  readonly hash: string;
  readonly timeMs: number;
  readonly baseFee: bigint;
  readonly json: Json;
}

export interface NodeReceipt {
  readonly height: number;
  readonly blockHash: string;
  readonly index: number;
  readonly success: boolean;
}

/** What a receipt says, and where on the best chain it is. */
export interface Placed {
  readonly inclusion: Inclusion;
  readonly receipt: NodeReceipt;
}

/** An execution client over JSON-RPC. Every refusal is an `AnchorError`; a malformed answer is `unavailable`. */
export class EvmNode {
  readonly #rpc: EvmRpc;
  #chainChecked = false;

  constructor(
    options: RpcOptions,
    readonly chainId: number,
  ) {
    this.#rpc = new EvmRpc(options);
  }

  /** Refuses a node of another chain, before anything is believed or sent; asked once. */
  async checkChain(signal: AbortSignal): Promise<void> {
    if (this.#chainChecked) return;
    const served = quantity('eth_chainId', await this.call('eth_chainId', [], signal));
    if (served !== BigInt(this.chainId))
      throw new AnchorError(
        'unavailable',
        `The node serves chain ${served}, the configuration says chainId ${this.chainId}. Correct one of them.`,
      );
    this.#chainChecked = true;
  }

  async block(at: BlockTag | number, signal: AbortSignal): Promise<NodeBlock | undefined> {
    const where = typeof at === 'number' ? toQuantity(at) : at;
    const json = await this.call('eth_getBlockByNumber', [where, false], signal);
    if (json === null) return undefined;
    const { number, hash, timestamp, baseFeePerGas } = object('eth_getBlockByNumber', json);
    const block = {
      height: Number(quantity('number', number)),
      hash: hash32('hash', hash),
      timeMs: Number(quantity('timestamp', timestamp)) * 1000,
      baseFee: baseFeePerGas === undefined ? 0n : quantity('baseFeePerGas', baseFeePerGas),
      json: json as Json,
    };
    if (typeof at === 'number' && block.height !== at)
      throw disbelieved(`asked for block ${at}, it gave block ${block.height}`);
    return block;
  }

  async head(signal: AbortSignal): Promise<NodeBlock> {
    await this.checkChain(signal);
    const block = await this.block('latest', signal);
    return block ?? unknown('it has no latest block');
  }

  /** Transactions of the account that blocks hold, or with `pending` also those that wait. */
  async nonce(address: string, at: BlockTag | number, signal: AbortSignal): Promise<number> {
    await this.checkChain(signal);
    const where = typeof at === 'number' ? toQuantity(at) : at;
    const count = await this.call('eth_getTransactionCount', [address, where], signal);
    return Number(quantity('eth_getTransactionCount', count));
  }

  async balance(address: string, signal: AbortSignal): Promise<bigint> {
    await this.checkChain(signal);
    return quantity(
      'eth_getBalance',
      await this.call('eth_getBalance', [address, 'latest'], signal),
    );
  }

  async code(address: string, signal: AbortSignal): Promise<Uint8Array> {
    await this.checkChain(signal);
    return bytes('eth_getCode', await this.call('eth_getCode', [address, 'latest'], signal));
  }

  async storage(address: string, slot: bigint, signal: AbortSignal): Promise<bigint> {
    await this.checkChain(signal);
    const params = [address, toQuantity(slot), 'latest'];
    const value = bytes('eth_getStorageAt', await this.call('eth_getStorageAt', params, signal));
    return BigInt(`0x0${hex(value)}`);
  }

  /** A transaction in a block or waiting, as JSON. */
  async transaction(txId: string, signal: AbortSignal): Promise<Json | undefined> {
    await this.checkChain(signal);
    const json = await this.call('eth_getTransactionByHash', [txId], signal);
    return json === null ? undefined : object('eth_getTransactionByHash', json);
  }

  /** Where a transaction is on the best chain. A stale block is not on it: the hash at its height decides. */
  async placed(txId: string, signal: AbortSignal): Promise<Placed | undefined> {
    await this.checkChain(signal);
    const json = await this.call('eth_getTransactionReceipt', [txId], signal);
    if (json === null) return undefined;
    const { transactionHash, blockNumber, blockHash, transactionIndex, status, ...bill } = object(
      'eth_getTransactionReceipt',
      json,
    );
    if (String(transactionHash).toLowerCase() !== txId)
      throw disbelieved(
        `asked for the receipt of ${txId}, it gave that of ${String(transactionHash)}`,
      );
    const receipt: NodeReceipt = {
      height: Number(quantity('blockNumber', blockNumber)),
      blockHash: hash32('blockHash', blockHash),
      index: Number(quantity('transactionIndex', transactionIndex)),
      success: quantity('status', status) === 1n,
    };
    const block = await this.block(receipt.height, signal);
    const { height } = await this.head(signal);
    if (block?.hash !== receipt.blockHash || height < receipt.height) return undefined;
    const inclusion = {
      height: receipt.height,
      blockHash: block.hash,
      blockTimeMs: block.timeMs,
      depth: height - receipt.height + 1,
      ...billed(bill),
    };
    return { inclusion, receipt };
  }

  async send(signed: Uint8Array, txId: string, signal: AbortSignal): Promise<'accepted' | 'known'> {
    await this.checkChain(signal);
    try {
      const got = await this.#rpc.call('eth_sendRawTransaction', [`0x${hex(signed)}`], signal);
      if (String(got).toLowerCase() !== txId)
        throw disbelieved(`it took ${txId} and calls it ${String(got).slice(0, 80)}`);
      return 'accepted';
    } catch (error) {
      if (isKnown(error)) return 'known';
      // A node behind a balancer may say so of a transaction that is ours and already included.
      if (isNonceUsed(error) && (await this.transaction(txId, signal)) !== undefined)
        return 'known';
      throw anchorErrorOf(error);
    }
  }

  async call(method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    try {
      return await this.#rpc.call(method, params, signal);
    } catch (error) {
      throw anchorErrorOf(error);
    }
  }
}

export const toQuantity = (value: number | bigint): string => `0x${value.toString(16)}`;

/** Id of a signed transaction: its Keccak-256, with `0x`. */
export const txIdOf = (signed: Uint8Array): string => `0x${hex(keccak256(signed))}`;

export function quantity(what: string, value: unknown): bigint {
  if (typeof value === 'string' && /^0x[0-9a-f]{1,64}$/i.test(value)) return BigInt(value);
  throw disbelieved(`${what} is ${JSON.stringify(value)?.slice(0, 80)}, not a quantity`);
}

export function bytes(what: string, value: unknown): Uint8Array {
  try {
    return rpcBytes(value);
  } catch (cause) {
    throw disbelieved(`${what} is not bytes`, cause);
  }
}

export function object(what: string, value: unknown): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw disbelieved(`${what} gave no object`);
}

export function list(what: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw disbelieved(`${what} gave no list`);
}

/** What the account was charged: gas at its price, and on a rollup what layer 1 asks beside it. Some receipts do not say. */
function billed({ gasUsed, effectiveGasPrice, l1Fee }: Json): Pick<Inclusion, 'feePaid'> {
  if (gasUsed === undefined || effectiveGasPrice === undefined) return {};
  const gas = quantity('gasUsed', gasUsed) * quantity('effectiveGasPrice', effectiveGasPrice);
  const beside = typeof l1Fee === 'string' ? quantity('l1Fee', l1Fee) : 0n;
  return { feePaid: String(gas + beside) };
}

function hash32(what: string, value: unknown): string {
  if (typeof value === 'string' && /^0x[0-9a-f]{64}$/i.test(value)) return value.toLowerCase();
  throw disbelieved(`${what} is ${JSON.stringify(value)?.slice(0, 80)}, not 32 bytes`);
}

function unknown(what: string): never {
  throw disbelieved(what);
}
