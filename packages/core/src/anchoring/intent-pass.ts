import {
  AnchorError,
  type AnchorQuote,
  type Attempt,
  type Clock,
  type Inclusion,
  type Logger,
  type Observation,
  type SignedAttempt,
} from '../spi/index.js';
import { dearerThan, type NewAttempt } from './anchor-action.js';
import type { AnchorInstance } from './anchor-instance.js';
import type { AnchorStore, IntentState, Lease, StoredIntent } from './anchor.store.js';
import { fold, type FoldInput, type FoldResult } from './fold.js';
import { IntentMoves, type Outcome } from './intent-moves.js';
import { askLedger } from './ledger-call.js';
import { signAttempt } from './sign-attempt.js';

export interface IntentPassDependencies {
  readonly store: AnchorStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instance: AnchorInstance;
  readonly lease: Lease;
  readonly signal: AbortSignal;
  /** Told what the ledger asks and what is left, before a fresh attempt is paid for. */
  readonly onQuote: (quote: AnchorQuote) => void;
}

/** Moves one intent one step: fold, then do the one thing that follows from it, then store what it came to. */
export class IntentPass {
  readonly #moves: IntentMoves;

  constructor(
    private readonly deps: IntentPassDependencies,
    private readonly intent: StoredIntent,
  ) {
    this.#moves = new IntentMoves(deps.store, deps.lease, deps.clock, intent);
  }

