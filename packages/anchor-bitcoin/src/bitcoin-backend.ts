import type { Inclusion } from '@wattproof/core/spi';
import type { FeeMarket, NodeTransaction, Spending, UnspentOutput } from './bitcoin-node.js';

/**
 * What an anchor asks of a Bitcoin node. Two kinds of node answer: Bitcoin Core over JSON-RPC (`BitcoinNode`) and Esplora over
 * REST (`EsploraNode`). Every refusal is an `AnchorError`; hashes are hex as explorers show them.
 */
export interface BitcoinBackend {
  /** `chain` is Core's name of it: `main`, `test`, `signet`, `regtest`. `headers` it knows, `blocks` it has. */
  chainInfo(signal: AbortSignal): Promise<ChainInfo>;
  /** Of the newest block of the best chain. */
  height(signal: AbortSignal): Promise<number>;
  /** Of the best chain; undefined above its tip. */
  blockHash(height: number, signal: AbortSignal): Promise<string | undefined>;
  /** A transaction in a block or waiting. A node without an index of all of them needs to be told the block. */
  transaction(
    txId: string,
    signal: AbortSignal,
    blockHash?: string,
  ): Promise<NodeTransaction | undefined>;
  send(bytes: Uint8Array, signal: AbortSignal): Promise<'accepted' | 'known'>;
  /**
   * Two transactions judged by the rate of both together: the second spends the first. A node that takes no packages refuses
   * them as `underpriced`, as it refuses the first alone.
   */
  sendPackage(pair: readonly Uint8Array[], signal: AbortSignal): Promise<void>;
  /** Where a transaction is on the best chain. */
  inclusion(txId: string, signal: AbortSignal): Promise<Inclusion | undefined>;
  /** The 80 bytes of a block's header, in hex. */
  header(blockHash: string, signal: AbortSignal): Promise<string>;
  /** The header in hex and the ids of the transactions, in their order. */
  block(blockHash: string, signal: AbortSignal): Promise<BlockOutline>;
  /** What spends an output, on the best chain or waiting; undefined when nothing does or nobody knows the output. */
  spending(output: OutputReference, signal: AbortSignal): Promise<Spending | undefined>;
  feeMarket(targetBlocks: number, signal: AbortSignal): Promise<FeeMarket>;
  /** What blocks leave to an address, and the height this is as of. `unwatched`: no wallet of the node knows the address. */
  unspent(address: string, signal: AbortSignal, unwatched?: boolean): Promise<Unspent>;
}

export interface ChainInfo {
  readonly blocks: number;
  readonly headers: number;
  readonly chain: string;
}

export interface BlockOutline {
  readonly header: string;
  readonly txIds: readonly string[];
}

export interface OutputReference {
  readonly txId: string;
  readonly index: number;
}

export interface Unspent {
  readonly unspents: readonly UnspentOutput[];
  readonly height: number;
}
