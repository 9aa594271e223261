import type { Clock } from '../spi/index.js';

interface Bucket {
  tokens: number;
  atMs: number;
}

/**
 * A token bucket per source. Remembers a bounded number of sources: the one silent for longest is forgotten
 * first, and being forgotten means a full bucket.
 */
export class TokenBuckets {
  private readonly buckets = new Map<string, Bucket>();

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
    const bucket = this.buckets.get(source) ?? { tokens: burst, atMs: now };
    const passedMs = Math.max(0, now - bucket.atMs);
    bucket.tokens = Math.min(burst, bucket.tokens + (passedMs * perSecond) / 1000);
    bucket.atMs = now;
    // More than a full bucket could never be taken: a full one then has to do.
    const wanted = Math.min(count, burst);
    const waitMs =
      bucket.tokens >= wanted ? 0 : Math.ceil(((wanted - bucket.tokens) * 1000) / perSecond);
    if (waitMs === 0) bucket.tokens -= wanted;
    // Set again so that the map's order is the order of last use.
    this.buckets.delete(source);
    this.buckets.set(source, bucket);
    if (this.buckets.size > sources) this.buckets.delete(this.buckets.keys().next().value!);
    return waitMs;
  }

  get size(): number {
    return this.buckets.size;
  }
}
