import type { IngestRow } from '../../ingestion/ingest.store.js';
import { judgedAgain } from './ingest-candidate.js';

/** Statements of one pass take a round trip each, and all passes of a group one transaction. */
const MOST_PASSES = 16;

/** A group in passes, by place. */
export interface Passes {
  readonly passes: readonly (readonly number[])[];
  /** Rows for which there is no pass left: each depends on a chain of others, and nobody honest sends such. */
  readonly tooMany: readonly number[];
}

/**
 * Splits a group, by place, where one row's fate depends on what an earlier one of the group becomes: the same bytes
 * again with something stronger behind them, or readings that overlap of which only one may occupy. Passes committed
 * one after the other then answer as if the rows had come in groups of their own. As a rule there is one pass.
 */
export function passesOf(rows: readonly IngestRow[]): Passes {
  const all = rows.map((_, place) => place);
  if (!mayDepend(rows)) return { passes: [all], tooMany: [] };
  const passes: number[][] = [];
  let waiting = all;
  while (waiting.length > 0 && passes.length < MOST_PASSES) {
    const taken = new Seen();
    const later = new Seen();
    const pass: number[] = [];
    const deferred: number[] = [];
    for (const place of waiting) {
      const row = rows[place];
      if (row === undefined) continue;
      const waits = taken.some(row, depends) || later.some(row, () => true, replaces);
      (waits ? later : taken).add(row);
      (waits ? deferred : pass).push(place);
    }
    passes.push(pass);
    waiting = deferred;
  }
  return { passes, tooMany: waiting };
}

/** Cheap and right for nearly every group: nothing repeated, and all or none may occupy. */
function mayDepend(rows: readonly IngestRow[]): boolean {
  const hashes = new Set(rows.map(hashOf));
  if (hashes.size < rows.length) return true;
  const some = (occupies: boolean) =>
    rows.some((row) => row.reading?.occupies === occupies && row.verdict !== 'quarantined');
  return some(false) && some(true);
}

function depends(row: IngestRow, before: IngestRow): boolean {
  if (hashOf(row) === hashOf(before)) return judgedAgain(row, before);
  return row.reading?.occupies !== before.reading?.occupies;
}

/** One of them leaves a place, and only the store knows which: they keep their order. */
function replaces({ reading: a }: IngestRow, { reading: b }: IngestRow): boolean {
  return a?.supersedes !== undefined || b?.supersedes !== undefined;
}

function hashOf(row: IngestRow): string {
  return Buffer.from(row.logHash).toString('latin1');
}

/** Rows found again by their bytes, by what they supersede, and by where they lie. */
class Seen {
  readonly #rows = new Map<string, IngestRow[]>();

  add(row: IngestRow): void {
    for (const key of keysOf(row)) {
      const there = this.#rows.get(key);
      if (there === undefined) this.#rows.set(key, [row]);
      else there.push(row);
    }
  }

  /**
   * Whether `matters` holds for a row with the same bytes, the superseded bytes or an overlapping interval; or for any of the
   * same register, where `near` says so of the two.
   */
  some(
    row: IngestRow,
    matters: (row: IngestRow, before: IngestRow) => boolean,
    near: (row: IngestRow, before: IngestRow) => boolean = () => false,
  ): boolean {
    const superseded = row.reading?.supersedes;
    const keys = keysOf(row);
    const own = keys.length;
    if (superseded !== undefined) keys.push(Buffer.from(superseded).toString('latin1'));
    return keys.some((key, at) =>
      this.#rows
        .get(key)
        ?.some(
          (before) =>
            (at === 0 || at >= own || overlap(row, before) || near(row, before)) &&
            matters(row, before),
        ),
    );
  }
}

/** The bytes, then the registers of a reading that is not mere evidence. */
function keysOf(row: IngestRow): string[] {
  const { reading } = row;
  if (reading === undefined || row.verdict === 'quarantined') return [hashOf(row)];
  const fingerprint = Buffer.from(reading.fingerprint).toString('latin1');
  return [hashOf(row), ...reading.energies.map(({ register }) => `${fingerprint}/${register}`)];
}

/** Half open; a point reading covers its millisecond. */
function overlap({ reading: a }: IngestRow, { reading: b }: IngestRow): boolean {
  if (a === undefined || b === undefined) return false;
  return (
    a.startsMs < Math.max(b.endsMs, b.startsMs + 1) &&
    b.startsMs < Math.max(a.endsMs, a.startsMs + 1)
  );
}
