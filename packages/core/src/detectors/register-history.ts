import type { DetectorHistory } from '../spi/index.js';

/** One interval of a register, as measured. */
export interface HistoryPoint {
  readonly startsMs: number;
  readonly endsMs: number;
  readonly energyUWh: bigint;
}

const FIRST_CAPACITY = 64;

/** Nothing known. */
export const NO_HISTORY: DetectorHistory = Object.freeze({
  length: 0,
  startsMs: [],
  endsMs: [],
  energyUWh: [],
  level: [],
});

/** `DetectorHistory.level` of one interval. */
export function levelOf({ startsMs, endsMs, energyUWh }: HistoryPoint): number {
  const durationMs = endsMs - startsMs;
  // µWh × 3600 s/h ÷ ms = mW.
  return durationMs <= 1 ? Number(energyUWh) : Math.floor((Number(energyUWh) * 3600) / durationMs);
}

/** What one register measured, oldest first, no more than `limit` intervals. Columns, so that a detector runs through them in microseconds. */
export class RegisterHistory {
  private starts = new Float64Array(FIRST_CAPACITY);
  private ends = new Float64Array(FIRST_CAPACITY);
  private energies = new BigInt64Array(FIRST_CAPACITY);
  private levels = new Float64Array(FIRST_CAPACITY);
  private from = 0;
  private until = 0;

  constructor(private readonly limit: number) {}

  get length(): number {
    return this.until - this.from;
  }

  /** Adds an interval in its place; one that starts when another does is known already. */
  add(point: HistoryPoint): void {
    const place = this.placeOf(point.startsMs);
    if (place < this.until && this.starts[place] === point.startsMs) return;
    if (this.until === this.starts.length) this.makeRoom();
    // Making room moves what was before.
    const at = this.placeOf(point.startsMs);
    for (const column of [this.starts, this.ends, this.levels])
      column.copyWithin(at + 1, at, this.until);
    this.energies.copyWithin(at + 1, at, this.until);
    this.starts[at] = point.startsMs;
    this.ends[at] = point.endsMs;
    this.energies[at] = point.energyUWh;
    this.levels[at] = levelOf(point);
    this.until += 1;
    if (this.length > this.limit) this.from += 1;
  }

  /** What ended before or when something starts, from `fromMs` on. Valid until the next `add`. */
  before(startsMs: number, fromMs: number): DetectorHistory {
    const from = this.placeOf(fromMs);
    let until = this.placeOf(startsMs);
    while (until > from && (this.ends[until - 1] as number) > startsMs) until -= 1;
    return {
      length: until - from,
      startsMs: this.starts.subarray(from, until),
      endsMs: this.ends.subarray(from, until),
      energyUWh: this.energies.subarray(from, until),
      level: this.levels.subarray(from, until),
    };
  }

  private placeOf(atMs: number): number {
    let high = this.until;
    // As a rule it is the newest.
    if (high > this.from && (this.starts[high - 1] as number) < atMs) return high;
    let low = this.from;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.starts[middle] as number) < atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private makeRoom(): void {
    const { from, until, length } = this;
    const capacity = Math.max(FIRST_CAPACITY, length * 2);
    const moved = <Column extends Float64Array | BigInt64Array>(column: Column, into: Column) => {
      (into as Float64Array).set(column.subarray(from, until) as Float64Array);
      return into;
    };
    this.starts = moved(this.starts, new Float64Array(capacity));
    this.ends = moved(this.ends, new Float64Array(capacity));
    this.levels = moved(this.levels, new Float64Array(capacity));
    this.energies = moved(this.energies, new BigInt64Array(capacity));
    this.from = 0;
    this.until = length;
  }
}
