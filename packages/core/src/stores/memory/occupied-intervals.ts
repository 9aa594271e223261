/** A time a reading occupies on one register. */
export interface OccupiedInterval {
  readonly startsMs: number;
  /** Exclusive; a point reading occupies its one millisecond. */
  readonly untilMs: number;
  readonly entryId: string;
}

/** The time a reading occupies: half-open, except that a point is a millisecond wide. */
export function occupiedBy(
  reading: { readonly startsMs: number; readonly endsMs: number },
  entryId: string,
): OccupiedInterval {
  const { startsMs, endsMs } = reading;
  return { startsMs, untilMs: Math.max(endsMs, startsMs + 1), entryId };
}

/** The occupied times of one register of one physical meter: disjoint and sorted, by start and so by end. */
export class OccupiedIntervals {
  private readonly intervals: OccupiedInterval[] = [];

  /** The entry in the way, unless it is one of `leaving`. */
  conflict(wanted: OccupiedInterval, leaving: ReadonlySet<string>): string | undefined {
    for (let i = this.firstEndingAfter(wanted.startsMs); i < this.intervals.length; i += 1) {
      const candidate = this.intervals[i];
      if (candidate === undefined || candidate.startsMs >= wanted.untilMs) return undefined;
      if (!leaving.has(candidate.entryId)) return candidate.entryId;
    }
    return undefined;
  }

  /** Whether any time is occupied. */
  get used(): boolean {
    return this.intervals.length > 0;
  }

  /** What lies at least partly within `[fromMs, toMs)`, in order. */
  between(fromMs: number, toMs: number): readonly OccupiedInterval[] {
    return this.intervals
      .slice(this.firstEndingAfter(fromMs))
      .filter(({ startsMs }) => startsMs < toMs);
  }

  holds(entryId: string): boolean {
    return this.intervals.some((interval) => interval.entryId === entryId);
  }

  add(interval: OccupiedInterval): void {
    this.intervals.splice(this.firstEndingAfter(interval.startsMs), 0, interval);
  }

  free(entryId: string): void {
    for (let i = this.intervals.length - 1; i >= 0; i -= 1)
      if (this.intervals[i]?.entryId === entryId) this.intervals.splice(i, 1);
  }

  private firstEndingAfter(ms: number): number {
    let low = 0;
    let high = this.intervals.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.intervals[middle]?.untilMs ?? Infinity) <= ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
