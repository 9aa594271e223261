import { Bucket } from '../bucket.js';
import type { MonotonicClock } from '../monotonic-clock.js';

/** Of what all may write, one of them may write so much: a loud one leaves room for the others. */
const SHARE_OF_ONE = 0.1;
/** Sources whose rate is remembered. */
const MAX_SOURCES = 10_000;

/** How many dead letters may be written of those whom nobody knows: each costs a commit, and pushes older ones off the list. */
export class StrangerLetters {
  readonly #all: Bucket;
  readonly #bySource = new Map<string, Bucket>();

  constructor(
    private readonly perMinute: number,
    private readonly clock: MonotonicClock,
  ) {
    this.#all = new Bucket(perMinute / 60, perMinute, clock.monotonicMs());
  }

  allows(source: string): boolean {
    const now = this.clock.monotonicMs();
    return this.#bucketOf(source, now).take(now) && this.#all.take(now);
  }

  #bucketOf(source: string, nowMs: number): Bucket {
    const known = this.#bySource.get(source);
    if (known !== undefined) return known;
    if (this.#bySource.size >= MAX_SOURCES) this.#forget(nowMs);
    const most = Math.max(1, this.perMinute * SHARE_OF_ONE);
    const bucket = new Bucket(most / 60, most, nowMs);
    this.#bySource.set(source, bucket);
    return bucket;
  }

  /** Those that have been quiet; if all are loud, the oldest: the bound of all holds whoever is remembered. */
  #forget(nowMs: number): void {
    for (const [source, bucket] of this.#bySource)
      if (bucket.isFull(nowMs)) this.#bySource.delete(source);
    const [oldest] = this.#bySource.keys();
    if (this.#bySource.size >= MAX_SOURCES && oldest !== undefined) this.#bySource.delete(oldest);
  }
}
