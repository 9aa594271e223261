import type { Contender } from '../../ingestion/cross-owner-rule.js';
import type { CommittedRow, IngestRow, RowOutcome } from '../../ingestion/ingest.store.js';
import { REVIEW_REJECTED } from '../../quarantine/quarantine.store.js';
import { atLeast, type StoredVerdict } from '../../logs/verdict.js';
import { notStorable } from '../memory/storable.js';
import { entryIdOf, uuidOf } from './entry-id.js';

/** A row on its way through the transaction. */
export interface Candidate {
  /** As asked, with the verdict and reason the store gave it. */
  row: IngestRow;
  /** Registers of its reading, each once, in order. */
  readonly registers: readonly string[];
  /** Place in the group as it arrived. */
  readonly place: number;
  /** The entry it is or becomes; not the row's own when these bytes are already known. */
  uuid: string;
  /** Whether these bytes already have an entry. */
  known: boolean;
  /** The newest verdict of an entry that is already known. */
  before?: Judgement;
  /** Other owners' readings of the same meter, that were there first. */
  contenders?: readonly Contender[];
  /** The entry that used its sequence number before, by uuid. */
  rival?: string;
  /** Set when it will not be written: refused, or a duplicate. */
  answer?: RowOutcome;
}

export interface Judgement {
  readonly verdict: StoredVerdict;
  readonly assurance: IngestRow['assurance'];
  readonly reason: string | null;
}

/** Rows of one group, equal bytes only once. */
export interface Sorted {
  /** In the one order every writer locks in: fingerprint, register, start, logHash. */
  readonly candidates: Candidate[];
  /** Rows with the same bytes as a candidate, by their place. */
  readonly twins: ReadonlyMap<number, Candidate>;
  readonly refused: ReadonlyMap<number, RowOutcome>;
}

/** `barred`: rows that are refused whatever they say, by their place. */
export function sortGroup(
  rows: readonly IngestRow[],
  barred: ReadonlyMap<number, RowOutcome> = new Map(),
): Sorted {
  const refused = new Map(barred);
  const byHash = new Map<string, Candidate>();
  const repeated: (readonly [hash: string, place: number])[] = [];
  rows.forEach((row, place) => {
    if (barred.has(place)) return;
    const uuid = uuidOf(row.id);
    const detail =
      uuid === undefined ? `"${row.id}" is not log_ and 32 hex digits` : notStorable(row);
    if (uuid === undefined || detail !== undefined) {
      refused.set(place, { kind: 'refused', code: 'not_storable', detail: detail ?? '' });
      return;
    }
    const hash = Buffer.from(row.logHash).toString('hex');
    const rival = byHash.get(hash);
    if (rival === undefined || judgedAgain(row, rival.row))
      byHash.set(hash, { row, registers: registersOf(row), place, uuid, known: false });
    if (rival !== undefined)
      repeated.push([hash, byHash.get(hash) === rival ? place : rival.place]);
  });
  const twins = new Map<number, Candidate>();
  for (const [hash, place] of repeated) {
    const candidate = byHash.get(hash);
    if (candidate !== undefined) twins.set(place, candidate);
  }
  const candidates = [...byHash].map(([hash, candidate]) => ({
    key: sortKey(candidate, hash),
    candidate,
  }));
  candidates.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return { candidates: candidates.map(({ candidate }) => candidate), twins, refused };
}

/**
 * Whether `row` would be judged again after `before`: mechanisms, duplicates and assurance. What has to wait for somebody
 * takes nothing back that was accepted: anybody can sign with the key of a meter that waits for approval.
 */
export function stronger(
  row: { readonly verdict: StoredVerdict; readonly assurance: IngestRow['assurance'] },
  before: Omit<Judgement, 'reason'> & { readonly reason?: string | null },
): boolean {
  // Somebody said so, for good.
  if (before.reason === REVIEW_REJECTED) return false;
  if (before.verdict === 'quarantined') return true;
  return row.verdict !== 'quarantined' && !atLeast(before.assurance, row.assurance);
}

/** Quarantined again for the same reason, with nothing stronger behind it: nothing new is to be said. */
export function saysNothingNew(row: IngestRow, before: Judgement): boolean {
  return (
    before.verdict === 'quarantined' &&
    row.verdict === 'quarantined' &&
    (row.reason ?? null) === before.reason &&
    atLeast(before.assurance, row.assurance)
  );
}

/** Whether the same bytes, come again, are more than a duplicate of what came before. */
export function judgedAgain(row: IngestRow, before: IngestRow): boolean {
  return (
    stronger(row, before) && !saysNothingNew(row, { ...before, reason: before.reason ?? null })
  );
}

export function written(candidate: Candidate): CommittedRow['outcome'] {
  const { row } = candidate;
  return {
    kind: candidate.known ? 'upgraded' : 'stored',
    id: entryIdOf(candidate.uuid),
    verdict: row.verdict,
    ...(row.reason === undefined ? {} : { reason: row.reason }),
  };
}

function registersOf(row: IngestRow): readonly string[] {
  return [...new Set(row.reading?.energies.map(({ register }) => register))].toSorted();
}

function sortKey({ row: { reading }, registers }: Candidate, hash: string): string {
  if (reading === undefined) return `~${hash}`;
  const fingerprint = Buffer.from(reading.fingerprint).toString('hex');
  // Milliseconds of any date fit 16 digits; the offset keeps dates before 1970 in order.
  const starts = String(reading.startsMs + 2 ** 52).padStart(16, '0');
  return `${fingerprint}\0${registers[0] ?? ''}\0${starts}\0${hash}`;
}
