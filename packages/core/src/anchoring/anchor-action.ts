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
  /** What the ledger has forgotten and is sent again if there can be no dearer one now. */
  readonly otherwise?: Attempt;
}

/** How attempts that can still win are made dearer on this ledger; undefined when they cannot be. */
export function dearerThan(
  live: readonly Attempt[],
  bump: number,
  capabilities: AnchorCapabilities,
): NewAttempt | undefined {
  const stuck = live.findLast(({ childOf, state }) => childOf === undefined && state !== 'failed');
  if (stuck === undefined || capabilities.exclusion !== 'ledger') return undefined;
  if (capabilities.bump === 'child') return { kind: 'attempt', bump, parent: stuck };
  if (capabilities.bump !== 'replace') return undefined;
  return { kind: 'attempt', bump, conflictKey: (live[0] ?? stuck).conflictKey };
}
