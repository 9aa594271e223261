import type { IngestRow } from '../../ingestion/ingest.store.js';
import { entryIdOf } from './entry-id.js';
import { GroupIntervals, type Holder } from './group-intervals.js';
import type { Candidate } from './ingest-candidate.js';
import { type InsertedIds, insertedIds, uuidsOf } from './inserted-ids.js';
import { meterRegisterOf, meterRegisterSql } from './meter-register.js';
import type { Sql } from './sql.js';

/** One register of one reading. */
interface Claim {
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

/**
 * Gives each reading its intervals, all registers or none; the exclusion constraint decides between writers.
 * Readings that lose are refused. Readings that may not occupy are refused where somebody occupies, unless they
 * are quarantined: those are kept as evidence.
 */
export async function occupyIntervals(tx: Sql, candidates: readonly Candidate[]): Promise<void> {
  const superseded = await findSuperseded(tx, candidates);
  const asking = candidates.filter(
    ({ row, answer }) => row.reading !== undefined && answer === undefined,
  );
  const occupying = asking.filter(({ row }) => occupies(row));
  const plain = occupying.filter((candidate) => !candidate.known && !superseded.has(candidate));
  const alone = occupying.filter((candidate) => candidate.known || superseded.has(candidate));

  // Of readings that overlap within the group the one that arrived first is heard first.
  const claims = claimsOf(plain);
  const { first, later } =
    alone.length > 0 || overlapAny(claims)
      ? splitByArrival(plain, alone)
      : { first: plain, later: [] };
  const again = await insertAll(tx, first, later.length === 0 ? claims : claimsOf(first), alone);
  // What may not occupy is asked whether it stands in the way of nobody where others leave their place.
  const bystanders = asking.filter(({ row }) => !occupies(row) && row.verdict !== 'quarantined');
  const between = bystanders.filter((one) => alone.some((other) => sameMeter(one, other)));
  const waiting = [...again, ...later, ...alone, ...between].toSorted((a, b) => a.place - b.place);
  const winners = new GroupIntervals(
    waiting.length === 0 ? [] : first.filter((one) => isOpen(one) && !again.includes(one)),
  );
  const fresh = new Map(candidates.flatMap((one) => (one.known ? [] : [[one.uuid, one]])));
  const gone = new Set<string>();
  // Of the same group: only what stands by now can be replaced, and nobody replaces what counts for another account.
  const mayReplace = (own: Candidate, { place, row }: Candidate): boolean =>
    own.place < place &&
    isOpen(own) &&
    (own.row.accountId === row.accountId || !occupies(own.row) || gone.has(own.uuid));
  for (const candidate of waiting) {
    if (!occupies(candidate.row)) {
      await refuseBystanders(tx, [candidate], superseded);
      continue;
    }
    const replaced = superseded.get(candidate);
    const own = replaced === undefined ? undefined : fresh.get(replaced);
    if (own !== undefined && !mayReplace(own, candidate)) {
      candidate.answer = supersedesUnknown(candidate.row);
      continue;
    }
    const holder = replaced === undefined ? winners.overlapping(candidate) : undefined;
    if (holder !== undefined) refuse(candidate, holder);
    else {
      await insertAlone(tx, candidate, replaced === undefined ? [] : [replaced]);
      if (isOpen(candidate)) winners.add(candidate);
    }
    if (replaced === undefined || !isOpen(candidate)) continue;
    winners.remove(replaced);
    gone.add(replaced);
  }
  await refuseBystanders(
    tx,
    bystanders.filter((one) => !between.includes(one)),
    superseded,
  );
}

const isOpen = ({ answer }: Candidate): boolean => answer === undefined;
const occupies = (row: IngestRow): boolean =>
  row.reading?.occupies === true && row.verdict !== 'quarantined';

/**
 * The entries that readings name as replaced; a name that is no reading of the same meter is refused, as is one that counts
 * for another account.
 */
async function findSuperseded(
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

function supersedesUnknown({ reading }: IngestRow): NonNullable<Candidate['answer']> {
  const hash = Buffer.from(reading?.supersedes ?? []).toString('hex');
  return {
    kind: 'refused',
    code: 'supersedes_unknown',
    detail: `no entry of this meter has the hash ${hash} that is to be superseded`,
  };
}

/** Whether any two claims overlap: as a rule none do, and looking at neighbours in their order costs least. */
function overlapAny(claims: readonly Claim[]): boolean {
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

/** Readings that overlap no earlier one of the group, and the others; those that `alone` has are heard in between. */
function splitByArrival(
  candidates: readonly Candidate[],
  alone: readonly Candidate[],
): { readonly first: Candidate[]; readonly later: Candidate[] } {
  const claims = new GroupIntervals([]);
  const apart = new Set(alone);
  const deferred = new Set(
    [...candidates, ...alone]
      .toSorted((a, b) => a.place - b.place)
      .filter((candidate) => {
        const overlaps = claims.overlapping(candidate) !== undefined;
        claims.add(candidate);
        return overlaps && !apart.has(candidate);
      }),
  );
  return { first: candidates.filter((one) => !deferred.has(one)), later: [...deferred] };
}

/**
 * Inserts what it can and refuses the rest; of a reading of which only half could be inserted nothing stays. Such a
 * half may have kept somebody out meanwhile, so the losers are returned to ask again, one by one; as are those before whom
 * one of `freeing` came that may leave them its place.
 */
async function insertAll(
  tx: Sql,
  candidates: readonly Candidate[],
  claims: readonly Claim[],
  freeing: readonly Candidate[],
): Promise<Candidate[]> {
  if (claims.length === 0) return [];
  const won = await insertClaims(tx, claims);
  if (won === 'all') return [];
  const wins = new Map<string, number>();
  for (const uuid of won) wins.set(uuid, (wins.get(uuid) ?? 0) + 1);
  const losers = candidates.filter(
    ({ registers, uuid }) => (wins.get(uuid) ?? 0) < registers.length,
  );
  const halves = losers.filter(({ uuid }) => wins.has(uuid));
  if (halves.length > 0) {
    await freeIntervals(
      tx,
      halves.map(({ uuid }) => uuid),
    );
    return losers;
  }
  const again = losers.filter((loser) =>
    freeing.some((one) => one.place < loser.place && sameMeter(one, loser)),
  );
  const lost = losers.filter((loser) => !again.includes(loser));
  const holders = await holdersOf(tx, claimsOf(lost));
  for (const candidate of lost) refuse(candidate, holders.get(candidate.uuid));
  return again;
}

function sameMeter({ row: a }: Candidate, { row: b }: Candidate): boolean {
  return (
    a.reading !== undefined &&
    b.reading !== undefined &&
    Buffer.compare(a.reading.fingerprint, b.reading.fingerprint) === 0
  );
}

/** Frees what the reading replaces and takes its intervals, or leaves everything as it was and refuses it. */
async function insertAlone(
  tx: Sql,
  candidate: Candidate,
  replaced: readonly string[],
): Promise<void> {
  const claims = claimsOf([candidate]);
  const own = candidate.known ? [candidate.uuid] : [];
  const taken = new KeepsNothing();
  try {
    await tx.transaction(async (nested) => {
      await freeIntervals(nested, [...replaced, ...own]);
      if ((await insertClaims(nested, claims)) !== 'all') throw taken;
    });
  } catch (error) {
    if (error !== taken) throw error;
    const holders = await holdersOf(tx, claims, [...replaced, candidate.uuid]);
    refuse(candidate, holders.get(candidate.uuid));
  }
}

/** Ends a savepoint without being a failure. */
class KeepsNothing extends Error {
  override readonly name = 'KeepsNothing';
}

async function refuseBystanders(
  tx: Sql,
  candidates: readonly Candidate[],
  superseded: ReadonlyMap<Candidate, string>,
): Promise<void> {
  if (candidates.length === 0) return;
  const ignored = candidates.flatMap((candidate) => {
    const replaced = superseded.get(candidate);
    return replaced === undefined ? [candidate.uuid] : [candidate.uuid, replaced];
  });
  const holders = await holdersOf(tx, claimsOf(candidates), ignored);
  for (const candidate of candidates) {
    const holder = holders.get(candidate.uuid);
    if (holder !== undefined) refuse(candidate, holder);
  }
}

/** Who stands where the claims want to stand, by the claiming entry. */
async function holdersOf(
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

function refuse(candidate: Candidate, holder: Holder | undefined): void {
  const { reading } = candidate.row;
  const who = holder === undefined ? 'another entry' : `entry ${holder.entryId}`;
  const where = holder === undefined ? 'one of its registers' : `register ${holder.register}`;
  candidate.answer = {
    kind: 'refused',
    code: reading?.startsMs === reading?.endsMs ? 'timestamp_taken' : 'interval_overlap',
    detail: `${who} already covers this time on ${where}`,
  };
}

/** The uuids of the claims that were inserted, or `all`. */
async function insertClaims(tx: Sql, claims: readonly Claim[]): Promise<'all' | string[]> {
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

async function freeIntervals(tx: Sql, uuids: readonly string[]): Promise<void> {
  if (uuids.length === 0) return;
  await tx.query(
    `DELETE FROM reading_interval i USING entry k JOIN reading r ON r.entry_id = k.id
     WHERE k.id = ANY($1::uuid[]) AND i.meter_register = ${meterRegisterSql('r')}
       AND i.span && ${SPAN} AND i.entry_id = k.id`,
    [uuids],
  );
}

/** In the order every writer takes them: fingerprint, register, start, logHash. */
function claimsOf(candidates: readonly Candidate[]): Claim[] {
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

function columns(claims: readonly Claim[]) {
  return [
    claims.map(({ meterRegister }) => meterRegister),
    claims.map(({ startsMs }) => startsMs),
    claims.map(({ endsMs }) => endsMs),
    claims.map(({ candidate }) => candidate.uuid),
  ];
}
