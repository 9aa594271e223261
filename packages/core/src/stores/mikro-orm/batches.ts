import {
  type BatchStore,
  CheckpointConflict,
  type EntryIdsQuery,
  type SealedBatch,
  type SealingDraft,
  type StoredBatch,
} from '../../batching/batch.store.js';
import type { Page } from '../../logs/entry.store.js';
import type { BatchProfile } from '../../verify/contracts.js';
import { numberCursor, page, readNumberCursor } from '../list-cursor.js';
import { entryIdsInBatch } from './batch-positions.js';
import { entryIdOf } from './entry-id.js';
import { GatheredReads, hiddenArray } from './gathered-reads.js';
import { sealBatch } from './sealing.js';
import type { Sql } from './sql.js';

interface BatchRow {
  readonly id: string;
  readonly number: bigint;
  readonly profile: BatchProfile;
  readonly lane: StoredBatch['lane'];
  readonly count: number;
  readonly external_count: number;
  readonly first: bigint;
  readonly root: Uint8Array;
  readonly metadata: Uint8Array;
  readonly log_leaf: Uint8Array;
  readonly log_root: Uint8Array;
  readonly sealed_at_ms: bigint;
  readonly note: string | null;
}

const BATCH = `SELECT b.id, b.number, b.profile, b.lane, b.count, b.external_count, b.first, b.root, b.metadata,
    b.log_leaf, b.log_root, b.sealed_at_ms, c.note
  FROM batch b LEFT JOIN batch_checkpoint c ON c.log_id = b.log_id AND c.batch_number = b.number
  WHERE b.log_id = 1`;

interface TileRow {
  readonly batch_number: bigint;
  readonly level: number;
  readonly index: number;
  readonly hashes: Uint8Array;
}

/** Statements that read tiles under way at once. */
const TILE_STATEMENTS = 2;

export class SqlBatches implements BatchStore {
  readonly #tiles: GatheredReads<Uint8Array>;

  constructor(
    private readonly sql: Sql,
    private readonly options: { readonly sealTimeoutMs: number; readonly maxWaiting: number },
  ) {
    const gathered = { statements: TILE_STATEMENTS, keys: options.maxWaiting };
    this.#tiles = new GatheredReads((keys) => this.tilesOf(keys), gathered);
  }

  seal(
    request: { readonly maxEntries: number; readonly requireExternal: boolean },
    build: (draft: SealingDraft) => Promise<SealedBatch>,
  ): Promise<StoredBatch | undefined> {
    return this.sql.transaction((tx) =>
      sealBatch(tx, { ...request, timeoutMs: this.options.sealTimeoutMs }, build),
    );
  }

  async putCheckpoint(number: number, note: string): Promise<void> {
    const inserted = await this.sql.query(
      `INSERT INTO batch_checkpoint (batch_number, note)
       SELECT number, $2::text FROM batch WHERE log_id = 1 AND number = $1
       ON CONFLICT DO NOTHING RETURNING batch_number`,
      [number, note],
    );
    if (inserted.length > 0) return;
    const batch = await this.byNumber(number);
    if (batch === undefined)
      throw new RangeError(`batch ${number} is not sealed; a checkpoint can only follow its batch`);
    if (batch.checkpoint !== note) throw new CheckpointConflict(number);
  }

  async unsigned(): Promise<readonly StoredBatch[]> {
    const rows = await this.sql.query<BatchRow>(`${BATCH} AND c.note IS NULL ORDER BY b.number`);
    return rows.map(batchOf);
  }

  async head(): Promise<StoredBatch | undefined> {
    return this.one(`${BATCH} ORDER BY b.number DESC LIMIT 1`);
  }

  async get(id: string): Promise<StoredBatch | undefined> {
    return this.one(`${BATCH} AND b.id = $1`, id);
  }

  async byNumber(number: number): Promise<StoredBatch | undefined> {
    const [row] = await this.sql.query<BatchRow>(`${BATCH} AND b.number = $1`, [number], {
      prepare: 'wattproof_batch_by_number',
    });
    return row === undefined ? undefined : batchOf(row);
  }

  /** Newest first. */
  async list(query: {
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<Page<StoredBatch>> {
    const behind = query.cursor === undefined ? null : readNumberCursor(query.cursor);
    const rows = await this.sql.query<BatchRow>(
      `${BATCH} AND ($1::int8 IS NULL OR b.number < $1) ORDER BY b.number DESC LIMIT $2`,
      [behind, query.limit + 1],
    );
    return page(rows.map(batchOf), query.limit, (last) => numberCursor(last.number));
  }

  async entryIds(number: number, query: EntryIdsQuery): Promise<readonly string[]> {
    return (await entryIdsInBatch(this.sql, number, query)).map(entryIdOf);
  }

  tile(number: number, level: number, index: number): Promise<Uint8Array | undefined> {
    return this.#tiles.get(`${number}/${level}/${index}`);
  }

  private async tilesOf(keys: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    const places = keys.map((key) => key.split('/').map(Number));
    const column = (at: number): readonly number[] => places.map((place) => place[at]!);
    const rows = await this.sql.query<TileRow>(
      `SELECT t.batch_number, t.level, t.index, t.hashes
       FROM unnest(${hiddenArray(1, 'int8')}, ${hiddenArray(2, 'int2')}, ${hiddenArray(3, 'int4')}) AS k (batch_number, level, index)
       JOIN batch_tile t USING (batch_number, level, index) WHERE t.log_id = 1`,
      [column(0), column(1), column(2)],
      { prepare: 'wattproof_tiles' },
    );
    return new Map(
      rows.map(({ batch_number: number, level, index, hashes }) => [
        `${number}/${level}/${index}`,
        hashes,
      ]),
    );
  }

  async logLeaves(from: number, to: number): Promise<Uint8Array> {
    const [row] = await this.sql.query<{ leaves: Uint8Array | null }>(
      `SELECT string_agg(log_leaf, ''::bytea ORDER BY number) AS leaves
       FROM batch WHERE log_id = 1 AND number >= $1 AND number < $2`,
      [from, to],
    );
    return row?.leaves ?? new Uint8Array(0);
  }

  private async one(
    text: string,
    ...params: (string | number)[]
  ): Promise<StoredBatch | undefined> {
    const [row] = await this.sql.query<BatchRow>(text, params);
    return row === undefined ? undefined : batchOf(row);
  }
}

function batchOf(row: BatchRow): StoredBatch {
  return {
    id: row.id,
    number: Number(row.number),
    profile: row.profile,
    lane: row.lane,
    count: row.count,
    externalCount: row.external_count,
    first: row.first,
    root: row.root,
    metadata: row.metadata,
    logLeaf: row.log_leaf,
    logRoot: row.log_root,
    sealedAtMs: Number(row.sealed_at_ms),
    ...(row.note === null ? {} : { checkpoint: row.note }),
  };
}
