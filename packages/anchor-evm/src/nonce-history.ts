import { AnchorError, type Inclusion } from '@wattproof/core/spi';
import type { EvmNode } from './evm-node.js';
import { RpcError } from './evm-rpc.js';
import { list, object, quantity, toQuantity } from './rpc-values.js';

export interface Spender {
  /** Unknown when the node no longer has the state of that time. */
  readonly txId?: string;
  /** Absent while it is not sure which block has it. */
  readonly inclusion?: Inclusion;
}

/** Which transaction of an account took a nonce: found by bisecting the account's transaction count over the blocks. */
export class NonceHistory {
  constructor(private readonly node: EvmNode) {}

  /** Undefined while no block holds a transaction with this nonce. */
  async spender(address: string, nonce: number, signal: AbortSignal): Promise<Spender | undefined> {
    const head = await this.node.head(signal);
    if ((await this.node.nonce(address, head.height, signal)) <= nonce) return undefined;
    try {
      const height = await this.#heightOf(address, nonce, head.height, signal);
      return await this.#inBlock(address, nonce, height, signal);
    } catch (error) {
      // Old state is gone from most nodes. That the nonce is used up at a final block is certain all the same.
      if (error instanceof AnchorError && error.cause instanceof RpcError)
        return this.#byFinalBlock(address, nonce, head.height, signal);
      throw error;
    }
  }

  /** The first block after which the account has sent more than `nonce` transactions. */
  async #heightOf(
    address: string,
    nonce: number,
    head: number,
    signal: AbortSignal,
  ): Promise<number> {
    let high = head;
    let low = head;
    for (let step = 1; low > 0; step *= 2) {
      low = Math.max(0, high - step);
      if ((await this.node.nonce(address, low, signal)) <= nonce) break;
      high = low;
    }
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if ((await this.node.nonce(address, middle, signal)) <= nonce) low = middle;
      else high = middle;
    }
    return high;
  }

  async #inBlock(
    address: string,
    nonce: number,
    height: number,
    signal: AbortSignal,
  ): Promise<Spender | undefined> {
    const block = await this.node.block(height, signal);
    const params = [toQuantity(height), true];
    const { transactions, hash } = await this.node.call(
      'eth_getBlockByNumber',
      params,
      signal,
      object,
    );
    if (block === undefined || hash !== block.hash) return undefined;
    const found = list('transactions', transactions)
      .map((transaction) => object('a transaction', transaction))
      .find(
        ({ from, nonce: used }) =>
          String(from).toLowerCase() === address && quantity('nonce', used) === BigInt(nonce),
      );
    if (found === undefined) return undefined;
    const txId = String(found['hash']).toLowerCase();
    // Who took a nonce decides whether another one is signed: it is placed as an own transaction is.
    const placed = await this.node.placed(txId, signal);
    return placed ? { txId, inclusion: placed.inclusion } : { txId };
  }

  async #byFinalBlock(
    address: string,
    nonce: number,
    head: number,
    signal: AbortSignal,
  ): Promise<Spender | undefined> {
    const block = await this.node.usedFinally(address, nonce, signal);
    if (block === undefined) return undefined;
    const { height, hash: blockHash, timeMs: blockTimeMs } = block;
    return { inclusion: { height, blockHash, blockTimeMs, depth: head - height + 1 } };
  }
}
