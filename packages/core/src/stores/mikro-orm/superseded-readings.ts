import type { IngestRow } from '../../ingestion/ingest.store.js';
import type { Candidate } from './ingest-candidate.js';
import { meterRegisterSql } from './meter-register.js';
import type { Sql } from './sql.js';

/**
 * The entries that readings name as replaced; a name that is no reading of the same meter is refused, as is one that counts
 * for another account.
 */
export async function findSuperseded(
  tx: Sql,
  candidates: readonly Candidate[],
): Promise<ReadonlyMap<Candidate, string>> {
  const naming = candidates.flatMap((candidate) => {
    const reading = candidate.row.reading;
    return reading?.supersedes === undefined
      ? []
      : [
          {
            candidate,
            hash: reading.supersedes,
            fingerprint: reading.fingerprint,
            account: candidate.row.accountId,
          },
        ];
  });
  const superseded = new Map<Candidate, string>();
  if (naming.length === 0) return superseded;
  // Whoever erases one of them comes before this and leaves nothing to name, or after it and sees that it was replaced.
  await tx.query(
    'SELECT FROM entry_body WHERE log_id = 1 AND log_hash = ANY($1::bytea[]) ORDER BY entry_id FOR SHARE',
    [naming.map(({ hash }) => hash)],
  );
  const found = await tx.query<{ place: bigint; entry_id: string }>(
    `SELECT DISTINCT k.place, b.entry_id
     FROM unnest($1::bytea[], $2::bytea[], $3::text[]) WITH ORDINALITY AS k (hash, fingerprint, account, place)
     JOIN entry_body b ON b.log_id = 1 AND b.log_hash = k.hash
     JOIN reading r ON r.entry_id = b.entry_id AND r.fingerprint = k.fingerprint
     JOIN entry e ON e.id = b.entry_id
     WHERE e.account_id = k.account OR NOT EXISTS (SELECT FROM reading_interval i
       WHERE i.meter_register = ${meterRegisterSql('r')} AND i.entry_id = e.id AND i.span @> e.starts_ms)`,
    [
      naming.map(({ hash }) => hash),
      naming.map(({ fingerprint }) => fingerprint),
      naming.map(({ account }) => account),
    ],
  );
  const byPlace = new Map(found.map((row) => [Number(row.place), row.entry_id]));
  naming.forEach(({ candidate }, index) => {
    const uuid = byPlace.get(index + 1);
    if (uuid !== undefined) superseded.set(candidate, uuid.replaceAll('-', ''));
    else candidate.answer = supersedesUnknown(candidate.row);
  });
  return superseded;
}

export function supersedesUnknown({ reading }: IngestRow): NonNullable<Candidate['answer']> {
  const hash = Buffer.from(reading?.supersedes ?? []).toString('hex');
  return {
    kind: 'refused',
    code: 'supersedes_unknown',
    detail: `no entry of this meter has the hash ${hash} that is to be superseded`,
  };
}
