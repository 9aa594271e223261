import { AnchorError, type Inclusion, isAnchorError } from '@wattproof/core/spi';
import type {
  BitcoinBackend,
  BlockOutline,
  ChainInfo,
  OutputReference,
  Unspent,
} from './bitcoin-backend.js';
import type { FeeMarket, NodeTransaction, Spending } from './bitcoin-node.js';
import type { BitcoinNetwork } from './bitcoin.config.js';
import type { HeaderQuorum } from './header-quorum.js';
import { hasWork } from './verify/known-chains.js';
import { type BlockHeader, bytesOf, hex, readHeader } from './verify/block-header.js';
import { doubleSha256, rootOf } from './verify/merkle-branch.js';
import { readTransaction } from './verify/transaction.js';

/** Nobody ever paid this much; a node that says so is out of order, and that is not a cap that was met. */
const MAX_SAT_PER_VB = 1_000_000;

/** Blocks whose time is kept. */
const MAX_TIMES = 1_000;

/**
 * A node that is not believed: what can be computed is computed, what cannot is asked of others (`quorum`). An answer that is
 * false, or none at all, is `AnchorError('unavailable')`: nothing is concluded from it, and it is asked again.
 */
export class CheckedBackend implements BitcoinBackend {
  /** Seconds since 1970 of headers that were read: what a block hash stands for never changes. */
  readonly #times = new Map<string, number>();

  constructor(
    private readonly node: BitcoinBackend,
    private readonly network: BitcoinNetwork,
    private readonly quorum?: HeaderQuorum,
  ) {}

