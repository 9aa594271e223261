import { entryIdOf } from './entry-id.js';
import type { Candidate } from './ingest-candidate.js';

/** Who already covers a time, and on which register. */
export interface Holder {
  readonly entryId: string;
  readonly register: string;
}

/** Intervals of readings of this group, to answer overlaps among them without asking the database. */
export class GroupIntervals {
  readonly #byRegister = new Map<string, Candidate[]>();

  constructor(candidates: readonly Candidate[]) {
    for (const candidate of candidates) this.add(candidate);
  }

  add(candidate: Candidate): void {
    for (const key of keysOf(candidate)) {
      const there = this.#byRegister.get(key);
      if (there === undefined) this.#byRegister.set(key, [candidate]);
      else there.push(candidate);
    }
  }

  remove(uuid: string): void {
    for (const [key, there] of this.#byRegister)
      this.#byRegister.set(
        key,
        there.filter((candidate) => candidate.uuid !== uuid),
      );
  }

  overlapping(candidate: Candidate): Holder | undefined {
    const [starts, ends] = spanOf(candidate);
    for (const key of keysOf(candidate)) {
      const holder = this.#byRegister.get(key)?.find((other) => {
        const [otherStarts, otherEnds] = spanOf(other);
        return starts < otherEnds && otherStarts < ends;
      });
      if (holder !== undefined)
        return { entryId: entryIdOf(holder.uuid), register: key.slice(key.indexOf('/') + 1) };
    }
    return undefined;
  }
}

function keysOf({ row, registers }: Candidate): string[] {
  const fingerprint = Buffer.from(row.reading?.fingerprint ?? []).toString('hex');
  return registers.map((register) => `${fingerprint}/${register}`);
}

/** Half open; a point reading covers its millisecond. */
function spanOf({ row }: Candidate): readonly [number, number] {
  const { startsMs, endsMs } = row.reading ?? { startsMs: 0, endsMs: 0 };
  return [startsMs, startsMs === endsMs ? endsMs + 1 : endsMs];
}
