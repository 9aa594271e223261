import { entryIdOf } from './entry-id.js';
import type { Holder } from './group-intervals.js';
import type { Candidate } from './ingest-candidate.js';
import { type InsertedIds, insertedIds, uuidsOf } from './inserted-ids.js';
import { meterRegisterOf, meterRegisterSql } from './meter-register.js';
import type { Sql } from './sql.js';

/** One register of one reading. */
export interface Claim {
  readonly candidate: Candidate;
  readonly fingerprint: Uint8Array;
  readonly register: string;
  /** What the table knows the two by. */
  readonly meterRegister: string;
  readonly startsMs: number;
  readonly endsMs: number;
}

const SPAN = `int8range(k.starts_ms, k.ends_ms, CASE WHEN k.starts_ms = k.ends_ms THEN '[]' ELSE '[)' END)`;
const CLAIMS = `unnest($1::uuid[], $2::int8[], $3::int8[], $4::uuid[])
  AS k (meter_register, starts_ms, ends_ms, entry_id)`;

/** In the order every writer takes them: fingerprint, register, start, logHash. */
export function claimsOf(candidates: readonly Candidate[]): Claim[] {
  const known = new Map<string, string>();
  const claims = candidates.flatMap((candidate) => {
    const { reading } = candidate.row;
    if (reading === undefined) return [];
    const { fingerprint, startsMs, endsMs } = reading;
    return candidate.registers.map((register) => ({
      candidate,
      fingerprint,
      register,
      meterRegister: meterRegisterOf(fingerprint, register, known),
      startsMs,
      endsMs,
    }));
  });
  return claims.toSorted(
    (a, b) =>
      Buffer.compare(a.fingerprint, b.fingerprint) ||
      (a.register < b.register ? -1 : a.register > b.register ? 1 : 0) ||
      a.startsMs - b.startsMs ||
      Buffer.compare(a.candidate.row.logHash, b.candidate.row.logHash),
  );
}

/** Whether any two claims overlap: as a rule none do, and looking at neighbours in their order costs least. */
export function overlapAny(claims: readonly Claim[]): boolean {
  let before: Claim | undefined;
  let untilMs = 0;
  for (const claim of claims) {
    const { meterRegister, startsMs, endsMs } = claim;
    if (before?.meterRegister !== meterRegister) untilMs = Number.NEGATIVE_INFINITY;
    if (startsMs < untilMs) return true;
    // A point reading covers its millisecond.
    untilMs = Math.max(untilMs, endsMs, startsMs + 1);
    before = claim;
  }
  return false;
}

/** The uuids of the claims that were inserted, or `all`. */
export async function insertClaims(tx: Sql, claims: readonly Claim[]): Promise<'all' | string[]> {
  const [inserted] = await tx.query<InsertedIds>(
    `WITH inserted AS (INSERT INTO reading_interval (meter_register, span, entry_id)
     SELECT k.meter_register, ${SPAN}, k.entry_id FROM ${CLAIMS}
     ON CONFLICT DO NOTHING RETURNING entry_id)
     ${insertedIds(5)}`,
    [...columns(claims), claims.length],
    { prepare: 'wattproof_insert_intervals' },
  );
  return inserted?.ids === null ? 'all' : uuidsOf(inserted);
}

export async function freeIntervals(tx: Sql, uuids: readonly string[]): Promise<void> {
  if (uuids.length === 0) return;
  await tx.query(
    `DELETE FROM reading_interval i USING entry k JOIN reading r ON r.entry_id = k.id
     WHERE k.id = ANY($1::uuid[]) AND i.meter_register = ${meterRegisterSql('r')}
       AND i.span && ${SPAN} AND i.entry_id = k.id`,
    [uuids],
  );
}

/** Who stands where the claims want to stand, by the claiming entry. */
export async function holdersOf(
  tx: Sql,
  claims: readonly Claim[],
  except: readonly string[] = [],
): Promise<ReadonlyMap<string, Holder>> {
  const rows = await tx.query<{ asked: string; entry_id: string; meter_register: string }>(
    `SELECT DISTINCT ON (k.entry_id) k.entry_id AS asked, i.entry_id, k.meter_register
     FROM ${CLAIMS} JOIN reading_interval i ON i.meter_register = k.meter_register AND i.span && ${SPAN}
     WHERE i.entry_id <> ALL($5::uuid[]) ORDER BY k.entry_id`,
    [...columns(claims), except],
  );
  const registers = new Map(claims.map(({ meterRegister, register }) => [meterRegister, register]));
  return new Map(
    rows.map(({ asked, entry_id, meter_register }) => [
      asked.replaceAll('-', ''),
      {
        entryId: entryIdOf(entry_id),
        register: registers.get(meter_register.replaceAll('-', '')) ?? '',
      },
    ]),
  );
}

function columns(claims: readonly Claim[]) {
  return [
    claims.map(({ meterRegister }) => meterRegister),
    claims.map(({ startsMs }) => startsMs),
    claims.map(({ endsMs }) => endsMs),
    claims.map(({ candidate }) => candidate.uuid),
  ];
}