  chainInfo(signal: AbortSignal): Promise<ChainInfo> {
    return this.#ask('chain info', async () => {
      const info = await this.node.chainInfo(signal);
      return isHeight(info.blocks) && isHeight(info.headers) && typeof info.chain === 'string'
        ? info
        : nonsense('heights and a chain');
    });
  }

  height(signal: AbortSignal): Promise<number> {
    return this.#ask('the height', async () => {
      const height = await this.node.height(signal);
      return isHeight(height) ? height : nonsense('a height');
    });
  }

  blockHash(height: number, signal: AbortSignal): Promise<string | undefined> {
    return this.#ask(`the block at ${height}`, async () => {
      const hash = await this.node.blockHash(height, signal);
      return hash === undefined || isHash(hash) ? hash : nonsense('a block hash');
    });
  }

  /** Where the block at a height stands; undefined above the tip. */
  standing(height: number, signal: AbortSignal): Promise<Inclusion | undefined> {
    return this.#ask(`the block at ${height}`, async () => {
      const depth = (await this.height(signal)) - height + 1;
      const blockHash = depth > 0 ? await this.blockHash(height, signal) : undefined;
      if (blockHash === undefined) return undefined;
      const timeS = await this.#timeOf(blockHash, signal);
      return this.#agreed({ height, blockHash, blockTimeMs: timeS * 1000, depth }, signal);
    });
  }

  transaction(
    txId: string,
    signal: AbortSignal,
    blockHash?: string,
  ): Promise<NodeTransaction | undefined> {
    return this.#ask(`transaction ${txId}`, async () => {
      const found = await this.node.transaction(txId, signal, blockHash);
      if (found === undefined) return undefined;
      const { stripped } = readTransaction(found.bytes);
      if (hex(doubleSha256(stripped).reverse()) !== txId) return nonsense('that transaction');
      return found.blockHash === undefined || isHash(found.blockHash)
        ? found
        : nonsense('a block hash');
    });
  }

  send(bytes: Uint8Array, signal: AbortSignal): Promise<'accepted' | 'known'> {
    return this.#ask('a new transaction', () => this.node.send(bytes, signal));
  }

  sendPackage(pair: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    return this.#ask('two new transactions', () => this.node.sendPackage(pair, signal));
  }

  inclusion(txId: string, signal: AbortSignal): Promise<Inclusion | undefined> {
    return this.#ask(`the block of ${txId}`, async () => {
      const found = await this.node.inclusion(txId, signal);
      if (found === undefined) return undefined;
      const { height, blockHash, blockTimeMs, depth } = found;
      if (!isHeight(height) || !isHash(blockHash) || !isHeight(depth) || depth < 1)
        return nonsense('a place in the chain');
      const timeS = await this.#timeOf(blockHash, signal);
      if (blockTimeMs !== timeS * 1000) return nonsense('the time in the header');
      return this.#agreed(found, signal);
    });
  }

  async #agreed(inclusion: Inclusion, signal: AbortSignal): Promise<Inclusion> {
    return this.quorum
      ? { ...inclusion, depth: await this.quorum.depth(inclusion, signal) }
      : inclusion;
  }

  block(blockHash: string, signal: AbortSignal): Promise<BlockOutline> {
    return this.#ask(`block ${blockHash}`, async () => {
      const found = await this.node.block(blockHash, signal);
      const header = this.#readHeader(found.header, blockHash);
      if (!found.txIds.every(isHash)) return nonsense('transaction ids');
      const ids = found.txIds.map((id) => (bytesOf(id) as Uint8Array).reverse());
      // A list whose end is repeated has the same root (CVE-2012-2459).
      const root = new Set(found.txIds).size === ids.length ? rootOf(ids) : undefined;
      if (root === undefined || hex(root) !== hex(header.merkleRoot))
        return nonsense('the transactions that the header commits to');
      return found;
    });
  }

  spending(output: OutputReference, signal: AbortSignal): Promise<Spending | undefined> {
    return this.#ask(`what spends ${output.txId}:${output.index}`, async () => {
      const found = await this.node.spending(output, signal);
      if (found === undefined) return undefined;
      return typeof found.inBlock === 'boolean' && (found.txId === undefined || isHash(found.txId))
        ? found
        : nonsense('what spends an output');
    });
  }

  feeMarket(targetBlocks: number, signal: AbortSignal): Promise<FeeMarket> {
    return this.#ask('fees', async () => {
      const market = await this.node.feeMarket(targetBlocks, signal);
      const rates = [market.floorSatPerVb, market.incrementSatPerVb, market.estimateSatPerVb ?? 1];
      return rates.every((rate) => rate >= 0 && rate <= MAX_SAT_PER_VB) ? market : nonsense('fees');
    });
  }

  unspent(address: string, signal: AbortSignal, unwatched?: boolean): Promise<Unspent> {
    return this.#ask(`the coins of ${address}`, async () => {
      const found = await this.node.unspent(address, signal, unwatched);
      const sound = found.unspents.every(
        ({ txid, vout, amount, height }) =>
          isHash(txid) && isHeight(vout) && isHeight(height) && amount >= 0 && amount <= 21_000_000,
      );
      return sound && isHeight(found.height) ? found : nonsense('coins');
    });
  }

  header(blockHash: string, signal: AbortSignal): Promise<string> {
    return this.#ask(`the header of ${blockHash}`, async () => {
      const header = await this.node.header(blockHash, signal);
      this.#readHeader(header, blockHash);
      return header;
    });
  }

  async #timeOf(blockHash: string, signal: AbortSignal): Promise<number> {
    const known = this.#times.get(blockHash);
    if (known !== undefined) return known;
    const { timeS } = this.#readHeader(await this.node.header(blockHash, signal), blockHash);
    if (this.#times.size >= MAX_TIMES) this.#times.clear();
    this.#times.set(blockHash, timeS);
    return timeS;
  }

  #readHeader(text: string, blockHash: string): BlockHeader {
    const header = readHeader(bytesOf(text) ?? new Uint8Array(0));
    if (header?.hash !== blockHash) return nonsense('the header of that block');
    if (!hasWork(header, this.network))
      return nonsense(`a header with the proof of work of ${this.network}`);
    return header;
  }

  /** Whatever an adapter trips over in an answer is the node's fault. */
  async #ask<T>(what: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (cause) {
      if (isAnchorError(cause)) throw cause;
      const detail = cause instanceof Error ? cause.message : String(cause);
      throw new AnchorError(
        'unavailable',
        `The Bitcoin node was asked for ${what} and gave something else: ${detail}. Its answers are not used; ask another node.`,
        { cause },
      );
    }
  }
}

function nonsense(wanted: string): never {
  throw new TypeError(`not ${wanted}`);
}

const isHash = (value: unknown): boolean =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

const isHeight = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
