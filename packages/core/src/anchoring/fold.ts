import type {
  AnchorCapabilities,
  Attempt,
  AttemptState,
  Inclusion,
  Observation,
} from '../spi/index.js';
import type { IntentState, StoredIntent } from './anchor.store.js';
import type { AnchorPolicy } from './anchor-policy.js';

/** What to do next for one intent. At most one thing per pass. */
export type AnchorAction =
  | { readonly kind: 'wait' }
  /** Fetch evidence and store it, then the attempt's inclusion, then the intent's state. */
  | { readonly kind: 'evidence'; readonly attempt: Attempt; readonly inclusion: Inclusion }
  | { readonly kind: 'rebroadcast'; readonly attempt: Attempt }
  /** Another signed attempt. `conflictKey`: attempts that could still win hold it, so the new one must too. */
  | {
      readonly kind: 'attempt';
      readonly bump: number;
      readonly conflictKey?: string;
      /** A replacement must pay more than this. */
      readonly above?: bigint;
      /** What the ledger has forgotten and is sent again if there can be no dearer one now. */
      readonly otherwise?: Attempt;
    }
  | { readonly kind: 'supersede' };

export interface AttemptMove {
  readonly number: number;
  readonly from: AttemptState;
  readonly to: AttemptState;
}

export interface FoldInput {
  readonly intent: StoredIntent;
  /** One per attempt, same order. */
  readonly observations: readonly Observation[];
  readonly policy: AnchorPolicy;
  readonly capabilities: AnchorCapabilities;
  readonly nowMs: number;
  /** A later commitment of the same anchor that covers this one is final. */
  readonly coveredByFinal: boolean;
  /** A newer open intent of the same origin covers this one and makes another transaction for it needless. */
  readonly coveredByWaiting: boolean;
  /** Another open intent that holds the same conflict key and goes first: two of ours never outbid each other. */
  readonly yieldsTo?: StoredIntent;
}

export interface FoldResult {
  readonly state: IntentState;
  readonly reason: string;
  readonly moves: readonly AttemptMove[];
  readonly action: AnchorAction;
  /** The included attempt as the ledger shows it now, when only its depth changed. */
  readonly deeper?: { readonly attempt: Attempt; readonly inclusion: Inclusion };
  /** Set when an inclusion seen earlier is no longer on the ledger's chain. */
  readonly reorged?: { readonly attempt: Attempt; readonly was: Inclusion };
}

const ON_CHAIN: readonly AttemptState[] = ['included', 'final'];

/** Is this inclusion as good as it gets? A depth decides unless the ledger itself knows finality. */
export function isFinal(
  observation: Observation,
  capabilities: AnchorCapabilities,
  policy: AnchorPolicy,
): boolean {
  if (capabilities.finality === 'deterministic') return observation.status === 'final';
  return (observation.inclusion?.depth ?? 0) >= policy.finalityDepth;
}

/**
 * From what is stored and what the ledger shows, what holds now and what is to be done: pure, so a cold
 * start reaches the same state as a process that never stopped.
 */
export function fold(input: FoldInput): FoldResult {
  const { intent, observations } = input;
  const seen = intent.attempts.map((attempt, index) => {
    const observation = observations[index];
    if (!observation || observation.txId !== attempt.txId)
      throw new RangeError(`No observation for attempt ${attempt.number} of intent ${intent.id}.`);
    return { attempt, observation };
  });

  const winner = seen
    .filter(({ observation: { status, inclusion } }) =>
      inclusion ? status === 'included' || status === 'final' : false,
    )
    .sort(
      (a, b) => (b.observation.inclusion?.depth ?? 0) - (a.observation.inclusion?.depth ?? 0),
    )[0];
  const lost = seen.find(
    ({ attempt, observation }) =>
      ON_CHAIN.includes(attempt.state) &&
      attempt.inclusion !== undefined &&
      (observation.inclusion?.blockHash !== attempt.inclusion.blockHash ||
        !['included', 'final'].includes(observation.status)),
  )?.attempt;
  const reorged =
    lost?.inclusion !== undefined ? { reorged: { attempt: lost, was: lost.inclusion } } : {};

  if (winner?.observation.inclusion)
    return foldIncluded(input, seen, winner.attempt, winner.observation, reorged);

  const moves: AttemptMove[] = [];
  const live: Seen[] = [];
  for (const item of seen) {
    const { attempt, observation } = item;
    const final = deadAs(observation, input);
    if (final) {
      if (attempt.state !== final)
        moves.push({ number: attempt.number, from: attempt.state, to: final });
      continue;
    }
    live.push(item);
    const to = liveAs(attempt, observation);
    if (to !== attempt.state) moves.push({ number: attempt.number, from: attempt.state, to });
  }
  return { moves, ...reorged, ...foldWaiting(input, live) };
}

interface Seen {
  readonly attempt: Attempt;
  readonly observation: Observation;
}

function foldIncluded(
  input: FoldInput,
  seen: readonly Seen[],
  attempt: Attempt,
  observation: Observation,
  reorged: Pick<FoldResult, 'reorged'>,
): FoldResult {
  const { intent, policy, capabilities } = input;
  const inclusion = observation.inclusion as Inclusion;
  const final = isFinal(observation, capabilities, policy);
  const state = final ? 'final' : 'included';
  const moves: AttemptMove[] = [];
  for (const { attempt: other } of seen) {
    if (other === attempt) continue;
    const to = final ? 'replaced' : ON_CHAIN.includes(other.state) ? 'reorged' : other.state;
    if (to !== other.state) moves.push({ number: other.number, from: other.state, to });
  }
  const unchanged =
    attempt.state === state &&
    intent.evidence !== undefined &&
    attempt.inclusion?.blockHash === inclusion.blockHash;
  return {
    state,
    reason: '',
    moves,
    ...reorged,
    ...(unchanged && attempt.inclusion?.depth !== inclusion.depth
      ? { deeper: { attempt, inclusion } }
      : {}),
    action: unchanged ? { kind: 'wait' } : { kind: 'evidence', attempt, inclusion },
  };
}

