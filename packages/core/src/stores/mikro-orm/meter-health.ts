import { gapBetween } from '../../devices/meter-gaps.js';
import type {
  GapQuery,
  MeterGap,
  ReceivedQuery,
  ReceivedReadings,
} from '../../devices/meter.store.js';
import { meterRegisterOf } from './meter-register.js';
import type { Sql } from './sql.js';

interface GapRow {
  readonly starts: bigint;
  readonly ends: bigint;
  readonly next: bigint;
  readonly step: bigint;
}

/** Reads the index of the intervals and nothing else: a year of quarters of an hour costs what its index pages cost. */
export async function listGaps(sql: Sql, query: GapQuery): Promise<readonly MeterGap[]> {
  // A point stands in the index as the one millisecond [t, t + 1).
  const rows = await sql.query<GapRow>(
    `WITH spans AS (
       SELECT lower(span) AS starts, CASE WHEN upper(span) - lower(span) = 1 THEN lower(span) ELSE upper(span) END AS ends
       FROM reading_interval WHERE meter_register = $1::uuid AND span && int8range($2, $3)),
     covered AS MATERIALIZED (SELECT starts, ends, lead(starts) OVER (ORDER BY starts) AS next FROM spans),
     usual AS (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY next - starts) AS step FROM covered)
     SELECT starts, ends, next, step FROM covered, usual
     WHERE next > ends AND (ends > starts OR 2 * (next - starts) >= 3 * step)
       AND ($4::int8 IS NULL OR ends > $4::int8)
     ORDER BY starts LIMIT $5`,
    [
      meterRegisterOf(query.fingerprint, query.register, new Map()),
      query.fromMs,
      query.toMs,
      query.behindMs ?? null,
      query.limit,
    ],
  );
  return rows.flatMap(
    ({ starts, ends, next, step }) =>
      gapBetween({ startsMs: Number(starts), endsMs: Number(ends) }, Number(next), Number(step)) ??
      [],
  );
}

/** Few readings are not accepted: those are looked up, the rest is counted. */
export async function countReceived(sql: Sql, query: ReceivedQuery): Promise<ReceivedReadings> {
  const { meterId, accountId = null, fromMs, toMs } = query;
  const [row] = await sql.query<{
    received: bigint;
    flagged: bigint;
    quarantined: bigint;
    last_ends: bigint | null;
    last_received: bigint | null;
  }>(
    `SELECT count(*) AS received, max(e.ends_ms) AS last_ends,
       count(*) FILTER (WHERE v.verdict = 'flagged') AS flagged,
       count(*) FILTER (WHERE v.verdict = 'quarantined') AS quarantined,
       (SELECT received_at_ms FROM entry WHERE meter_id = $1 AND ($2::text IS NULL OR account_id = $2::text)
          ORDER BY arrival DESC LIMIT 1) AS last_received
     FROM entry e LEFT JOIN verdict v ON v.entry_id = e.id AND v.verdict <> 'accepted'
       AND NOT EXISTS (SELECT FROM verdict w WHERE w.entry_id = v.entry_id AND w.group_id > v.group_id)
     WHERE e.meter_id = $1 AND ($2::text IS NULL OR e.account_id = $2::text) AND e.starts_ms >= $3 AND e.starts_ms < $4`,
    [meterId, accountId, fromMs, toMs],
  );
  const { received = 0n, flagged = 0n, quarantined = 0n } = row ?? {};
  const lastReceived = row?.last_received ?? null;
  const lastEnds = row?.last_ends ?? null;
  return {
    ...(lastReceived === null ? {} : { lastReceivedAtMs: Number(lastReceived) }),
    ...(lastEnds === null ? {} : { lastEndsMs: Number(lastEnds) }),
    accepted: Number(received - flagged - quarantined),
    flagged: Number(flagged),
    quarantined: Number(quarantined),
  };
}
