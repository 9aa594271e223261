import { AnchorError } from '@wattproof/core/spi';
import type { NodeTransaction } from './bitcoin-node.js';
import { type BitcoinRpc, RpcError } from './bitcoin-rpc.js';
import { anchorErrorOf, isNotFound } from './bitcoin.errors.js';
import { bytesOf } from './verify/block-header.js';

/** Core's RPC_METHOD_NOT_FOUND. */
const METHOD_NOT_FOUND = -32_601;

/** Which transactions in blocks are looked up: none, those of the address that `rpc.wallet` watches, or those of any. */
export type Transactions = 'none' | 'watched' | 'any';

interface Found {
  readonly transaction: NodeTransaction;
  readonly confirmations: number;
}

/**
 * How Bitcoin Core finds a transaction by its id alone: one that waits always; one in a block by the wallet that watches the
 * address, or by the index of all transactions. What is looked up and not found counts as gone, so a node that cannot find it
 * is told from one that has not got it.
 */
export class TransactionLookup {
  #able: boolean;

  constructor(
    private readonly rpc: BitcoinRpc,
    private readonly transactions: Transactions,
    private readonly wallet: boolean,
  ) {
    this.#able = transactions === 'none';
  }

  async find(
    txId: string,
    signal: AbortSignal,
    blockHash?: string,
  ): Promise<NodeTransaction | undefined> {
    const where = blockHash === undefined ? [] : [blockHash];
    const found = await this.#ask('getrawtransaction', [txId, true, ...where], signal);
    if (found || !this.wallet) return found?.transaction;
    const ours = await this.#ask('gettransaction', [txId, true], signal);
    // A wallet also keeps what no block holds any more and nobody sends: that is not there.
    return ours && ours.confirmations > 0 ? ours.transaction : undefined;
  }

  /** Throws while the node has neither way of finding a transaction in a block. */
  async check(signal: AbortSignal): Promise<void> {
    if (this.#able) return;
    if (this.wallet) await this.#call('getwalletinfo', [], signal);
    if (!this.wallet || this.transactions === 'any') await this.#checkIndex(signal);
    this.#able = true;
  }

  async #checkIndex(signal: AbortSignal): Promise<void> {
    const indexes = await this.#call<{ readonly txindex?: { readonly synced: boolean } }>(
      'getindexinfo',
      ['txindex'],
      signal,
    );
    // Nodes that are not Core do not say.
    if (indexes === undefined || indexes.txindex?.synced === true) return;
    throw new AnchorError(
      'unavailable',
      indexes.txindex
        ? 'The Bitcoin node is still building its index of transactions (txindex=1).'
        : this.transactions === 'any'
          ? 'The Bitcoin node finds no transaction that is in a block. Run it with txindex=1: "commitment: taproot" pays to addresses that no wallet watches.'
          : 'The Bitcoin node finds no transaction that is in a block. Name in rpc.wallet a watch-only wallet of the node that has the address imported, or run the node with txindex=1.',
    );
  }

  async #ask(
    method: string,
    parameters: readonly unknown[],
    signal: AbortSignal,
  ): Promise<Found | undefined> {
    try {
      const { hex, blockhash, confirmations } = await this.rpc.call<{
        readonly hex: string;
        readonly blockhash?: string | null;
        /** Negative when a block holds what conflicts with it. */
        readonly confirmations?: number;
      }>(method, parameters, signal);
      return {
        transaction: {
          bytes: bytesOf(hex) as Uint8Array,
          ...(blockhash ? { blockHash: blockhash } : {}),
        },
        confirmations: confirmations ?? 0,
      };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw anchorErrorOf(error);
    }
  }

  /** Undefined where the node has no such method. */
  async #call<T>(
    method: string,
    parameters: readonly unknown[],
    signal: AbortSignal,
  ): Promise<T | undefined> {
    try {
      return await this.rpc.call<T>(method, parameters, signal);
    } catch (error) {
      if (error instanceof RpcError && error.code === METHOD_NOT_FOUND) return undefined;
      throw anchorErrorOf(error);
    }
  }
}