/** Only the ledger's own word kills an attempt: proven expiry, or a winner of its conflict key that is final. */
function deadAs(observation: Observation, input: FoldInput): 'expired' | 'replaced' | undefined {
  if (observation.status === 'expired') return 'expired';
  if (observation.status !== 'conflicted' || !observation.inclusion) return undefined;
  // A deterministic ledger's inclusion cannot be taken back, so its conflict cannot either.
  const settled =
    !input.capabilities.reorgs || observation.inclusion.depth >= input.policy.finalityDepth;
  return settled ? 'replaced' : undefined;
}

function liveAs(attempt: Attempt, observation: Observation): AttemptState {
  if (observation.status === 'seen') return 'seen';
  if (ON_CHAIN.includes(attempt.state)) return 'reorged';
  // A dead attempt whose killer was reorganised away can win again.
  if (attempt.state === 'replaced' || attempt.state === 'expired') return 'reorged';
  if (attempt.state === 'seen') return 'broadcast';
  return attempt.state;
}

function foldWaiting(
  input: FoldInput,
  live: readonly Seen[],
): Pick<FoldResult, 'state' | 'reason' | 'action'> {
  const { intent, policy, capabilities, nowMs } = input;
  const wait = { kind: 'wait' } as const;
  // Counted from the attempts and not from a counter, which a crash could leave behind.
  const next = Math.min(intent.attempts.length, policy.maxBumps);

  if (live.length === 0) {
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

  const contested = live.find(({ observation }) => observation.status === 'conflicted');
  if (contested) {
    const by = contested.observation.conflictsWith ?? 'another transaction';
    return { state: 'stalled', reason: `${by} took the place of this one`, action: wait };
  }

  if (input.yieldsTo) {
    const { size } = input.yieldsTo.commitment;
    return { state: 'stalled', reason: `the checkpoint of size ${size} goes first`, action: wait };
  }

  const bumped = live.length - 1;
  const conflictKey = (live[0] as Seen).attempt.conflictKey;
  const sendable = live.filter(({ attempt }) => attempt.state !== 'failed');
  const newest = sendable.at(-1);
  const dearest = live.reduce((most, { attempt }) => max(most, attempt.fee.amount), 0n);
  const late = nowMs - intent.createdAtMs > policy.deadlineMs;

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
      action: { kind: 'attempt', bump: next, conflictKey },
    };
  }

  // What was on the chain once goes out first, byte for byte.
  const fallen = sendable.find(
    ({ attempt, observation }) =>
      observation.status === 'missing' && liveAs(attempt, observation) === 'reorged',
  );
  const anySeen = sendable.some(({ observation }) => observation.status === 'seen');
  if (fallen && !anySeen)
    return {
      state: 'reorged',
      reason: 'no longer in a block; the same bytes are sent again',
      action: { kind: 'rebroadcast', attempt: fallen.attempt },
    };

  const quiet = newest.observation.status === 'missing';
  const sinceMs = nowMs - (newest.attempt.broadcastAtMs ?? newest.attempt.createdAtMs);
  const replaceable = capabilities.bump === 'replace' && capabilities.exclusion === 'ledger';
  const sent = !quiet || newest.attempt.broadcastAtMs !== undefined;
  if (replaceable && sent && sinceMs >= policy.bumpEveryMs) {
    if (bumped < policy.maxBumps)
      return {
        state: stateOf(newest, late),
        reason: late ? 'past its deadline' : '',
        action: {
          kind: 'attempt',
          bump: next,
          conflictKey,
          above: dearest,
          ...(quiet ? { otherwise: newest.attempt } : {}),
        },
      };
    return {
      state: 'capped',
      reason: `${bumped} of ${policy.maxBumps} dearer attempts made`,
      action: quiet ? { kind: 'rebroadcast', attempt: newest.attempt } : wait,
    };
  }
  return {
    state: stateOf(newest, late),
    reason: late ? 'past its deadline' : '',
    action: quiet ? { kind: 'rebroadcast', attempt: newest.attempt } : wait,
  };
}

/** Where a fresh attempt starts: what expired unincluded may have paid too little, what lost its place did not. */
function startOf(intent: StoredIntent, policy: AnchorPolicy): number {
  const lasting = intent.attempts.findLastIndex(({ state }) => state !== 'expired');
  return Math.min(intent.attempts.length - 1 - lasting, policy.maxBumps);
}

function stateOf({ attempt, observation }: Seen, late: boolean): IntentState {
  if (late) return 'stalled';
  if (observation.status === 'seen') return 'seen';
  return attempt.broadcastAtMs === undefined ? 'signed' : 'broadcast';
}

/** With no attempt that could win: fresh, or waiting for the next try after the last one expired. */
function idle(intent: StoredIntent): IntentState {
  if (intent.attempts.length === 0) return intent.state === 'capped' ? 'capped' : 'queued';
  return intent.attempts.at(-1)?.state === 'expired' ? 'expired' : 'stalled';
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
