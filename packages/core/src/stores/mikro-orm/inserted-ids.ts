/** Answer of `insertedIds`: null when every row was inserted, else the ids that were. */
export interface InsertedIds {
  readonly ids: string | null;
}

/**
 * Ends `WITH inserted AS (INSERT … RETURNING entry_id)`. Parameter `expected` is the number of rows given: as a rule all
 * of them go in, and a thousand ids that say so would cost more than the answer is worth.
 */
export function insertedIds(expected: number, more = ''): string {
  return `SELECT CASE WHEN count(*) = $${expected}::int8 THEN NULL ELSE coalesce(string_agg(entry_id::text, ','), '') END AS ids${more}
     FROM inserted`;
}

/** The uuids as 32 hex digits each, as often as rows were inserted for them. */
export function uuidsOf(inserted: InsertedIds | undefined): string[] {
  const ids = inserted?.ids ?? '';
  return ids === '' ? [] : ids.replaceAll('-', '').split(',');
}
