import type { Clock } from '../spi/index.js';

/**
 * A token bucket per source, kept as the instant at which it will be full again: one number, exact however often it is
 * asked. Remembers a bounded number of sources: the one silent for longest is forgotten first, and being forgotten
 * means a full bucket.
 */
export class TokenBuckets {
  private readonly fullAtMs = new Map<string, number>();

  constructor(
    private readonly clock: Clock,
    private readonly rate: {
      readonly perSecond: number;
      readonly burst: number;
      readonly sources: number;
    },
  ) {}

  /** Takes `count` tokens, all or none: 0 when taken, else the milliseconds until they are there. */
  take(source: string, count: number): number {
    const { perSecond, burst, sources } = this.rate;
    const now = this.clock.nowMs();
    const tokenMs = 1000 / perSecond;
    const capacityMs = burst * tokenMs;
    // A clock that was set back must not leave a bucket empty for longer than filling it takes.
    const known = Math.min(this.fullAtMs.get(source) ?? now, now + capacityMs);
    // More than a full bucket could never be taken: a full one then has to do.
    const after = Math.max(now, known) + Math.min(count, burst) * tokenMs;
    const waitMs = Math.max(0, Math.ceil(after - now - capacityMs));
    // Set again so that the map's order is the order of last use.
    this.fullAtMs.delete(source);
    this.fullAtMs.set(source, waitMs === 0 ? after : known);
    if (this.fullAtMs.size > sources) this.fullAtMs.delete(this.fullAtMs.keys().next().value!);
    return waitMs;
  }

  get size(): number {
    return this.fullAtMs.size;
  }
}
