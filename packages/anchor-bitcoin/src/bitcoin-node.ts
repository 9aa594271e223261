import type { Inclusion } from '@wattproof/core/spi';
import { BitcoinRpc, type RpcOptions } from './bitcoin-rpc.js';
import { anchorErrorOf, isKnown, isNotFound } from './bitcoin.errors.js';
import { bytesOf, hex } from './verify/block-header.js';

export interface NodeTransaction {
  readonly bytes: Uint8Array;
  /** Of the block that holds it, which may be stale. */
  readonly blockHash?: string;
}

export interface UnspentOutput {
  readonly txid: string;
  readonly vout: number;
  /** BTC, as JSON number with at most eight decimals. */
  readonly amount: number;
  readonly height: number;
  readonly coinbase?: boolean;
}

/** A Bitcoin Core compatible node with `txindex=1`. Every refusal is an `AnchorError`. */
export class BitcoinNode {
  readonly #rpc: BitcoinRpc;

  constructor(options: RpcOptions) {
    this.#rpc = new BitcoinRpc(options);
  }

  chainInfo(signal: AbortSignal): Promise<{ blocks: number; headers: number }> {
    return this.#call('getblockchaininfo', [], signal);
  }

  /** A transaction in a block or waiting. */
  async transaction(txId: string, signal: AbortSignal): Promise<NodeTransaction | undefined> {
    try {
      const { hex: raw, blockhash } = await this.#rpc.call<{
        hex: string;
        blockhash?: string | null;
      }>('getrawtransaction', [txId, true], signal);
      return {
        bytes: bytesOf(raw) as Uint8Array,
        ...(blockhash ? { blockHash: blockhash } : {}),
      };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw anchorErrorOf(error);
    }
  }

  async send(bytes: Uint8Array, signal: AbortSignal): Promise<'accepted' | 'known'> {
    try {
      await this.#rpc.call('sendrawtransaction', [hex(bytes)], signal);
      return 'accepted';
    } catch (error) {
      if (isKnown(error)) return 'known';
      throw anchorErrorOf(error);
    }
  }

  /** Where a transaction is on the best chain. A stale block is not: the hash at its height decides. */
  async inclusion(txId: string, signal: AbortSignal): Promise<Inclusion | undefined> {
    const blockHash = (await this.transaction(txId, signal))?.blockHash;
    if (blockHash === undefined) return undefined;
    const header = await this.#call<{ height: number; time: number }>(
      'getblockheader',
      [blockHash, true],
      signal,
    );
    const tip = await this.#call<number>('getblockcount', [], signal);
    if (
      header.height > tip ||
      (await this.#call<string>('getblockhash', [header.height], signal)) !== blockHash
    )
      return undefined;
    return {
      height: header.height,
      blockHash,
      blockTimeMs: header.time * 1000,
      depth: tip - header.height + 1,
    };
  }

  /** The header in hex and the ids of the transactions, in their order. */
  async block(
    blockHash: string,
    signal: AbortSignal,
  ): Promise<{ readonly header: string; readonly txIds: readonly string[] }> {
    const { tx } = await this.#call<{ tx: string[] }>('getblock', [blockHash, true], signal);
    return { header: await this.#call('getblockheader', [blockHash, false], signal), txIds: tx };
  }

  /** True when an output that exists is spent, in a block or by what waits. */
  async spent(
    output: { readonly txId: string; readonly index: number },
    signal: AbortSignal,
  ): Promise<boolean> {
    const open = await this.#call('gettxout', [output.txId, output.index, true], signal);
    return open === null && (await this.transaction(output.txId, signal)) !== undefined;
  }

  /** What blocks leave to an address, and the height this is as of. */
  unspent(
    address: string,
    signal: AbortSignal,
  ): Promise<{ readonly unspents: readonly UnspentOutput[]; readonly height: number }> {
    return this.#call('scantxoutset', ['start', [`addr(${address})`]], signal);
  }

  async #call<T>(method: string, parameters: readonly unknown[], signal: AbortSignal): Promise<T> {
    try {
      return await this.#rpc.call<T>(method, parameters, signal);
    } catch (error) {
      throw anchorErrorOf(error);
    }
  }
}
