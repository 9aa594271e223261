import type { Observation } from '../spi/index.js';
import type { StoredIntent } from './anchor.store.js';

/** Of one origin and larger: whoever proves it proves the smaller one too. */
export const covers = (other: StoredIntent, intent: StoredIntent): boolean =>
  other.commitment.origin === intent.commitment.origin &&
  other.commitment.size > intent.commitment.size;

/**
 * Of the intents whose attempts hold one conflict key, the one that goes first, unless it is this one: what
 * the ledger already shows, else the newest, because it covers the others.
 */
export function firstOnSameKey(
  intent: StoredIntent,
  intents: readonly StoredIntent[],
  observed: ReadonlyMap<string, readonly Observation[]>,
): StoredIntent | undefined {
  const holds = (other: StoredIntent, key: string, status: Observation['status']): boolean =>
    other.attempts.some(
      ({ conflictKey }, index) =>
        conflictKey === key && observed.get(other.id)?.[index]?.status === status,
    );
  const keys = new Set(intent.attempts.map(({ conflictKey }) => conflictKey));
  for (const key of keys) {
    if (!holds(intent, key, 'seen') && !holds(intent, key, 'missing')) continue;
    const rivals = intents.filter(
      (other) => holds(other, key, 'seen') || holds(other, key, 'missing'),
    );
    const shown = rivals.filter((other) => holds(other, key, 'seen'));
    const first = (shown.length > 0 ? shown : rivals).reduce((best, other) =>
      other.commitment.size > best.commitment.size ? other : best,
    );
    if (first.id !== intent.id) return first;
  }
  return undefined;
}
