import {
  type SealedBatch,
  type SealingDraft,
  type StoredBatch,
  storedBatchOf,
} from '../../batching/batch.store.js';
import type { BatchProfile } from '../../verify/contracts.js';
import { sealedEvent } from '../committed-events.js';
import { laneOf } from '../sealing-lane.js';
import { joinHashes, splitHashes } from './hash-list.js';
import { appendEvents } from './outbox-rows.js';
import type { Sql } from './sql.js';

/** Hard limit of a batch: 2²⁰ entries. */
export const MAX_BATCH_ENTRIES = 1_048_576;
/** Tiles per statement: 4 MiB of hashes at most. */
const TILES_PER_STATEMENT = 512;

interface SealRequest {
  readonly maxEntries: number;
  readonly requireExternal: boolean;
  readonly timeoutMs: number;
}
interface HeadRow {
  readonly batches: bigint;
  readonly entries: bigint;
  readonly last_leaf: Uint8Array;
  readonly frontier: Uint8Array;
}
interface WaitingRow {
  readonly profile: BatchProfile;
  readonly source: 'external' | 'system';
}

interface TakenRow {
  readonly count: bigint;
  readonly external: bigint;
  readonly leaves: Uint8Array | null;
  /** Queue id of the run that did not fit as a whole. */
  readonly cut: bigint | null;
  readonly left_over: number;
  readonly cut_group: bigint | null;
  readonly cut_source: string | null;
  readonly cut_entry_ids: Uint8Array | null;
  readonly cut_leaves: Uint8Array | null;
  readonly cut_received_at_ms: bigint | null;
}

/**
 * Numbers what waits, under the lock of the head row. Ingestion never touches that row, and an entry that
 * commits later simply waits for the next batch: its place in the queue says nothing about its position.
 */
export async function sealBatch(
  tx: Sql,
  request: SealRequest,
  build: (draft: SealingDraft) => Promise<SealedBatch>,
): Promise<StoredBatch | undefined> {
  // Waiting for another sealer and hashing a million leaves both take longer than a statement usually may;
  // a million rows sort in memory, and compiling expressions would cost more than it saves.
  await tx.query(
    `SELECT set_config('statement_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $1, true),
       set_config('work_mem', '128MB', true), set_config('jit', 'off', true)`,
    [String(request.timeoutMs)],
  );
  const [head] = await tx.query<HeadRow>(
    'SELECT batches, entries, last_leaf, frontier FROM log_head WHERE log_id = 1 FOR UPDATE',
  );
  if (head === undefined) throw new Error('the log has no head row; the schema is damaged');
  const [deciding] = await tx.query<WaitingRow>(
    `SELECT profile, source FROM log_unsealed
     WHERE log_id = 1 AND (NOT $1::bool OR source = 'external') ORDER BY id LIMIT 1`,
    [request.requireExternal],
  );
  if (deciding === undefined) return undefined;
  const lane = laneOf(deciding);
  const number = Number(head.batches);
  const taken = await takeWaiting(tx, {
    number,
    profile: deciding.profile,
    lane,
    limit: Math.min(request.maxEntries, MAX_BATCH_ENTRIES),
  });
  const draft: SealingDraft = {
    number,
    first: head.entries,
    profile: deciding.profile,
    lane,
    ...taken,
    previousLogLeaf: head.last_leaf,
    logFrontier: splitHashes(head.frontier),
  };
  const sealed = await build(draft);
  await writeTiles(tx, number, sealed.tiles);
  const batch = storedBatchOf(draft, sealed);
  await writeBatch(tx, batch, sealed.logFrontier);
  return batch;
}

