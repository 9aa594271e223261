import type { AnchorCapabilities, Attempt, Inclusion } from '../spi/index.js';

/** What to do next for one intent. At most one thing per pass. */
export type AnchorAction =
  | { readonly kind: 'wait' }
  /** Fetch evidence and store it, then the attempt's inclusion, then the intent's state. */
  | { readonly kind: 'evidence'; readonly attempt: Attempt; readonly inclusion: Inclusion }
  | { readonly kind: 'rebroadcast'; readonly attempt: Attempt }
  | NewAttempt
  | { readonly kind: 'supersede' };

/** Another signed attempt: with neither `conflictKey` nor `parent` a fresh one, for which anything may be chosen. */
export interface NewAttempt {
  readonly kind: 'attempt';
  readonly bump: number;
  /** Attempts that could still win hold it, so the new one must too. */
  readonly conflictKey?: string;
  /** The attempt that a child is to make dearer. */
  readonly parent?: Attempt;
  /** What is tried when the ledger keeps what this one would replace. */
  readonly instead?: NewAttempt;
  /** What the ledger has forgotten and is sent again if there can be no dearer one now. */
  readonly otherwise?: Attempt;
}

/**
 * How attempts that can still win are made dearer on this ledger; undefined when they cannot be. Where it replaces and
 * knows children as well, what has a child, or was not replaced when that was tried, gets a child.
 */
export function dearerThan(
  live: readonly Attempt[],
  bump: number,
  capabilities: AnchorCapabilities,
): NewAttempt | undefined {
  const ways: readonly string[] = capabilities.bump;
  const carriers = live.filter(({ childOf }) => childOf === undefined);
  const stuck = carriers.findLast(({ state }) => state !== 'failed');
  if (stuck === undefined || capabilities.exclusion !== 'ledger') return undefined;
  const child = { kind: 'attempt', bump, parent: stuck } as const;
  if (!ways.includes('replace')) return ways.includes('child') ? child : undefined;
  const replacement = {
    kind: 'attempt',
    bump,
    conflictKey: (live[0] ?? stuck).conflictKey,
  } as const;
  if (!ways.includes('child')) return replacement;
  const kept = stuck !== carriers.at(-1) || live.some(({ childOf }) => childOf === stuck.txId);
  return kept ? child : { ...replacement, instead: child };
}
