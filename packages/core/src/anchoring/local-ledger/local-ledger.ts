import {
  AnchorError,
  type Clock,
  type Collections,
  type CollectionWrite,
  type Signer,
} from '../../spi/index.js';
import { fromBase64, toBase64, toHex } from '../../verify/bytes.js';
import {
  blockHash,
  type BlockHeader,
  blockMessage,
  gasOf,
  headerText,
  NO_BLOCK,
  readHeader,
  recordsRoot,
  transactionId,
} from './block.js';
import type { LocalBlock } from './chain.js';

/** How the ledger lies in the gateway's collections. */
export const LEDGER_COLLECTIONS = [
  { name: 'blocks', version: 1 },
  { name: 'transactions', version: 1 },
  { name: 'head', version: 1 },
  { name: 'operations', version: 1 },
  { name: 'holdings', version: 1 },
] as const;

/** Writers that meet take turns; more turns than this mean a store that never answers the same twice. */
export const MAX_TURNS = 64;
const PAGE = 256;

export interface LedgerHead {
  readonly number: number;
  readonly hash: string;
  readonly timeMs: number;
  /** The largest commitment published. */
  readonly latest?: { readonly size: string; readonly digest: string };
}

export interface StoredHead {
  readonly head?: LedgerHead;
  readonly version: number;
}

export interface PlacedTransaction {
  readonly block: LocalBlock;
  readonly header: BlockHeader;
  readonly hash: string;
  readonly index: number;
}

/** A chain of signed blocks in the gateway's own store. A record is in it once, however often it is appended. */
export class LocalLedger {
  constructor(
    private readonly origin: string,
    private readonly collections: Collections,
    private readonly signer: Signer,
    private readonly clock: Clock,
  ) {}

  /**
   * Puts the records that are not there yet into one new block. Head, block and transactions change
   * together against the head that was read, so two writers make two blocks in a row and never a fork.
   */
  async append(
    records: readonly Uint8Array[],
    latest?: { readonly size: bigint; readonly digest: Uint8Array },
  ): Promise<'accepted' | 'known'> {
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      const head = await this.storedHead();
      const fresh: Uint8Array[] = [];
      for (const record of records)
        if (!(await this.collections.get('transactions', transactionId(record))))
          fresh.push(record);
      if (fresh.length === 0) return 'known';
      if (await this.writeBlock(head, fresh, [], latest)) return 'accepted';
    }
    throw new AnchorError('unavailable', `no turn to write a block in ${MAX_TURNS} tries`);
  }

  async head(): Promise<LedgerHead | undefined> {
    return (await this.storedHead()).head;
  }

  async transaction(txId: string): Promise<PlacedTransaction | undefined> {
    const stored = await this.collections.get('transactions', txId);
    if (!stored) return undefined;
    const number = Number(stored.value['block']);
    const block = await this.block(number);
    if (!block) throw new Error(`block ${number} of ${txId} is missing`);
    return {
      block,
      header: readHeader(block.header),
      hash: blockHash(block.header),
      index: Number(stored.value['index']),
    };
  }

  async block(number: number): Promise<LocalBlock | undefined> {
    const stored = await this.collections.get('blocks', blockKey(number));
    return stored && (stored.value as unknown as LocalBlock);
  }

  /** Every block from the given number on, oldest first. */
  async *blocks(from = 0): AsyncGenerator<LocalBlock> {
    let cursor: string | undefined;
    do {
      const page = await this.collections.range('blocks', {
        from: blockKey(from),
        limit: PAGE,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const { value } of page.items) yield value as unknown as LocalBlock;
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  /** The head and its version, against which a block is written. */
  async storedHead(): Promise<StoredHead> {
    const stored = await this.collections.get('head', 'head');
    return stored
      ? { head: stored.value as unknown as LedgerHead, version: stored.version }
      : { version: 0 };
  }

  /** Puts records into the block behind `head`, with what else changes in the same batch. False when another writer was first. */
  async writeBlock(
    { head, version }: StoredHead,
    records: readonly Uint8Array[],
    also: readonly CollectionWrite[],
    latest?: { readonly size: bigint; readonly digest: Uint8Array },
  ): Promise<boolean> {
    const number = head ? head.number + 1 : 0;
    const header = headerText({
      number,
      origin: this.origin,
      prev: head?.hash ?? NO_BLOCK,
      root: toHex(recordsRoot(records)),
      count: records.length,
      gas: records.reduce((gas, record) => gas + gasOf(record), 0),
      // A clock set back does not make a block older than the one before.
      timeMs: Math.max(this.clock.nowMs(), head?.timeMs ?? 0),
    });
    const signature = toBase64(await this.signer.sign(blockMessage(header)));
    const newest =
      latest && latest.size > BigInt(head?.latest?.size ?? -1)
        ? { size: latest.size.toString(), digest: toHex(latest.digest) }
        : head?.latest;
    try {
      await this.collections.batch([
        {
          op: 'put',
          collection: 'head',
          key: 'head',
          value: {
            number,
            hash: blockHash(header),
            timeMs: readHeader(header).timeMs,
            ...(newest ? { latest: newest } : {}),
          },
          expectedVersion: version,
        },
        {
          op: 'put',
          collection: 'blocks',
          key: blockKey(number),
          value: { header, signature, key: this.signer.vkey, records: records.map(toBase64) },
          expectedVersion: 0,
        },
        ...records.map((record, index) => ({
          op: 'put' as const,
          collection: 'transactions',
          key: transactionId(record),
          value: { block: number, index },
          expectedVersion: 0,
        })),
        ...also,
      ]);
      return true;
    } catch (error) {
      if (error instanceof Error && error.name === 'CollectionConflict') return false;
      throw error;
    }
  }
}

/** Sorts as the number does. */
const blockKey = (number: number): string => number.toString().padStart(16, '0');

export const recordsOf = (block: LocalBlock): Uint8Array[] => block.records.map(fromBase64);
