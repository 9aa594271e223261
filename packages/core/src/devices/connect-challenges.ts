import type { Clock } from '../spi/index.js';
import { TokenBuckets } from './token-bucket.js';

const NONCE_BYTES = 16;
/** `<ms since 1970>.<32 hex>`: what a device makes up itself, for protocols whose first message is its own. */
const SELF_MADE = /^(0|[1-9][0-9]{0,14})\.[0-9a-f]{32}$/;
/** All connections ask together. */
const EVERYBODY = 'connections';

/**
 * Challenges that a device key signs to say who connects. Those given out here are kept by the store, as for a registration:
 * any replica takes them. One that the device made itself is good for `ttlMs` around the time it states, once: it is
 * remembered here so that the memory stays bounded, and by the store so that no other replica takes it.
 */
export class ConnectChallenges {
  private readonly rate: TokenBuckets;
  /** Self-made ones that were used, with the instant from which their time alone refuses them, in the order of use. */
  private readonly used = new Map<string, number>();

  constructor(
    private readonly parts: {
      readonly store: {
        putChallenge(nonce: string, ttlMs: number): Promise<void>;
        useChallenge(nonce: string): Promise<boolean>;
      };
      readonly clock: Clock;
      readonly random: (length: number) => Uint8Array;
      readonly ttlMs: number;
      /** Of those given out. */
      readonly rate: { readonly perSecond: number; readonly burst: number };
      /** Self-made ones remembered; when so many are, further ones are refused until some are too old. */
      readonly remembered: number;
    },
  ) {
    this.rate = new TokenBuckets(parts.clock, { ...parts.rate, sources: 1 });
  }

  /** 32 hex digits, single use. Throws `ChallengesThrottled`; rejects with the store's error. */
  async make(): Promise<string> {
    const { store, random, ttlMs } = this.parts;
    const waitMs = this.rate.take(EVERYBODY, 1);
    if (waitMs > 0) throw new ChallengesThrottled(waitMs);
    const challenge = Buffer.from(random(NONCE_BYTES)).toString('hex');
    await store.putChallenge(challenge, ttlMs);
    return challenge;
  }

  /** Whether it could be good now. Costs no memory and no query: asked before the signature is looked at. */
  isTimely(challenge: string): boolean {
    const madeAtMs = madeAt(challenge);
    if (madeAtMs === undefined) return /^[0-9a-f]{32}$/.test(challenge);
    return Math.abs(this.parts.clock.nowMs() - madeAtMs) <= this.parts.ttlMs;
  }

  /** True once per challenge. For those whose signature was good alone: what nobody signed is not worth remembering. */
  async use(challenge: string): Promise<boolean> {
    const { store, ttlMs } = this.parts;
    if (!this.isTimely(challenge)) return false;
    const madeAtMs = madeAt(challenge);
    if (madeAtMs !== undefined) {
      if (!this.remember(challenge, madeAtMs + ttlMs)) return false;
      // Longer than its time can refuse it, whatever the store's clock says.
      await store.putChallenge(challenge, 3 * ttlMs);
    }
    return store.useChallenge(challenge);
  }

  private remember(challenge: string, untilMs: number): boolean {
    const nowMs = this.parts.clock.nowMs();
    if (this.used.has(challenge)) return false;
    if (this.used.size >= this.parts.remembered)
      for (const [old, oldUntilMs] of this.used) if (oldUntilMs < nowMs) this.used.delete(old);
    if (this.used.size >= this.parts.remembered) return false;
    this.used.set(challenge, untilMs);
    return true;
  }
}

/** Too many challenges were asked for at once. */
export class ChallengesThrottled extends Error {
  override readonly name = 'ChallengesThrottled';
  readonly code = 'throttled';

  constructor(readonly retryAfterMs: number) {
    super(`Too many connections ask for a challenge; ask again in ${retryAfterMs} ms.`);
  }
}

function madeAt(challenge: string): number | undefined {
  const match = SELF_MADE.exec(challenge);
  return match === null ? undefined : Number(match[1]);
}
