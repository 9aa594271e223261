import type { Candidate } from './ingest-candidate.js';
import type { Sql } from './sql.js';
import { column } from './sql-column.js';

/** Keeps what a signature was wrapped in beside its body. An upgrade's signature stands in place of the one before, envelope and all. */
export async function keepEnvelopes(tx: Sql, kept: readonly Candidate[]): Promise<void> {
  const replaced = kept.filter(({ known, row }) => known && row.signature !== undefined);
  if (replaced.length > 0)
    await tx.query('DELETE FROM entry_envelope WHERE entry_id = ANY($1::uuid[])', [
      column(replaced, ({ uuid }) => uuid),
    ]);
  const wrapped = kept.flatMap(({ uuid, row }) => {
    const envelope = row.signature?.envelope;
    return envelope === undefined ? [] : [{ uuid, envelope }];
  });
  if (wrapped.length === 0) return;
  await tx.query(
    'INSERT INTO entry_envelope (entry_id, type, header) SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[])',
    [
      column(wrapped, ({ uuid }) => uuid),
      column(wrapped, ({ envelope }) => envelope.type),
      column(wrapped, ({ envelope }) => envelope.header),
    ],
  );
}
