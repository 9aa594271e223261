import { FEE_DAY_MS } from '../../anchoring/anchor-policy.js';
import type { AnchorPolicy } from '../../anchoring/anchor-policy.js';
import type { StoredIntent } from '../../anchoring/anchor.store.js';
import type { Anchor, Attempt, Clock, SignedAttempt } from '../../spi/index.js';
import { equal } from '../../verify/bytes.js';

/** What leaves the engine, and what of it breaks a rule. */
export class RunAudit {
  /** In the order sent. */
  readonly sent: SignedAttempt[] = [];
  readonly breaches: string[] = [];

  constructor(
    private readonly policy: AnchorPolicy,
    private readonly clock: Clock,
  ) {}

  /** The same anchor; at every broadcast the store must hold exactly these bytes, at the first one within the caps. */
  watch(anchor: Anchor, stored: () => Promise<readonly StoredIntent[]>): Anchor {
    return new Proxy(anchor, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        if (property !== 'broadcast')
          return (...args: unknown[]): unknown => Reflect.apply(member, target, args);
        return async (attempt: SignedAttempt, signal: AbortSignal): Promise<unknown> => {
          const attempts = (await stored()).flatMap((intent) => intent.attempts);
          const kept = attempts.find(({ txId }) => txId === attempt.txId);
          if (!kept || !equal(kept.signed, attempt.signed))
            this.breaches.push(
              kept
                ? `other bytes than the stored ones of ${attempt.txId} were sent`
                : `${attempt.txId} was sent before it was stored`,
            );
          if (this.sent.every(({ txId }) => txId !== attempt.txId)) this.#withinDay(attempts);
          this.sent.push(attempt);
          return target.broadcast(attempt, signal);
        };
      },
    });
  }

  /** By what the store knows, whichever of these win. */
  #withinDay(attempts: readonly Attempt[]): void {
    const { maxFeePerDay } = this.policy;
    const from = this.clock.nowMs() - FEE_DAY_MS;
    const able = attempts.filter(
      ({ state, createdAtMs }) => createdAtMs > from && state !== 'expired' && state !== 'replaced',
    );
    // A child can win with its parent alone, so it counts against what may come instead of that.
    const most = dearestOfEach(
      able.filter(({ childOf }) => able.every(({ txId }) => txId !== childOf)),
      ({ txId }) => dearestOfEach(able.filter(({ childOf }) => childOf === txId)),
    );
    if (maxFeePerDay !== undefined && most > maxFeePerDay)
      this.breaches.push(`sent within a day may cost ${most}, the cap is ${maxFeePerDay}`);
  }
}

/** Of the attempts on one conflict key the dearest, with what comes on top of it; of all keys together. */
function dearestOfEach(
  attempts: readonly Attempt[],
  onTop: (attempt: Attempt) => bigint = () => 0n,
): bigint {
  const dearest = new Map<string, bigint>();
  for (const attempt of attempts) {
    const cost = attempt.fee.amount + onTop(attempt);
    if (cost > (dearest.get(attempt.conflictKey) ?? 0n)) dearest.set(attempt.conflictKey, cost);
  }
  return [...dearest.values()].reduce((total, cost) => total + cost, 0n);
}

const paid = (intents: readonly StoredIntent[]): Attempt[] =>
  intents
    .flatMap(({ attempts }) => attempts)
    .filter(({ state }) => state === 'included' || state === 'final');

const sum = (attempts: readonly Attempt[]): bigint =>
  attempts.reduce((total, { fee }) => total + fee.amount, 0n);

/**
 * What was really paid, and every single offer, against the caps of the policy. `lossy`: of what it paid for attempts that it
 * lost a store learns later, so a day is judged by what it knew when it sent.
 */
export function capBreaches(
  intents: readonly StoredIntent[],
  policy: AnchorPolicy,
  lossy: boolean,
): string[] {
  const { maxFeePerIntent, maxFeePerDay } = policy;
  const breaches: string[] = [];
  const over = (what: string, amount: bigint, cap: bigint | undefined): void => {
    if (cap !== undefined && amount > cap) breaches.push(`${what}: ${amount}, the cap is ${cap}`);
  };
  for (const intent of intents) {
    for (const { number, fee } of intent.attempts)
      over(`fee of attempt ${number}`, fee.amount, maxFeePerIntent);
    over(`fees of size ${intent.commitment.size}`, sum(paid([intent])), maxFeePerIntent);
  }
  const all = lossy ? [] : paid(intents);
  for (const { createdAtMs: from } of all)
    over(
      'fees of a day',
      sum(all.filter(({ createdAtMs: at }) => at >= from && at < from + FEE_DAY_MS)),
      maxFeePerDay,
    );
  return breaches;
}