async function takeWaiting(
  tx: Sql,
  from: {
    readonly number: number;
    readonly profile: BatchProfile;
    readonly lane: StoredBatch['lane'];
    readonly limit: number;
  },
): Promise<Pick<SealingDraft, 'count' | 'externalCount' | 'leaves'>> {
  // One statement, one snapshot: what commits meanwhile with a lower number is not seen and cannot exceed the limit.
  // The bound instead of a join: a planner that knows nothing of a queue that just filled up has nothing to get wrong.
  const [taken] = await tx.query<TakenRow>(
    `WITH waiting AS (
       SELECT id, sum(count) OVER (ORDER BY id) - count AS before FROM (
         SELECT id, count FROM log_unsealed WHERE log_id = 1 AND profile = $2 AND ($3::text = 'all' OR source = $3::text)
         ORDER BY id LIMIT $4) oldest),
     taken AS (
       DELETE FROM log_unsealed WHERE log_id = 1 AND profile = $2 AND ($3::text = 'all' OR source = $3::text)
         AND id <= (SELECT max(id) FROM waiting WHERE before < $4)
       RETURNING id, group_id, source, count, entry_ids, leaves, received_at_ms),
     numbered AS (
       SELECT *, (sum(count) OVER (ORDER BY id) - count)::int4 AS first_index FROM taken),
     fitted AS MATERIALIZED (
       SELECT *, least(count, $4 - first_index)::int4 AS fits FROM numbered),
     placed AS (
       INSERT INTO batch_position (batch_number, first_index, count, group_id, source, entry_ids)
       SELECT $1::int8, first_index, fits, group_id, source, substr(entry_ids, 1, 16 * fits) FROM fitted)
     SELECT sum(fits) AS count, coalesce(sum(fits) FILTER (WHERE source = 'external'), 0) AS external,
       string_agg(substr(leaves, 1, 32 * fits), ''::bytea ORDER BY first_index) AS leaves,
       max(id) FILTER (WHERE fits < count) AS cut, max(count - fits) AS left_over,
       max(group_id) FILTER (WHERE fits < count) AS cut_group, max(source) FILTER (WHERE fits < count) AS cut_source,
       max(received_at_ms) FILTER (WHERE fits < count) AS cut_received_at_ms,
       string_agg(substr(entry_ids, 16 * fits + 1), ''::bytea) FILTER (WHERE fits < count) AS cut_entry_ids,
       string_agg(substr(leaves, 32 * fits + 1), ''::bytea) FILTER (WHERE fits < count) AS cut_leaves
     FROM fitted`,
    [from.number, from.profile, from.lane, from.limit],
  );
  if (taken === undefined || taken.leaves === null)
    throw new Error(`batch ${from.number} found nothing to seal although an entry waits`);
  await returnRest(tx, from.profile, taken);
  return {
    count: Number(taken.count),
    externalCount: Number(taken.external),
    leaves: taken.leaves,
  };
}

/** What does not fit of the last run goes back to its place in the queue. */
async function returnRest(tx: Sql, profile: BatchProfile, taken: TakenRow): Promise<void> {
  if (taken.cut === null) return;
  await tx.query(
    `INSERT INTO log_unsealed (id, group_id, source, profile, count, entry_ids, leaves, received_at_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      taken.cut,
      taken.cut_group,
      taken.cut_source,
      profile,
      taken.left_over,
      taken.cut_entry_ids,
      taken.cut_leaves,
      taken.cut_received_at_ms,
    ],
  );
}

async function writeTiles(tx: Sql, number: number, tiles: SealedBatch['tiles']): Promise<void> {
  const levels: number[] = [];
  const indexes: number[] = [];
  const hashes: Uint8Array[] = [];
  const flush = async () => {
    if (levels.length === 0) return;
    // One binary value for all: an array of them would be written as hexadecimal text.
    const ends = endsOf(hashes);
    await tx.query(
      `INSERT INTO batch_tile (batch_number, level, index, hashes)
       SELECT $1::int8, k.level, k.index, substr($2::bytea, k.start + 1, k.stop - k.start)
       FROM unnest($3::int2[], $4::int4[], $5::int4[], $6::int4[]) AS k (level, index, start, stop)`,
      [
        number,
        joinHashes(hashes),
        levels.splice(0),
        indexes.splice(0),
        ends.map((end, i) => end - (hashes[i]?.length ?? 0)),
        ends,
      ],
    );
    hashes.length = 0;
  };
  for (const tile of tiles) {
    levels.push(tile.level);
    indexes.push(tile.index);
    hashes.push(tile.hashes);
    if (levels.length === TILES_PER_STATEMENT) await flush();
  }
  await flush();
}

function endsOf(parts: readonly Uint8Array[]): number[] {
  let end = 0;
  return parts.map((part) => (end += part.length));
}

async function writeBatch(
  tx: Sql,
  batch: StoredBatch,
  frontier: readonly Uint8Array[],
): Promise<void> {
  await tx.query(
    `INSERT INTO batch (number, id, profile, lane, count, external_count, first, root, metadata, log_leaf, log_root, sealed_at_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      batch.number,
      batch.id,
      batch.profile,
      batch.lane,
      batch.count,
      batch.externalCount,
      batch.first,
      batch.root,
      batch.metadata,
      batch.logLeaf,
      batch.logRoot,
      batch.sealedAtMs,
    ],
  );
  await tx.query(
    `UPDATE log_head SET batches = $1, entries = entries + $2, last_leaf = $3, frontier = $4 WHERE log_id = 1`,
    [batch.number + 1, batch.count, batch.logLeaf, joinHashes(frontier)],
  );
  await appendEvents(tx, [sealedEvent(batch)]);
}
