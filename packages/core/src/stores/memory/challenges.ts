import type { Clock } from '../../spi/index.js';

/** Nonces that were issued, until they expire. */
export class MemoryChallenges {
  private readonly challenges = new Map<string, { readonly expiresAtMs: number; used: boolean }>();

  constructor(private readonly clock: Clock) {}

  put(nonce: string, ttlMs: number): void {
    const now = this.clock.nowMs();
    for (const [old, { expiresAtMs }] of this.challenges)
      if (expiresAtMs <= now) this.challenges.delete(old);
    // A nonce that was issued before keeps its fate: a used one does not come back to life.
    if (!this.challenges.has(nonce))
      this.challenges.set(nonce, { expiresAtMs: now + ttlMs, used: false });
  }

  /** True once. */
  use(nonce: string): boolean {
    const challenge = this.challenges.get(nonce);
    if (challenge === undefined || challenge.used || challenge.expiresAtMs <= this.clock.nowMs())
      return false;
    challenge.used = true;
    return true;
  }
}
