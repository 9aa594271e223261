import type { EntryIdsQuery } from '../../batching/batch.store.js';
import type { Sql } from './sql.js';

/** Entries per run: their ids and leaves fit a page of the database without going out of line. */
export const RUN_ENTRIES = 120;

/** Ids of a batch's entries in position order, as the hex digits of a uuid. */
export async function entryIdsInBatch(
  sql: Sql,
  number: number,
  query: EntryIdsQuery,
): Promise<readonly string[]> {
  // No run is longer than RUN_ENTRIES: the first one that can hold fromIndex is found by the key.
  const rows = await sql.query<{ id: string }>(
    `SELECT encode(substr(r.entry_ids, 16 * k + 1, 16), 'hex') AS id
     FROM batch_position r CROSS JOIN LATERAL generate_series(0, r.count - 1) k
     WHERE r.log_id = 1 AND r.batch_number = $1 AND r.first_index > $2::int4 - $5::int4
       AND r.first_index + k >= $2::int4 AND ($3::text IS NULL OR r.source = $3)
     ORDER BY r.first_index, k LIMIT $4`,
    [number, query.fromIndex, query.source ?? null, query.limit, RUN_ENTRIES],
  );
  return rows.map(({ id }) => id);
}
