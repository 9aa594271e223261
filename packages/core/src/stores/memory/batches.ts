import {
  type BatchStore,
  CheckpointConflict,
  type EntryIdsQuery,
  type SealedBatch,
  type SealingDraft,
  type StoredBatch,
  storedBatchOf,
} from '../../batching/batch.store.js';
import type { Page } from '../../logs/entry.store.js';
import { numberCursor, page, readNumberCursor } from '../list-cursor.js';
import { chooseLane, laneOf } from '../sealing-lane.js';
import type { LogState } from './log-state.js';
import type { MemoryOutbox } from './outbox.js';
import type { Transactions } from './transactions.js';
import { sealedEvent } from '../committed-events.js';

const HASH_BYTES = 32;

interface BatchRecord {
  batch: StoredBatch;
  readonly entryIds: readonly string[];
  /** By `level/index`. */
  readonly tiles: ReadonlyMap<string, Uint8Array>;
}

export class MemoryBatches implements BatchStore {
  private readonly batches: BatchRecord[] = [];
  private readonly byId = new Map<string, BatchRecord>();
  private logFrontier: readonly Uint8Array[] = [];
  private nextPosition = 0n;

  constructor(
    private readonly log: LogState,
    private readonly outbox: MemoryOutbox,
    private readonly transactions: Transactions,
  ) {}

  seal(
    request: { readonly maxEntries: number; readonly requireExternal: boolean },
    build: (draft: SealingDraft) => Promise<SealedBatch>,
  ): Promise<StoredBatch | undefined> {
    return this.transactions.run(async () => {
      const waiting = [...this.log.unsealed].flatMap((id) => {
        const row = this.log.byId.get(id)?.row;
        return row === undefined ? [] : [row];
      });
      const chosen = chooseLane(waiting, request.requireExternal);
      if (chosen === undefined) return undefined;
      const rows = waiting
        .filter((row) => row.profile === chosen.profile && laneOf(row) === chosen.lane)
        .slice(0, request.maxEntries);
      const leaves = new Uint8Array(rows.length * HASH_BYTES);
      rows.forEach((row, i) => leaves.set(row.merkleLeaf, i * HASH_BYTES));
      const head = this.batches.at(-1)?.batch;
      const draft: SealingDraft = {
        number: this.batches.length,
        first: this.nextPosition,
        profile: chosen.profile,
        lane: chosen.lane,
        count: rows.length,
        externalCount: rows.filter((row) => row.source === 'external').length,
        leaves,
        previousLogLeaf: head?.logLeaf ?? new Uint8Array(HASH_BYTES),
        logFrontier: this.logFrontier,
      };
      const sealed = await build(draft);
      return this.write(
        draft,
        sealed,
        rows.map((row) => row.id),
      );
    });
  }

  private write(
    draft: SealingDraft,
    sealed: SealedBatch,
    entryIds: readonly string[],
  ): StoredBatch {
    if (this.byId.has(sealed.id)) throw new Error(`batch id ${sealed.id} is in use`);
    const tiles = new Map<string, Uint8Array>();
    for (const tile of sealed.tiles) tiles.set(`${tile.level}/${tile.index}`, tile.hashes.slice());
    const batch = storedBatchOf(draft, sealed);
    const record: BatchRecord = { batch, entryIds, tiles };
    this.batches.push(record);
    this.byId.set(batch.id, record);
    this.logFrontier = sealed.logFrontier;
    this.nextPosition += BigInt(draft.count);
    entryIds.forEach((id, index) => {
      const entry = this.log.byId.get(id);
      if (entry !== undefined) entry.batch = { number: batch.number, id: batch.id, index };
      this.log.unsealed.delete(id);
    });
    this.outbox.append(sealedEvent(batch));
    return batch;
  }

  putCheckpoint(number: number, note: string): Promise<void> {
    return this.transactions.run(() => {
      const record = this.batches[number];
      if (record === undefined)
        throw new RangeError(
          `batch ${number} is not sealed; a checkpoint can only follow its batch`,
        );
      const stored = record.batch.checkpoint;
      if (stored !== undefined && stored !== note) throw new CheckpointConflict(number);
      record.batch = { ...record.batch, checkpoint: note };
    });
  }

  async unsigned(): Promise<readonly StoredBatch[]> {
    return this.batches.map(({ batch }) => batch).filter((batch) => batch.checkpoint === undefined);
  }

  async head(): Promise<StoredBatch | undefined> {
    return this.batches.at(-1)?.batch;
  }

  async get(id: string): Promise<StoredBatch | undefined> {
    return this.byId.get(id)?.batch;
  }

  async byNumber(number: number): Promise<StoredBatch | undefined> {
    return this.batches[number]?.batch;
  }

  async list(query: {
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<Page<StoredBatch>> {
    const behind =
      query.cursor === undefined ? this.batches.length : Number(readNumberCursor(query.cursor));
    const found = this.batches
      .slice(Math.max(0, behind - query.limit - 1), behind)
      .map(({ batch }) => batch)
      .reverse();
    return page(found, query.limit, (last) => numberCursor(last.number));
  }

  async entryIds(number: number, query: EntryIdsQuery): Promise<readonly string[]> {
    return (this.batches[number]?.entryIds ?? [])
      .slice(query.fromIndex)
      .filter(
        (id) => query.source === undefined || this.log.byId.get(id)?.row.source === query.source,
      )
      .slice(0, query.limit);
  }

  async tile(number: number, level: number, index: number): Promise<Uint8Array | undefined> {
    return this.batches[number]?.tiles.get(`${level}/${index}`);
  }

  async logLeaves(from: number, to: number): Promise<Uint8Array> {
    const wanted = this.batches.slice(from, to);
    const leaves = new Uint8Array(wanted.length * HASH_BYTES);
    wanted.forEach(({ batch }, i) => leaves.set(batch.logLeaf, i * HASH_BYTES));
    return leaves;
  }

  /** Ids in position order, for the entries' own listing. */
  allEntryIds(number: number): readonly string[] {
    return this.batches[number]?.entryIds ?? [];
  }
}
