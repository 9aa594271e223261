import type { Attempt } from '../spi/index.js';
import { type AnchorPolicy, FEE_DAY_MS } from './anchor-policy.js';
import type { AnchorStore } from './anchor.store.js';

/**
 * The most that these attempts can come to cost, whichever of them win. Of those on one conflict key the ledger takes
 * one, so the dearest counts, whatever intents they belong to; different keys add up; the proven dead cost nothing.
 */
export function worstCaseFee(attempts: readonly Attempt[]): bigint {
  const dearest = new Map<string, bigint>();
  for (const { conflictKey, fee, state } of attempts)
    if (
      state !== 'expired' &&
      state !== 'replaced' &&
      fee.amount > (dearest.get(conflictKey) ?? 0n)
    )
      dearest.set(conflictKey, fee.amount);
  return [...dearest.values()].reduce((sum, fee) => sum + fee, 0n);
}

/**
 * What another attempt of an intent may cost under the caps of its policy; undefined without caps. An attempt that
 * will hold `conflictKey` comes instead of those on it; one whose key is not known yet may come on top of all.
 */
export async function feeBudget(wanted: {
  readonly anchor: string;
  /** Of the intent, in the states they have now. */
  readonly attempts: readonly Attempt[];
  readonly conflictKey: string | undefined;
  readonly policy: AnchorPolicy;
  readonly store: AnchorStore;
  readonly nowMs: number;
}): Promise<bigint | undefined> {
  const { maxFeePerIntent, maxFeePerDay } = wanted.policy;
  const beside = (attempts: readonly Attempt[]): bigint =>
    worstCaseFee(attempts.filter(({ conflictKey }) => conflictKey !== wanted.conflictKey));
  const left: bigint[] = [];
  if (maxFeePerIntent !== undefined) left.push(maxFeePerIntent - beside(wanted.attempts));
  if (maxFeePerDay !== undefined) {
    const since = wanted.nowMs - FEE_DAY_MS;
    left.push(maxFeePerDay - beside(await wanted.store.attemptsSince(wanted.anchor, since)));
  }
  return left.length === 0 ? undefined : left.reduce((least, cap) => (cap < least ? cap : least));
}
