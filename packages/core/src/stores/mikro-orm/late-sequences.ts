import { LATE_SEQUENCE } from '../../ingestion/ingest.store.js';
import type { Candidate } from './ingest-candidate.js';
import type { Sql } from './sql.js';
import { column } from './sql-column.js';

/**
 * Holds readings whose number lies further behind the highest of its key than the window: in the order they arrived, each
 * seen number raising the highest for those after it. Reads the end of the primary key once per key.
 */
export async function holdLate(tx: Sql, candidates: readonly Candidate[]): Promise<void> {
  const numbered = candidates
    .flatMap((candidate) => {
      const sequence = candidate.row.reading?.sequence;
      return sequence?.window === undefined
        ? []
        : [{ candidate, sequence, window: sequence.window }];
    })
    .toSorted((a, b) => a.candidate.place - b.candidate.place);
  if (numbered.length === 0) return;
  const keys = new Map(numbered.map(({ sequence }) => [nameOf(sequence), sequence]));
  const rows = await tx.query<{ device: string; epoch: bigint; highest: bigint }>(
    `SELECT k.device, k.epoch, s.number AS highest FROM unnest($1::text[], $2::int8[]) AS k (device, epoch)
     CROSS JOIN LATERAL (SELECT number FROM reading_sequence s WHERE s.device = k.device AND s.epoch = k.epoch
       ORDER BY number DESC LIMIT 1) AS s`,
    [
      column([...keys.values()], ({ device }) => device),
      column([...keys.values()], ({ epoch }) => epoch),
    ],
    { prepare: 'wattproof_highest_sequences' },
  );
  const highest = new Map(
    rows.map((row) => [nameOf({ device: row.device, epoch: Number(row.epoch) }), row.highest]),
  );
  for (const { candidate, sequence, window } of numbered) {
    const name = nameOf(sequence);
    const seen = highest.get(name);
    if (seen === undefined || sequence.number > seen) highest.set(name, sequence.number);
    else if (sequence.number < seen - window && candidate.row.verdict !== 'quarantined')
      candidate.row = { ...candidate.row, verdict: 'quarantined', reason: LATE_SEQUENCE };
  }
}

function nameOf({ device, epoch }: { readonly device: string; readonly epoch: number }): string {
  return `${device} ${epoch}`;
}
