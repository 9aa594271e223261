import { Bucket } from '../bucket.js';
import type { MonotonicClock } from '../monotonic-clock.js';
import type { BrokerConfig } from './broker.config.js';

/** How many connections there are, and how fast new ones may come. */
export class Admission {
  readonly #all: Bucket;
  readonly #byAddress = new Map<string, Bucket>();
  #connections = 0;
  refused = 0;

  constructor(
    private readonly limits: BrokerConfig['limits'],
    private readonly clock: MonotonicClock,
  ) {
    const { connectsPerSecond } = limits;
    this.#all = new Bucket(
      connectsPerSecond,
      Math.max(1, connectsPerSecond * 2),
      clock.monotonicMs(),
    );
  }

  get connections(): number {
    return this.#connections;
  }

  /** A connection is here. `full`: there is no room for it; `fast`: it is to come again later. Both are not counted. */
  enter(address: string): 'welcome' | 'full' | 'fast' {
    const verdict = this.#judge(address);
    if (verdict === 'welcome') this.#connections += 1;
    else this.refused += 1;
    return verdict;
  }

  leave(): void {
    this.#connections -= 1;
  }

  /** Forgets addresses that have been quiet. */
  tidy(): void {
    const now = this.clock.monotonicMs();
    for (const [address, bucket] of this.#byAddress)
      if (bucket.isFull(now)) this.#byAddress.delete(address);
  }

  #judge(address: string): 'welcome' | 'full' | 'fast' {
    if (this.#connections >= this.limits.connections) return 'full';
    const now = this.clock.monotonicMs();
    // An address that is too fast takes nothing from the others.
    if (!this.#bucketOf(address, now).take(now) || !this.#all.take(now)) return 'fast';
    return 'welcome';
  }

  #bucketOf(address: string, nowMs: number): Bucket {
    const known = this.#byAddress.get(address);
    if (known !== undefined) return known;
    const perMinute = this.limits.connectsPerAddressPerMinute;
    const bucket = new Bucket(perMinute / 60, Math.max(1, perMinute), nowMs);
    this.#byAddress.set(address, bucket);
    return bucket;
  }
}
