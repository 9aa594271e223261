import type {
  AnchorCapabilities,
  Attempt,
  AttemptState,
  Inclusion,
  Observation,
} from '../spi/index.js';
import type { AnchorAction } from './anchor-action.js';
import type { AnchorPolicy } from './anchor-policy.js';
import type { IntentState, StoredIntent } from './anchor.store.js';
import { foldWaiting, type LiveAttempt } from './fold-waiting.js';

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

interface Seen {
  readonly attempt: Attempt;
  readonly observation: Observation;
}

const ON_CHAIN: readonly string[] = ['included', 'final'];

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
 * start reaches the same state as a process that never stopped. Only attempts that carry the commitment win or
 * fall; a child lives and dies with its parent.
 */
export function fold(input: FoldInput): FoldResult {
  const { intent, observations } = input;
  const seen = intent.attempts.map((attempt, index) => {
    const observation = observations[index];
    if (!observation || observation.txId !== attempt.txId)
      throw new RangeError(`No observation for attempt ${attempt.number} of intent ${intent.id}.`);
    return { attempt, observation };
  });
  const carriers = seen.filter(({ attempt }) => attempt.childOf === undefined);

  const winner = carriers
    .filter(
      ({ observation: { status, inclusion } }) =>
        inclusion !== undefined && ON_CHAIN.includes(status),
    )
    .sort(
      (a, b) => (b.observation.inclusion?.depth ?? 0) - (a.observation.inclusion?.depth ?? 0),
    )[0];
  const lost = carriers.find(
    ({ attempt, observation }) =>
      ON_CHAIN.includes(attempt.state) &&
      attempt.inclusion !== undefined &&
      (observation.inclusion?.blockHash !== attempt.inclusion.blockHash ||
        !ON_CHAIN.includes(observation.status)),
  )?.attempt;
  const reorged =
    lost?.inclusion !== undefined ? { reorged: { attempt: lost, was: lost.inclusion } } : {};

  if (winner?.observation.inclusion)
    return {
      ...foldIncluded(input, seen, winner.attempt, winner.observation),
      ...reorged,
    };

  const dead = new Map<string, AttemptState>();
  for (const { attempt, observation } of carriers) {
    const as = deadAs(observation, input);
    if (as) dead.set(attempt.txId, as);
  }
  const moves: AttemptMove[] = [];
  const live: LiveAttempt[] = [];
  for (const { attempt, observation } of seen) {
    const died = dead.get(attempt.childOf ?? attempt.txId) ?? deadAs(observation, input);
    const to = died ?? liveAs(attempt, observation);
    if (to !== attempt.state) moves.push({ number: attempt.number, from: attempt.state, to });
    if (died === undefined) live.push({ attempt, observation, to });
  }
  return { moves, ...reorged, ...foldWaiting(input, live) };
}

function foldIncluded(
  input: FoldInput,
  seen: readonly Seen[],
  attempt: Attempt,
  observation: Observation,
): FoldResult {
  const { intent, policy, capabilities } = input;
  const inclusion = observation.inclusion as Inclusion;
  const final = isFinal(observation, capabilities, policy);
  const state = final ? 'final' : 'included';
  const moves: AttemptMove[] = [];
  for (const other of seen) {
    if (other.attempt === attempt) continue;
    const { number, state: from } = other.attempt;
    const to = besideWinner(other, attempt, final);
    if (to !== from) moves.push({ number, from, to });
  }
  const unchanged =
    attempt.state === state &&
    intent.evidence !== undefined &&
    attempt.inclusion?.blockHash === inclusion.blockHash;
  return {
    state,
    reason: '',
    moves,
    ...(unchanged && attempt.inclusion?.depth !== inclusion.depth
      ? { deeper: { attempt, inclusion } }
      : {}),
    action: unchanged ? { kind: 'wait' } : { kind: 'evidence', attempt, inclusion },
  };
}

/** What becomes of the others. The winner's own children stay what they are until a block holds them too: they are still paid for. */
function besideWinner({ attempt, observation }: Seen, winner: Attempt, final: boolean) {
  const { state, childOf } = attempt;
  if (childOf === winner.txId)
    return final && ON_CHAIN.includes(observation.status) ? 'final' : state;
  if (final) return 'replaced';
  return ON_CHAIN.includes(state) ? 'reorged' : state;
}

/** Only the ledger's own word kills an attempt: proven expiry, or a winner of its conflict key that is final. */
function deadAs(observation: Observation, input: FoldInput): 'expired' | 'replaced' | undefined {
  if (observation.status === 'expired') return 'expired';
  if (observation.status !== 'conflicted' || !observation.inclusion) return undefined;
  // A deterministic ledger's inclusion cannot be taken back, so its conflict cannot either.
  const settled = observation.settled ?? observation.inclusion.depth >= input.policy.finalityDepth;
  return settled || !input.capabilities.reorgs ? 'replaced' : undefined;
}

function liveAs(attempt: Attempt, observation: Observation): AttemptState {
  if (observation.status === 'seen') return 'seen';
  // A block came between the questions: the parent's answer is older than its child's.
  if (attempt.childOf !== undefined && ON_CHAIN.includes(observation.status)) return 'seen';
  if (ON_CHAIN.includes(attempt.state)) return 'reorged';
  // A dead attempt whose killer was reorganised away can win again.
  if (attempt.state === 'replaced' || attempt.state === 'expired') return 'reorged';
  if (attempt.state === 'seen') return 'broadcast';
  return attempt.state;
}
