import { FEE_DAY_MS } from '../../anchoring/anchor-policy.js';
import type { AnchorPolicy } from '../../anchoring/anchor-policy.js';
import type { StoredIntent } from '../../anchoring/anchor.store.js';
import type { Anchor, Attempt, SignedAttempt } from '../../spi/index.js';
import { equal } from '../../verify/bytes.js';

/** What leaves the engine, and what of it breaks a rule. */
export class RunAudit {
  /** In the order sent. */
  readonly sent: SignedAttempt[] = [];
  readonly breaches: string[] = [];

  /** The same anchor; at every broadcast the store must hold exactly these bytes. */
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
          this.sent.push(attempt);
          return target.broadcast(attempt, signal);
        };
      },
    });
  }
}

const paid = (intents: readonly StoredIntent[]): Attempt[] =>
  intents
    .flatMap(({ attempts }) => attempts)
    .filter(({ state }) => state === 'included' || state === 'final');

const sum = (attempts: readonly Attempt[]): bigint =>
  attempts.reduce((total, { fee }) => total + fee.amount, 0n);

/** What was really paid, and every single offer, against the caps of the policy. */
export function capBreaches(intents: readonly StoredIntent[], policy: AnchorPolicy): string[] {
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
  const all = paid(intents);
  for (const { createdAtMs: from } of all)
    over(
      'fees of a day',
      sum(all.filter(({ createdAtMs: at }) => at >= from && at < from + FEE_DAY_MS)),
      maxFeePerDay,
    );
  return breaches;
}
