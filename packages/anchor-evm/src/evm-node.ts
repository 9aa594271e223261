import type { AnchorError, Inclusion } from '@wattproof/core/spi';
import { keccak_256 as keccak256 } from '@noble/hashes/sha3.js';
import { disbelieved, isKnown, isNonceUsed } from './evm.errors.js';
import type { RpcOptions } from './evm-rpc.js';
import { EvmSource } from './evm-source.js';
import { NodeQuorum } from './node-quorum.js';
import {
  bytes,
  hash32,
  type Json,
  object,
  orNothing,
  quantity,
  type ReadAnswer,
  toQuantity,
} from './rpc-values.js';
import { hex } from './verify/hex.js';

export type BlockTag = 'latest' | 'safe' | 'finalized' | 'pending';

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

/**
 * An execution client over JSON-RPC, or several of one chain. Every refusal is an `AnchorError`; a malformed answer is
 * `unavailable`, and another node is asked.
 */
export class EvmNode {
  readonly #source: EvmSource;
  readonly #quorum: NodeQuorum<EvmNode> | undefined;

  /** `agree`: how many nodes must say the same before anything counts as included or final; left out, most of them. */
  constructor(
    options: RpcOptions | readonly RpcOptions[],
    readonly chainId: number,
    agree?: number,
  ) {
    const all = [options].flat() as readonly RpcOptions[];
    this.#source = new EvmSource(all[0] as RpcOptions, chainId);
    if (all.length === 1) return;
    const nodes = all.map((one) => new EvmNode(one, chainId));
    const voices = nodes.map((node) => ({ name: node.#source.name, node }));
    this.#quorum = new NodeQuorum(voices, agree ?? Math.floor(all.length / 2) + 1);
  }

  /** Asks a method and reads its answer; without `read` the answer is as it came. */
  async call<T = unknown>(
    method: string,
    params: readonly unknown[],
    signal: AbortSignal,
    read: ReadAnswer<T> = (_what, answer) => answer as T,
  ): Promise<T> {
    if (this.#quorum)
      return this.#quorum.inTurn((node) => node.call(method, params, signal, read), signal);
    return read(method, await this.#source.call(method, params, signal));
  }

  /** What the node that is asked first said cannot be true: others are asked before it. */
  distrust(): void {
    this.#quorum?.turn();
  }

  /** What enough nodes answer alike by `key`. */
  async agreed<T>(
    what: string,
    ask: (node: EvmNode) => Promise<T>,
    key: (answer: T) => string,
  ): Promise<T> {
    return this.#quorum ? (await this.#quorum.alike(what, ask, key))[0] : ask(this);
  }

  async block(at: BlockTag | number, signal: AbortSignal): Promise<NodeBlock | undefined> {
    const params = [typeof at === 'number' ? toQuantity(at) : at, false];
    const block = await this.call('eth_getBlockByNumber', params, signal, orNothing(blockOf));
    if (typeof at === 'number' && block !== undefined && block.height !== at)
      throw disbelieved(`asked for block ${at}, it gave block ${block.height}`);
    return block;
  }

  async head(signal: AbortSignal): Promise<NodeBlock> {
    const block = await this.block('latest', signal);
    if (block === undefined) throw disbelieved('it has no latest block');
    return block;
  }

  /** Height of the newest block under a tag, as far as enough nodes have got; -1 while there is none. */
  async reached(tag: 'safe' | 'finalized', signal: AbortSignal): Promise<number> {
    const height = async (node: EvmNode): Promise<number> =>
      (await node.block(tag, signal))?.height ?? -1;
    return this.#quorum ? this.#quorum.reached(`the ${tag} block`, height) : height(this);
  }

  /** Transactions of the account that blocks hold, or with `pending` also those that wait. */
  async nonce(address: string, at: BlockTag | number, signal: AbortSignal): Promise<number> {
    const params = [address, typeof at === 'number' ? toQuantity(at) : at];
    return Number(await this.call('eth_getTransactionCount', params, signal, quantity));
  }

  balance(address: string, signal: AbortSignal): Promise<bigint> {
    return this.call('eth_getBalance', [address, 'latest'], signal, quantity);
  }

  code(address: string, signal: AbortSignal): Promise<Uint8Array> {
    return this.call('eth_getCode', [address, 'latest'], signal, bytes);
  }

  async storage(address: string, slot: bigint, signal: AbortSignal): Promise<bigint> {
    const params = [address, toQuantity(slot), 'latest'];
    const value = await this.call('eth_getStorageAt', params, signal, bytes);
    return BigInt(`0x0${hex(value)}`);
  }

  /**
   * Gas limit of a transaction, a quarter to spare. As of the latest block: some clients estimate on pending state unless
   * told, and there the transaction that this one replaces has been done already, so doing it again looks cheap.
   */
  async gas(request: Json, signal: AbortSignal): Promise<bigint> {
    const estimate = await this.call('eth_estimateGas', [request, 'latest'], signal, quantity);
    return (estimate * 5n) / 4n;
  }

  /** A transaction in a block or waiting, as JSON. */
  transaction(txId: string, signal: AbortSignal): Promise<Json | undefined> {
    const read: ReadAnswer<Json> = (what, value) => {
      const json = object(what, value);
      if (String(json['hash']).toLowerCase() === txId) return json;
      throw disbelieved(`asked for ${txId}, it gave another transaction`);
    };
    return this.call('eth_getTransactionByHash', [txId], signal, orNothing(read));
  }

  /** Whether the node has a transaction, or every node that answers: one that only says so must not keep it from the others. */
  async knows(txId: string, signal: AbortSignal): Promise<boolean> {
    if (!this.#quorum) return (await this.transaction(txId, signal)) !== undefined;
    const answers = await this.#quorum.all((node) => node.knows(txId, signal));
    const said = answers.flatMap((answer) => ('value' in answer ? [answer.value] : []));
    return said.length > 0 && said.every(Boolean);
  }

  /** Where a transaction is on the best chain. A stale block is not on it: the hash at its height decides. */
  async placed(txId: string, signal: AbortSignal): Promise<Placed | undefined> {
    if (this.#quorum) {
      const alike = await this.#quorum.alike(
        txId,
        (node) => node.placed(txId, signal),
        (placed) => (placed ? JSON.stringify(placed.receipt) : 'in no block'),
      );
      const depths = alike.toSorted((a, b) => depthOf(b) - depthOf(a));
      return depths[this.#quorum.agree - 1];
    }
    const params = [txId];
    const found = await this.call('eth_getTransactionReceipt', params, signal, orNothing(object));
    if (found === undefined) return undefined;
    const { transactionHash, blockNumber, blockHash, transactionIndex, status, ...bill } = found;
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

  /** The finalized block, when the account has used up a nonce there. Nodes have its state when older ones are gone. */
  async usedFinally(
    address: string,
    nonce: number,
    signal: AbortSignal,
  ): Promise<NodeBlock | undefined> {
    const ask = async (node: EvmNode): Promise<boolean> =>
      (await node.nonce(address, 'finalized', signal)) > nonce;
    const what = `nonce ${nonce} of ${address} in final blocks`;
    const used = await this.agreed(what, ask, String);
    return used ? this.block(await this.reached('finalized', signal), signal) : undefined;
  }

  async send(signed: Uint8Array, txId: string, signal: AbortSignal): Promise<'accepted' | 'known'> {
    if (this.#quorum) {
      // To all: one that takes it and tells nobody does not stop it.
      const answers = await this.#quorum.all((node) => node.send(signed, txId, signal));
      const took = answers.flatMap((answer) => ('value' in answer ? [answer.value] : []));
      if (took.length > 0) return took.includes('accepted') ? 'accepted' : 'known';
      const errors = answers.flatMap((answer) => ('error' in answer ? [answer.error] : []));
      throw errors.find((error) => (error as AnchorError).reason !== 'unavailable') ?? errors[0];
    }
    try {
      const got = await this.call('eth_sendRawTransaction', [`0x${hex(signed)}`], signal);
      if (String(got).toLowerCase() !== txId)
        throw disbelieved(`it took ${txId} and calls it ${String(got).slice(0, 80)}`);
      return 'accepted';
    } catch (error) {
      if (isKnown(error)) return 'known';
      // A node behind a balancer may say so of a transaction that is ours and already included.
      if (isNonceUsed(error) && (await this.transaction(txId, signal)) !== undefined)
        return 'known';
      throw error;
    }
  }
}

/** Id of a signed transaction: its Keccak-256, with `0x`. */
export const txIdOf = (signed: Uint8Array): string => `0x${hex(keccak256(signed))}`;

const blockOf: ReadAnswer<NodeBlock> = (what, value) => {
  const json = object(what, value);
  const { number, hash, timestamp, baseFeePerGas } = json;
  return {
    height: Number(quantity('number', number)),
    hash: hash32('hash', hash),
    timeMs: Number(quantity('timestamp', timestamp)) * 1000,
    baseFee: baseFeePerGas === undefined ? 0n : quantity('baseFeePerGas', baseFeePerGas),
    json,
  };
};

const depthOf = (placed: Placed | undefined): number => placed?.inclusion.depth ?? 0;

/** What the account was charged: gas at its price, and on a rollup what layer 1 asks beside it. Some receipts do not say. */
function billed({ gasUsed, effectiveGasPrice, l1Fee }: Json): Pick<Inclusion, 'feePaid'> {
  if (gasUsed === undefined || effectiveGasPrice === undefined) return {};
  const gas = quantity('gasUsed', gasUsed) * quantity('effectiveGasPrice', effectiveGasPrice);
  const beside = typeof l1Fee === 'string' ? quantity('l1Fee', l1Fee) : 0n;
  return { feePaid: String(gas + beside) };
}
