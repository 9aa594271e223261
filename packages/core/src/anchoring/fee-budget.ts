import type { Attempt, AttemptState } from '../spi/index.js';
import { type AnchorPolicy, FEE_DAY_MS } from './anchor-policy.js';
import type { AnchorStore } from './anchor.store.js';

const PROVEN_DEAD: readonly AttemptState[] = ['expired', 'replaced'];

/**
 * The most that these attempts can come to cost, whichever of them win. Of those on one conflict key the ledger takes
 * one, so the dearest counts, whatever intents they belong to; different keys add up; the proven dead cost nothing. A
 * child can win with its parent alone: the two count together, against what may come instead of the parent.
 */
export function worstCaseFee(attempts: readonly Attempt[]): bigint {
  const able = attempts.filter(({ state }) => !PROVEN_DEAD.includes(state));
  const parents = new Set(able.map(({ txId }) => txId));
  const orphaned = ({ childOf }: Attempt): boolean =>
    childOf === undefined || !parents.has(childOf);
  return sumOfDearest(
    able.filter(orphaned),
    (attempt) => attempt.fee.amount + ofChildren(attempt, able),
  );
}

/** What the children of an attempt can come to cost. */
const ofChildren = ({ txId }: Attempt, attempts: readonly Attempt[]): bigint =>
  sumOfDearest(
    attempts.filter(({ childOf, state }) => childOf === txId && !PROVEN_DEAD.includes(state)),
    ({ fee }) => fee.amount,
  );

function sumOfDearest(attempts: readonly Attempt[], cost: (attempt: Attempt) => bigint): bigint {
  const dearest = new Map<string, bigint>();
  for (const attempt of attempts) {
    const { conflictKey } = attempt;
    const [known, here] = [dearest.get(conflictKey) ?? 0n, cost(attempt)];
    if (here > known) dearest.set(conflictKey, here);
  }
  return [...dearest.values()].reduce((sum, fee) => sum + fee, 0n);
}

/**
 * What another attempt of an intent may cost under the caps of its policy; undefined without caps. An attempt that
 * will hold `conflictKey` comes instead of those on it, and of their children; a child comes on top of its parent and
 * the children that has; one whose key is not known yet may come on top of all.
 */
export async function feeBudget(wanted: {
  readonly anchor: string;
  /** Of the intent, in the states they have now. */
  readonly attempts: readonly Attempt[];
  readonly conflictKey: string | undefined;
  /** Of a child. */
  readonly parent: Attempt | undefined;
  readonly policy: AnchorPolicy;
  readonly store: AnchorStore;
  readonly nowMs: number;
}): Promise<bigint | undefined> {
  const { maxFeePerIntent, maxFeePerDay } = wanted.policy;
  const { parent, conflictKey: key = parent?.conflictKey } = wanted;
  const beside = (attempts: readonly Attempt[]): bigint => {
    const onKey = attempts.filter(({ conflictKey }) => conflictKey === key);
    const displaced = new Set(onKey.map(({ txId }) => txId));
    const others = attempts.filter(
      ({ conflictKey, childOf = '' }) => conflictKey !== key && !displaced.has(childOf),
    );
    const below = parent === undefined ? 0n : parent.fee.amount + ofChildren(parent, attempts);
    return worstCaseFee(others) + below;
  };
  const left: bigint[] = [];
  if (maxFeePerIntent !== undefined) left.push(maxFeePerIntent - beside(wanted.attempts));
  if (maxFeePerDay !== undefined) {
    const since = wanted.nowMs - FEE_DAY_MS;
    left.push(maxFeePerDay - beside(await wanted.store.attemptsSince(wanted.anchor, since)));
  }
  return left.length === 0 ? undefined : left.reduce((least, cap) => (cap < least ? cap : least));
}
