import {
  type Contender,
  type Contest,
  contestOf,
  heldBack,
  holdsBack,
} from '../../ingestion/cross-owner-rule.js';
import { entryIdOf } from './entry-id.js';
import type { Candidate } from './ingest-candidate.js';
import { type InsertedIds, insertedIds, uuidsOf } from './inserted-ids.js';
import type { Sql } from './sql.js';
import { column } from './sql-column.js';

interface Claim extends Contest {
  readonly candidate: Candidate;
}

const CLAIMS = `unnest($1::bytea[], $2::int2[], $3::int8[], $4::int8[], $5::text[], $6::text[], $7::uuid[])
  AS k (fingerprint, claimable, starts_ms, ends_ms, claimant, account_id, entry_id)`;
const SPAN = 'int8range(k.starts_ms, k.ends_ms)';

/**
 * Readings of meters that no registration gives an owner: of two owners' within 15 minutes the later is quarantined. The
 * exclusion constraint decides between writers. Readings of registered meters never come here.
 */
export async function holdContested(tx: Sql, candidates: readonly Candidate[]): Promise<void> {
  const claims = candidates.flatMap((candidate): Claim[] => {
    const contest = contestOf(candidate.row);
    return contest === undefined ? [] : [{ ...contest, candidate }];
  });
  if (claims.length === 0) return;
  await forget(
    tx,
    claims.flatMap(({ candidate: { known, uuid } }) => (known ? uuid : [])),
  );
  const { first, later } = splitByArrival(claims);
  await insert(tx, first);
  for (const claim of later) await insert(tx, [claim]);
}

/**
 * A reading that somebody released stands where it was held back: the claims against it are gone, and what their owners send
 * from now on is judged against it.
 */
export async function takeContested(tx: Sql, candidate: Candidate): Promise<void> {
  const contest = contestOf(candidate.row);
  if (contest === undefined) return;
  const claim = columns([{ ...contest, candidate }]);
  await forget(tx, [candidate.uuid]);
  for (;;) {
    await tx.query(
      `DELETE FROM reading_contested c USING ${CLAIMS} WHERE c.fingerprint = k.fingerprint
         AND c.claimable <= k.claimable AND c.span && ${SPAN} AND c.claimant <> k.claimant`,
      claim,
    );
    const [inserted] = await tx.query(
      `INSERT INTO reading_contested (fingerprint, claimable, span, claimant, account_id, entry_id)
       SELECT k.fingerprint, k.claimable, ${SPAN}, k.claimant, k.account_id, k.entry_id FROM ${CLAIMS}
       ON CONFLICT DO NOTHING RETURNING entry_id`,
      claim,
    );
    // Whoever took the place between the two statements has committed: the next DELETE sees them.
    if (inserted !== undefined) return;
  }
}

/** What was refused after all claims nothing. */
export async function forgetContested(tx: Sql, refused: readonly Candidate[]): Promise<void> {
  await forget(
    tx,
    refused.flatMap(({ row, uuid }) => (contestOf(row) === undefined ? [] : uuid)),
  );
}

async function forget(tx: Sql, uuids: readonly string[]): Promise<void> {
  if (uuids.length > 0)
    await tx.query('DELETE FROM reading_contested WHERE entry_id = ANY($1::uuid[])', [uuids]);
}

/** Claims that no earlier one of the group stands against, and the others. */
function splitByArrival(claims: readonly Claim[]): { first: Claim[]; later: Claim[] } {
  const byMeter = new Map<string, Claim[]>();
  const first: Claim[] = [];
  const later: Claim[] = [];
  for (const claim of claims.toSorted((a, b) => a.candidate.place - b.candidate.place)) {
    const meter = Buffer.from(claim.fingerprint).toString('latin1');
    const there = byMeter.get(meter) ?? [];
    byMeter.set(meter, there);
    if (there.some((one) => holdsBack(one, claim) || holdsBack(claim, one))) later.push(claim);
    else {
      there.push(claim);
      first.push(claim);
    }
  }
  return { first, later };
}

/** Inserts what it can; the others are quarantined, and know who was there first. */
async function insert(tx: Sql, claims: readonly Claim[]): Promise<void> {
  // In one order for all writers.
  const sorted = claims.toSorted(
    (a, b) => Buffer.compare(a.fingerprint, b.fingerprint) || a.startsMs - b.startsMs,
  );
  const [inserted] = await tx.query<InsertedIds>(
    `WITH inserted AS (
       INSERT INTO reading_contested (fingerprint, claimable, span, claimant, account_id, entry_id)
       SELECT k.fingerprint, k.claimable, ${SPAN}, k.claimant, k.account_id, k.entry_id FROM ${CLAIMS}
       WHERE k.claimable = 1 OR NOT EXISTS (SELECT FROM reading_contested c WHERE c.fingerprint = k.fingerprint
         AND c.claimable = 1 AND c.span && ${SPAN} AND c.claimant <> k.claimant)
       ON CONFLICT DO NOTHING RETURNING entry_id)
     ${insertedIds(8)}`,
    [...columns(sorted), sorted.length],
  );
  if (inserted?.ids === null) return;
  const won = new Set(uuidsOf(inserted));
  const lost = sorted.filter(({ candidate }) => !won.has(candidate.uuid));
  const contenders = await contendersOf(tx, lost);
  for (const { candidate } of lost) {
    candidate.row = heldBack(candidate.row);
    candidate.contenders = contenders.get(candidate.uuid) ?? [];
  }
}

async function contendersOf(
  tx: Sql,
  claims: readonly Claim[],
): Promise<ReadonlyMap<string, readonly Contender[]>> {
  const rows = await tx.query<{ asked: string; entry_id: string; account_id: string }>(
    `SELECT DISTINCT ON (k.entry_id, c.claimant) k.entry_id AS asked, c.entry_id, c.account_id
     FROM ${CLAIMS} JOIN reading_contested c ON c.fingerprint = k.fingerprint AND c.claimable >= k.claimable
       AND c.span && ${SPAN} AND c.claimant <> k.claimant
     ORDER BY k.entry_id, c.claimant, lower(c.span)`,
    columns(claims),
  );
  const found = new Map<string, Contender[]>();
  for (const { asked, entry_id: entry, account_id: accountId } of rows) {
    const uuid = asked.replaceAll('-', '');
    const there = found.get(uuid) ?? [];
    there.push({ entryId: entryIdOf(entry), accountId });
    found.set(uuid, there);
  }
  return found;
}

function columns(claims: readonly Claim[]) {
  return [
    column(claims, ({ fingerprint }) => fingerprint),
    column(claims, ({ claimable }) => (claimable ? 1 : 0)),
    column(claims, ({ startsMs }) => startsMs),
    column(claims, ({ endsMs }) => endsMs),
    column(claims, ({ claimant }) => claimant),
    column(claims, ({ accountId }) => accountId),
    column(claims, ({ candidate }) => candidate.uuid),
  ];
}
