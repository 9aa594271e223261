import type { Inclusion } from '@wattproof/core/spi';
import type { BitcoinBackend, ChainInfo, Unspent } from './bitcoin-backend.js';
import { BitcoinRpc, type RpcOptions } from './bitcoin-rpc.js';
import { anchorErrorOf, isKnown, packageErrorOf } from './bitcoin.errors.js';
import { readPackageAnswer } from './package-answer.js';
import { TransactionLookup, type Transactions } from './transaction-lookup.js';
import { hex } from './verify/block-header.js';
import { watchedCoins } from './watched-coins.js';

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

/** What spends an output. */
export interface Spending {
  /** On the best chain; else it waits. */
  readonly inBlock: boolean;
  /** Known whenever it waits. */
  readonly txId?: string;
}

/** Fee rates in sat/vB, as the node sees its own mempool. */
export interface FeeMarket {
  /** To be in one of the next blocks; absent when the node has seen too little to say. */
  readonly estimateSatPerVb?: number;
  /** Below it nothing is taken now. */
  readonly floorSatPerVb: number;
  /** What a replacement pays on top of what it replaces (BIP-125, rule 4). */
  readonly incrementSatPerVb: number;
}

/** Bitcoin Core's default of `-incrementalrelayfee` and `-minrelaytxfee`, for nodes that do not say. */
const DEFAULT_RELAY_SAT_PER_VB = 1;

/**
 * A Bitcoin Core compatible node that finds the anchors' transactions: by a wallet that watches the address, or by `txindex=1`.
 * Every refusal is an `AnchorError`.
 */
export class BitcoinNode implements BitcoinBackend {
  readonly #rpc: BitcoinRpc;
  readonly #lookup: TransactionLookup;

  constructor(
    private readonly options: RpcOptions & {
      readonly wallet?: string | undefined;
      readonly transactions?: Transactions;
    },
    request: typeof fetch = fetch,
  ) {
    const { wallet, url, transactions = 'watched' } = options;
    this.#rpc = new BitcoinRpc(
      wallet === undefined
        ? options
        : { ...options, url: `${url.replace(/\/$/, '')}/wallet/${encodeURIComponent(wallet)}` },
      request,
    );
    this.#lookup = new TransactionLookup(this.#rpc, transactions, wallet !== undefined);
  }

  /** `chain` is Core's name of it: `main`, `test`, `signet`, `regtest`. */
  async chainInfo(signal: AbortSignal): Promise<ChainInfo> {
    const info = await this.#call<ChainInfo>('getblockchaininfo', [], signal);
    await this.#lookup.check(signal);
    return info;
  }

  height(signal: AbortSignal): Promise<number> {
    return this.#call('getblockcount', [], signal);
  }

  async blockHash(height: number, signal: AbortSignal): Promise<string | undefined> {
    if (height > (await this.height(signal))) return undefined;
    return this.#call('getblockhash', [height], signal);
  }

  /** A transaction in a block or waiting. */
  transaction(
    txId: string,
    signal: AbortSignal,
    blockHash?: string,
  ): Promise<NodeTransaction | undefined> {
    return this.#lookup.find(txId, signal, blockHash);
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

  async sendPackage(pair: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    try {
      readPackageAnswer(await this.#rpc.call('submitpackage', [pair.map(hex)], signal));
    } catch (error) {
      throw packageErrorOf(error);
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
    const tip = await this.height(signal);
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
    return { header: await this.header(blockHash, signal), txIds: tx };
  }

  header(blockHash: string, signal: AbortSignal): Promise<string> {
    return this.#call('getblockheader', [blockHash, false], signal);
  }

  /** What spends an output, on the best chain or waiting; undefined when nothing does or nobody knows the output. */
  async spending(
    { txId, index }: { readonly txId: string; readonly index: number },
    signal: AbortSignal,
  ): Promise<Spending | undefined> {
    const open = (withMempool: boolean) =>
      this.#call<object | null>('gettxout', [txId, index, withMempool], signal);
    if ((await open(true)) !== null) return undefined;
    if ((await open(false)) === null && (await this.inclusion(txId, signal)) !== undefined)
      return { inBlock: true };
    const [{ spendingtxid: by }] = await this.#call<[{ spendingtxid?: string }]>(
      'gettxspendingprevout',
      [[{ txid: txId, vout: index }]],
      signal,
    );
    return by === undefined ? undefined : { inBlock: false, txId: by };
  }

  async feeMarket(targetBlocks: number, signal: AbortSignal): Promise<FeeMarket> {
    const pool = await this.#call<{
      mempoolminfee: number;
      minrelaytxfee?: number;
      incrementalrelayfee?: number;
    }>('getmempoolinfo', [], signal);
    const { feerate } = await this.#call<{ feerate?: number }>(
      'estimatesmartfee',
      [targetBlocks],
      signal,
    );
    return {
      ...(feerate !== undefined && feerate > 0 ? { estimateSatPerVb: satPerVb(feerate) } : {}),
      floorSatPerVb: satPerVb(Math.max(pool.mempoolminfee, pool.minrelaytxfee ?? 0)),
      incrementSatPerVb:
        pool.incrementalrelayfee === undefined
          ? DEFAULT_RELAY_SAT_PER_VB
          : satPerVb(pool.incrementalrelayfee),
    };
  }

  /** What blocks leave to an address, and the height this is as of. */
  unspent(address: string, signal: AbortSignal, unwatched = false): Promise<Unspent> {
    const { wallet } = this.options;
    if (wallet === undefined || unwatched)
      return this.#call('scantxoutset', ['start', [`addr(${address})`]], signal);
    return watchedCoins(this.#call.bind(this), { wallet, address }, signal);
  }

  async #call<T>(method: string, parameters: readonly unknown[], signal: AbortSignal): Promise<T> {
    try {
      return await this.#rpc.call<T>(method, parameters, signal);
    } catch (error) {
      throw anchorErrorOf(error);
    }
  }
}

/** Core quotes BTC per 1000 vbytes. */
const satPerVb = (btcPerKvB: number): number => Math.round(btcPerKvB * 1e8) / 1000;
