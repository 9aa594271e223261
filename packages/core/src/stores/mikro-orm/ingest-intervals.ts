import type { IngestRow } from '../../ingestion/ingest.store.js';
import { GroupIntervals, type Holder } from './group-intervals.js';
import type { Candidate } from './ingest-candidate.js';
import {
  type Claim,
  claimsOf,
  freeIntervals,
  holdersOf,
  insertClaims,
  overlapAny,
} from './interval-claims.js';
import type { Sql } from './sql.js';
import { findSuperseded, supersedesUnknown } from './superseded-readings.js';

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