  /** True when something was stored or sent. */
  async run(
    observations: readonly Observation[],
    around: Pick<FoldInput, 'coveredByFinal' | 'coveredByWaiting' | 'yieldsTo'>,
  ): Promise<boolean> {
    const { clock, instance } = this.deps;
    const { state } = this.intent;
    const nowMs = clock.nowMs();
    const result = fold({
      intent: this.intent,
      observations,
      policy: instance.policy,
      capabilities: instance.capabilities,
      nowMs,
      ...around,
    });
    // A state of its own even when another block already holds it again: subscribers hear of both.
    if (result.reorged && (state === 'included' || state === 'final'))
      await this.#moves.become({
        state: 'reorged',
        reason: `no longer in block ${result.reorged.was.blockHash}`,
        retryAtMs: 0,
      });
    for (const move of result.moves) await this.#moves.moveAttempt(move.number, move.from, move.to);
    if (result.deeper) {
      const { attempt, inclusion } = result.deeper;
      await this.#moves.moveAttempt(attempt.number, attempt.state, attempt.state, { inclusion });
    }
    const held =
      (this.intent.retryAtMs ?? 0) > nowMs &&
      !result.reorged &&
      (result.action.kind === 'attempt' || result.action.kind === 'rebroadcast');
    if (held) return result.moves.length > 0;
    return this.#moves.settle(await this.#act(result));
  }

  /** The ledger could not be asked: say so and wait. */
  async unobserved(error: AnchorError): Promise<void> {
    if ((this.intent.retryAtMs ?? 0) > this.deps.clock.nowMs()) return;
    await this.#moves.settle(this.#later(this.intent.state, error));
  }

  async #act(result: FoldResult): Promise<Outcome> {
    const { action, state, reason } = result;
    const outcome = { state, reason, retryAtMs: 0 };
    switch (action.kind) {
      case 'wait':
      case 'supersede':
        return outcome;
      case 'evidence':
        return this.#evidence(outcome, action);
      case 'rebroadcast':
        return this.#broadcast(outcome, action.attempt);
      case 'attempt':
        return this.#attemptOr(outcome, action);
    }
  }

  /** At a cap the last bytes still deserve their chance: a mempool may have dropped them. */
  async #attemptOr(outcome: Outcome, action: NewAttempt): Promise<Outcome> {
    const came = await this.#attempt(outcome, action);
    const added = this.#moves.attempts.length > this.intent.attempts.length;
    if (!added && action.otherwise) await this.#broadcast(came, action.otherwise, true);
    return came;
  }

  /** Evidence first: whatever is called included or final has evidence, whenever the process stops. */
  async #evidence(
    outcome: Outcome,
    { attempt, inclusion }: { readonly attempt: Attempt; readonly inclusion: Inclusion },
  ): Promise<Outcome> {
    const { store, lease, instance, signal, logger } = this.deps;
    const state = outcome.state === 'final' ? 'final' : 'included';
    const got = await askLedger(logger, 'evidence', () =>
      instance.anchor.evidence(this.intent, { ...attempt, state, inclusion }, signal),
    );
    if (!got.ok) return this.#later(this.#moves.state, got.error);
    await store.putEvidence(lease, this.intent.id, got.value);
    await this.#moves.moveAttempt(attempt.number, attempt.state, state, { inclusion });
    if (state === 'final' && this.#moves.state !== 'included')
      await this.#moves.become({ ...outcome, state: 'included' });
    return outcome;
  }

  async #attempt(outcome: Outcome, action: NewAttempt): Promise<Outcome> {
    const { clock, instance, signal, logger, onQuote } = this.deps;
    const { anchor, capabilities } = instance;
    const fresh = action.conflictKey === undefined && action.parent === undefined;
    if (fresh && anchor.findExisting) {
      const found = await askLedger(logger, 'findExisting', async () =>
        anchor.findExisting?.(this.intent, signal),
      );
      if (!found.ok) return this.#later(outcome.state, found.error);
      if (found.value) return this.#adopt(outcome, found.value);
    }
    if (fresh && capabilities.cost === 'paid') {
      const quoted = await askLedger(logger, 'quote', () => anchor.quote(this.intent, signal));
      // Only a warning hangs on it.
      if (quoted.ok) onQuote(quoted.value);
    }
    const { attempts } = this.#moves;
    const signed = await signAttempt(action, {
      ...this.deps,
      intent: this.intent,
      attempts,
      nowMs: clock.nowMs(),
    });
    if (!signed.ok) {
      if (signed.error.reason === 'irreplaceable' && action.instead)
        return this.#attempt(outcome, action.instead);
      // Nothing of this intent is out: it only waits until an earlier one has left the place.
      if (fresh && signed.error.reason === 'conflict')
        return this.#later(outcome.state, signed.error);
      return this.#refused(outcome, signed.error);
    }
    const attempt = await this.#moves.addAttempt(signed.value, 'signed', action.parent?.txId);
    return this.#broadcast(
      { state: 'signed', reason: outcome.reason, retryAtMs: 0 },
      attempt,
      true,
    );
  }

  /** A transaction that the ledger knows and this store does not: taken over instead of paid twice. */
  async #adopt(outcome: Outcome, found: SignedAttempt): Promise<Outcome> {
    if (this.intent.attempts.some(({ txId }) => txId === found.txId))
      return this.#later(
        'stalled',
        new AnchorError('unavailable', `the ledger lists ${found.txId} and does not show it yet`),
      );
    await this.#moves.addAttempt(found, 'broadcast');
    return { ...outcome, state: 'broadcast' };
  }

  async #broadcast(outcome: Outcome, attempt: Attempt, fresh = false): Promise<Outcome> {
    const { clock, instance, logger, signal } = this.deps;
    const sent = await askLedger(logger, 'broadcast', () =>
      instance.anchor.broadcast(attempt, signal),
    );
    const state = this.#moves.stateOf(attempt);
    if (sent.ok) {
      // A repeated send does not start the bump clock again, or nothing would ever be bumped.
      if (attempt.broadcastAtMs === undefined || state === 'reorged')
        await this.#moves.moveAttempt(attempt.number, state, 'broadcast', {
          broadcastAtMs: clock.nowMs(),
        });
      return outcome.state === 'signed' ? { ...outcome, state: 'broadcast' } : outcome;
    }
    const { error } = sent;
    if (error.reason === 'invalid' || error.reason === 'rejected') {
      await this.#moves.moveAttempt(attempt.number, state, 'failed');
      return this.#later('stalled', error);
    }
    if (error.reason === 'irreplaceable' && this.#standsAside(attempt)) {
      await this.#moves.moveAttempt(attempt.number, state, 'failed');
      const child = attempt.childOf === undefined ? this.#dearer() : undefined;
      if (child === 'capped') return this.#later('capped', error);
      return child?.parent ? this.#attempt(outcome, child) : this.#later('stalled', error);
    }
    if (error.reason === 'underpriced' && !fresh) {
      const dearer = this.#dearer();
      if (dearer === 'capped') return this.#later('capped', error);
      if (dearer) return this.#attempt(outcome, dearer);
    }
    return this.#later(error.reason === 'unavailable' ? outcome.state : 'stalled', error);
  }

  /** What was to displace another attempt of this intent and cannot: a child pays for that one instead. */
  #standsAside({ txId, childOf }: Attempt): boolean {
    const ways: readonly string[] = this.deps.instance.capabilities.bump;
    if (!ways.includes('replace') || !ways.includes('child')) return false;
    const able = ({ state }: Attempt): boolean =>
      state !== 'failed' && state !== 'expired' && state !== 'replaced';
    return (
      childOf !== undefined ||
      this.#moves.attempts.some(
        (other) => other.txId !== txId && other.childOf === undefined && able(other),
      )
    );
  }

  /** At once, because the ledger wants more now than what is signed pays. */
  #dearer(): NewAttempt | 'capped' | undefined {
    const { capabilities, policy } = this.deps.instance;
    const live = this.#moves.attempts.filter(
      ({ state }) => state !== 'expired' && state !== 'replaced',
    );
    const bump = Math.min(this.intent.attempts.length, policy.maxBumps);
    const dearer = dearerThan(live, bump, capabilities);
    return dearer && live.length > policy.maxBumps ? 'capped' : dearer;
  }

  #refused(outcome: Outcome, error: AnchorError): Outcome {
    if (error.reason === 'capped') return this.#later('capped', error);
    if (error.reason === 'invalid' && this.#moves.attempts.length === 0)
      return { state: 'failed', reason: error.message, retryAtMs: 0 };
    return this.#later(error.reason === 'unavailable' ? outcome.state : 'stalled', error);
  }

  /** The pause grows with the time already waited, so no counter has to survive. */
  #later(state: IntentState, error: AnchorError): Outcome {
    const { clock, instance, logger } = this.deps;
    const nowMs = clock.nowMs();
    // What a stop cut short is nobody's failure: the next pass goes on where this one ended.
    if (this.deps.signal.aborted && error.reason === 'unavailable')
      return { state, reason: this.intent.reason ?? '', retryAtMs: 0 };
    const { retryMinMs, retryMaxMs } = instance.policy;
    const since = this.intent.attempts.at(-1)?.createdAtMs ?? this.intent.createdAtMs;
    const pauseMs = Math.min(retryMaxMs, Math.max(retryMinMs, Math.floor((nowMs - since) / 2)));
    logger.warn('Anchoring waits.', {
      anchor: this.intent.anchor,
      intent: this.intent.id,
      reason: error.reason,
      detail: error.message,
      retryInMs: pauseMs,
    });
    return { state, reason: `${error.reason}: ${error.message}`, retryAtMs: nowMs + pauseMs };
  }
}
