import { hexOf } from './entry-id.js';
import type { Candidate } from './ingest-candidate.js';
import type { Sql } from './sql.js';
import { column } from './sql-column.js';

/** What was just held waits for somebody; what was held and is accepted now waits no more. */
export async function keepHeld(tx: Sql, kept: readonly Candidate[]): Promise<void> {
  const held = kept.filter(({ row }) => row.verdict === 'quarantined' && row.reading !== undefined);
  const settled = kept.filter(
    ({ row, before }) => before?.verdict === 'quarantined' && row.verdict !== 'quarantined',
  );
  if (held.length > 0)
    await tx.query(
      `INSERT INTO quarantine (entry_id, account_id, meter_id, reason, state, held_at_ms, supersedes, others, claimant)
       SELECT k.entry_id, k.account_id, k.meter_id, k.reason, 'open', k.held_at_ms, k.supersedes,
         string_to_array(k.others, ',')::uuid[], k.claimant
       FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::bytea[], $7::text[], $8::text[])
         WITH ORDINALITY AS k (entry_id, account_id, meter_id, reason, held_at_ms, supersedes, others, claimant, place)
       ORDER BY k.place
       ON CONFLICT (entry_id) DO UPDATE SET account_id = EXCLUDED.account_id, reason = EXCLUDED.reason,
         state = 'open', held_at_ms = EXCLUDED.held_at_ms, others = EXCLUDED.others, claimant = EXCLUDED.claimant`,
      [
        column(held, ({ uuid }) => uuid),
        column(held, ({ row }) => row.accountId),
        column(held, ({ row }) => row.reading?.meterId ?? ''),
        column(held, ({ row }) => row.reason ?? ''),
        column(held, ({ row }) => row.receivedAtMs),
        column(held, ({ row }) => row.reading?.supersedes ?? null),
        column(held, ({ contenders = [], rival }) =>
          [...contenders.map(({ entryId }) => hexOf(entryId)), rival ?? []].flat().join(','),
        ),
        column(held, ({ row }) => row.reading?.claimant ?? null),
      ],
    );
  if (settled.length > 0)
    await tx.query(
      `UPDATE quarantine SET state = 'accepted' WHERE state = 'open' AND entry_id = ANY($1::uuid[])`,
      [column(settled, ({ uuid }) => uuid)],
    );
}
