import type { Attempt, AttemptState, Observation } from '../spi/index.js';
import { dearerThan } from './anchor-action.js';
import type { AnchorPolicy } from './anchor-policy.js';
import type { IntentState, StoredIntent } from './anchor.store.js';
import type { FoldInput, FoldResult } from './fold.js';

/** An attempt that the ledger has not called dead. */
export interface LiveAttempt {
  readonly attempt: Attempt;
  readonly observation: Observation;
  /** Its state by this observation. */
  readonly to: AttemptState;
}

/** What holds and what is to be done while no block holds the commitment. */
export function foldWaiting(
  input: FoldInput,
  live: readonly LiveAttempt[],
): Pick<FoldResult, 'state' | 'reason' | 'action'> {
  const { intent, policy, capabilities, nowMs } = input;
  const wait = { kind: 'wait' } as const;
  // Counted from the attempts and not from a counter, which a crash could leave behind.
  const next = Math.min(intent.attempts.length, policy.maxBumps);

  const [first] = live;
  if (first === undefined) {
    if (input.coveredByFinal)
      return { state: 'superseded', reason: '', action: { kind: 'supersede' } };
    if (input.coveredByWaiting)
      return { state: idle(intent), reason: 'a newer checkpoint covers this one', action: wait };
    return {
      state: idle(intent),
      reason: '',
      action: { kind: 'attempt', bump: startOf(intent, policy) },
    };
  }

  const contested = live.find(
    ({ attempt, observation }) =>
      attempt.childOf === undefined && observation.status === 'conflicted',
  );
  if (contested) {
    const by = contested.observation.conflictsWith ?? 'another transaction';
    return { state: 'stalled', reason: `${by} took the place of this one`, action: wait };
  }

  if (input.yieldsTo) {
    const { size } = input.yieldsTo.commitment;
    return { state: 'stalled', reason: `the checkpoint of size ${size} goes first`, action: wait };
  }

  const bumped = live.length - 1;
  const refused = new Set(
    live.filter(({ attempt }) => attempt.state === 'failed').map(({ attempt }) => attempt.txId),
  );
  const sendable = live.filter(
    ({ attempt }) => !refused.has(attempt.txId) && !refused.has(attempt.childOf ?? ''),
  );
  const newest = sendable.at(-1);

  if (!newest) {
    // Every live attempt was refused as it is; until the ledger says it is dead it may still win elsewhere.
    if (capabilities.exclusion === 'expiry')
      return {
        state: 'stalled',
        reason: 'waits until the refused attempt has expired',
        action: wait,
      };
    if (bumped >= policy.maxBumps)
      return { state: 'capped', reason: `refused ${bumped + 1} times`, action: wait };
    return {
      state: 'stalled',
      reason: 'the ledger refused the last attempt',
      action: { kind: 'attempt', bump: next, conflictKey: first.attempt.conflictKey },
    };
  }

  // What was on the chain once goes out first, byte for byte.
  const gone = sendable.filter(
    ({ observation, to }) => observation.status === 'missing' && to === 'reorged',
  );
  // Who only lost to it comes after the one that a block held.
  const fallen = gone.findLast(({ attempt }) => attempt.inclusion !== undefined) ?? gone[0];
  const anySeen = sendable.some(({ observation }) => observation.status === 'seen');
  if (fallen && !anySeen)
    return {
      state: 'reorged',
      reason: 'no longer in a block; the same bytes are sent again',
      action: { kind: 'rebroadcast', attempt: fallen.attempt },
    };

  const quiet = newest.observation.status === 'missing';
  const sinceMs = nowMs - (newest.attempt.broadcastAtMs ?? newest.attempt.createdAtMs);
  const sent = !quiet || newest.attempt.broadcastAtMs !== undefined;
  const resend = quiet ? ({ kind: 'rebroadcast', attempt: newest.attempt } as const) : wait;
  const late = nowMs - intent.createdAtMs > policy.deadlineMs;
  const held = { state: stateOf(newest, late), reason: late ? 'past its deadline' : '' };

  const dearer = dearerThan(
    live.map(({ attempt }) => attempt),
    next,
    capabilities,
  );
  if (!dearer || !sent || sinceMs < policy.bumpEveryMs) return { ...held, action: resend };
  if (bumped >= policy.maxBumps)
    return {
      state: 'capped',
      reason: `${bumped} of ${policy.maxBumps} dearer attempts made`,
      action: resend,
    };
  return {
    ...held,
    action: { ...dearer, ...(quiet ? { otherwise: newest.attempt } : {}) },
  };
}

/** Where a fresh attempt starts: what expired unincluded may have paid too little, what lost its place did not. */
function startOf(intent: StoredIntent, policy: AnchorPolicy): number {
  const lasting = intent.attempts.findLastIndex(({ state }) => state !== 'expired');
  return Math.min(intent.attempts.length - 1 - lasting, policy.maxBumps);
}

function stateOf({ attempt, observation }: LiveAttempt, late: boolean): IntentState {
  if (late) return 'stalled';
  if (observation.status === 'seen') return 'seen';
  return attempt.broadcastAtMs === undefined ? 'signed' : 'broadcast';
}

/** With no attempt that could win: fresh, or waiting for the next try after the last one expired. */
function idle(intent: StoredIntent): IntentState {
  if (intent.attempts.length === 0) return intent.state === 'capped' ? 'capped' : 'queued';
  return intent.attempts.at(-1)?.state === 'expired' ? 'expired' : 'stalled';
}
