import {
  AnchorError,
  type Attempt,
  type AttemptState,
  type Clock,
  type Inclusion,
  type Logger,
  type Observation,
  type SignedAttempt,
} from '../spi/index.js';
import { type AnchorInstance, AnchorStateMoved } from './anchor-instance.js';
import { FEE_DAY_MS } from './anchor-policy.js';
import type { AnchorStore, IntentState, Lease, StoredIntent } from './anchor.store.js';
import { type AnchorAction, fold, type FoldInput, type FoldResult } from './fold.js';
import { askLedger } from './ledger-call.js';

export interface IntentPassDependencies {
  readonly store: AnchorStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instance: AnchorInstance;
  readonly lease: Lease;
  readonly signal: AbortSignal;
}

interface Outcome {
  readonly state: IntentState;
  readonly reason: string;
  readonly retryAtMs: number;
}

/** Moves one intent one step: fold, then do the one thing that follows from it, then store what it came to. */
export class IntentPass {
  /** Attempt states as moved within this pass; the intent read at its start does not change. */
  readonly #moved = new Map<number, AttemptState>();
  #attempts: number;
  #state: IntentState;

  constructor(
    private readonly deps: IntentPassDependencies,
    private readonly intent: StoredIntent,
  ) {
    this.#attempts = intent.attempts.length;
    this.#state = intent.state;
  }

  /** True when something was stored or sent. */
  async run(
    observations: readonly Observation[],
    around: Pick<FoldInput, 'coveredByFinal' | 'coveredByWaiting' | 'yieldsTo'>,
  ): Promise<boolean> {
    const { clock, instance } = this.deps;
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
    if (result.reorged && (this.#state === 'included' || this.#state === 'final'))
      await this.#become({
        state: 'reorged',
        reason: `no longer in block ${result.reorged.was.blockHash}`,
        retryAtMs: 0,
      });
    for (const move of result.moves) await this.#move(move.number, move.from, move.to);
    if (result.deeper) {
      const { attempt, inclusion } = result.deeper;
      await this.#move(attempt.number, attempt.state, attempt.state, { inclusion });
    }
    const held =
      (this.intent.retryAtMs ?? 0) > nowMs &&
      !result.reorged &&
      (result.action.kind === 'attempt' || result.action.kind === 'rebroadcast');
    if (held) return result.moves.length > 0;
    return this.#settle(await this.#act(result));
  }

  /** The ledger could not be asked: say so and wait. */
  async unobserved(error: AnchorError): Promise<void> {
    if ((this.intent.retryAtMs ?? 0) > this.deps.clock.nowMs()) return;
    await this.#settle(this.#later(this.intent.state, error));
  }

  async #act(result: FoldResult): Promise<Outcome> {
    const { action, state, reason } = result;
    const outcome = { state, reason, retryAtMs: 0 };
    switch (action.kind) {
      case 'wait':
      case 'supersede':
        return outcome;
      case 'evidence':
        return this.#evidence(outcome, action.attempt, action.inclusion);
      case 'rebroadcast':
        return this.#broadcast(outcome, action.attempt);
      case 'attempt':
        return this.#attemptOr(outcome, action);
    }
  }

  /** At a cap the last bytes still deserve their chance: a mempool may have dropped them. */
  async #attemptOr(
    outcome: Outcome,
    action: Extract<AnchorAction, { kind: 'attempt' }>,
  ): Promise<Outcome> {
    const before = this.#attempts;
    const came = await this.#attempt(outcome, action);
    if (this.#attempts === before && action.otherwise)
      await this.#broadcast(came, action.otherwise, true);
    return came;
  }

  /** Evidence first: whatever is called included or final has evidence, whenever the process stops. */
  async #evidence(outcome: Outcome, attempt: Attempt, inclusion: Inclusion): Promise<Outcome> {
    const { store, lease, instance, signal, logger } = this.deps;
    const state = outcome.state === 'final' ? 'final' : 'included';
    const got = await askLedger(logger, 'evidence', () =>
      instance.anchor.evidence(this.intent, { ...attempt, state, inclusion }, signal),
    );
    if (!got.ok) return this.#later(this.#state, got.error);
    await store.putEvidence(lease, this.intent.id, got.value);
    await this.#move(attempt.number, attempt.state, state, { inclusion });
    if (state === 'final' && this.#state !== 'included')
      await this.#become({ ...outcome, state: 'included' });
    return outcome;
  }

  async #attempt(
    outcome: Outcome,
    action: Extract<AnchorAction, { kind: 'attempt' }>,
  ): Promise<Outcome> {
    const { instance, signal, logger } = this.deps;
    const { anchor } = instance;
    if (action.conflictKey === undefined && anchor.findExisting) {
      const found = await askLedger(logger, 'findExisting', async () =>
        anchor.findExisting?.(this.intent, signal),
      );
      if (!found.ok) return this.#later(outcome.state, found.error);
      if (found.value) return this.#adopt(outcome, found.value);
    }
    const budget = await this.#budget();
    if (budget !== undefined && budget <= 0n)
      return this.#later('capped', new AnchorError('capped', 'the fee cap of the day is used up'));

    const draft = await askLedger(logger, 'prepare', () =>
      anchor.prepare(this.intent, this.#prior(), {
        bump: action.bump,
        ...(budget === undefined ? {} : { maxFee: budget }),
        signal,
      }),
    );
    if (!draft.ok) {
      const { conflictKey, bump } = action;
      // A fresh attempt may start cheaper than the last one died; a capped one would wait for ever.
      if (draft.error.reason === 'capped' && conflictKey === undefined && bump > 0)
        return this.#attempt(outcome, { ...action, bump: bump >> 1 });
      return this.#refused(outcome, draft.error);
    }
    const breach = breachOf(draft.value, action, budget);
    if (breach) return this.#later(breach.reason === 'capped' ? 'capped' : 'stalled', breach);

    const signed = await askLedger(logger, 'sign', () =>
      anchor.sign(this.intent, draft.value, signal),
    );
    if (!signed.ok) return this.#refused(outcome, signed.error);
    const slip = breachOf(signed.value, action, budget);
    if (slip) return this.#later(slip.reason === 'capped' ? 'capped' : 'stalled', slip);

    const attempt = await this.#store(signed.value, 'signed');
    return this.#broadcast(
      { state: 'signed', reason: outcome.reason, retryAtMs: 0 },
      attempt,
      true,
    );
  }

  /** The attempts as this pass has moved them: the anchor reuses the key of those that can still win. */
  #prior(): readonly Attempt[] {
    return this.intent.attempts.map((attempt) => ({
      ...attempt,
      state: this.#moved.get(attempt.number) ?? attempt.state,
    }));
  }

  /** A transaction that the ledger knows and this store does not: taken over instead of paid twice. */
  async #adopt(outcome: Outcome, found: SignedAttempt): Promise<Outcome> {
    if (this.intent.attempts.some(({ txId }) => txId === found.txId))
      return this.#later(
        'stalled',
        new AnchorError('unavailable', `the ledger lists ${found.txId} and does not show it yet`),
      );
    await this.#store(found, 'broadcast');
    return { ...outcome, state: 'broadcast' };
  }

  async #store(signed: SignedAttempt, state: AttemptState): Promise<Attempt> {
    const nowMs = this.deps.clock.nowMs();
    const attempt: Attempt = {
      ...signed,
      intentId: this.intent.id,
      number: this.#attempts,
      state,
      createdAtMs: nowMs,
      ...(state === 'broadcast' ? { broadcastAtMs: nowMs } : {}),
    };
    await this.deps.store.putAttempt(this.deps.lease, attempt);
    this.#attempts += 1;
    return attempt;
  }

  async #broadcast(outcome: Outcome, attempt: Attempt, fresh = false): Promise<Outcome> {
    const { clock, instance, logger, signal } = this.deps;
    const sent = await askLedger(logger, 'broadcast', () =>
      instance.anchor.broadcast(attempt, signal),
    );
    const state = this.#moved.get(attempt.number) ?? attempt.state;
    if (sent.ok) {
      // A repeated send does not start the bump clock again, or nothing would ever be bumped.
      if (attempt.broadcastAtMs === undefined || state === 'reorged')
        await this.#move(attempt.number, state, 'broadcast', { broadcastAtMs: clock.nowMs() });
      return outcome.state === 'signed' ? { ...outcome, state: 'broadcast' } : outcome;
    }
    const { error } = sent;
    if (error.reason === 'invalid' || error.reason === 'rejected') {
      await this.#move(attempt.number, state, 'failed');
      return this.#later('stalled', error);
    }
    const { bump, exclusion } = instance.capabilities;
    const bumps = this.#attempts - 1;
    if (error.reason === 'underpriced' && bump === 'replace' && exclusion === 'ledger' && !fresh) {
      if (bumps >= instance.policy.maxBumps) return this.#later('capped', error);
      return this.#attempt(outcome, {
        kind: 'attempt',
        bump: this.#attempts,
        conflictKey: attempt.conflictKey,
        above: this.intent.attempts.reduce(
          (most, { fee }) => (fee.amount > most ? fee.amount : most),
          0n,
        ),
      });
    }
    return this.#later(error.reason === 'unavailable' ? outcome.state : 'stalled', error);
  }

  /** What may still be paid for this intent: its own cap and what is left of the day's. */
  async #budget(): Promise<bigint | undefined> {
    const { maxFeePerIntent, maxFeePerDay } = this.deps.instance.policy;
    if (maxFeePerDay === undefined) return maxFeePerIntent;
    const since = this.deps.clock.nowMs() - FEE_DAY_MS;
    const dearest = new Map<string, bigint>();
    for (const { intentId, fee } of await this.deps.store.attemptsSince(this.intent.anchor, since))
      if (intentId !== this.intent.id && fee.amount > (dearest.get(intentId) ?? 0n))
        dearest.set(intentId, fee.amount);
    const left = [...dearest.values()].reduce((rest, fee) => rest - fee, maxFeePerDay);
    return maxFeePerIntent !== undefined && maxFeePerIntent < left ? maxFeePerIntent : left;
  }

  #refused(outcome: Outcome, error: AnchorError): Outcome {
    if (error.reason === 'capped') return this.#later('capped', error);
    if (error.reason === 'invalid' && this.#attempts === 0)
      return { state: 'failed', reason: error.message, retryAtMs: 0 };
    return this.#later(error.reason === 'unavailable' ? outcome.state : 'stalled', error);
  }

  /** The pause grows with the time already waited, so no counter has to survive. */
  #later(state: IntentState, error: AnchorError): Outcome {
    const { clock, instance, logger } = this.deps;
    const nowMs = clock.nowMs();
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

  async #settle(outcome: Outcome): Promise<boolean> {
    const { intent } = this;
    const same =
      outcome.state === this.#state &&
      outcome.reason === (intent.reason ?? '') &&
      outcome.retryAtMs === (intent.retryAtMs ?? 0) &&
      this.#bumps === intent.bumps;
    if (same) return this.#moved.size > 0;
    await this.#become(outcome);
    return true;
  }

  get #bumps(): number {
    return Math.max(0, this.#attempts - 1);
  }

  async #become({ state, reason, retryAtMs }: Outcome): Promise<void> {
    const { store, lease } = this.deps;
    const patch = { reason, retryAtMs, bumps: this.#bumps };
    if (!(await store.moveIntent(lease, this.intent.id, this.#state, state, patch)))
      throw new AnchorStateMoved(`Intent ${this.intent.id}`, this.#state, state);
    this.#state = state;
  }

  async #move(
    number: number,
    from: AttemptState,
    to: AttemptState,
    patch?: { readonly inclusion?: Inclusion; readonly broadcastAtMs?: number },
  ): Promise<void> {
    const { store, lease } = this.deps;
    if (!(await store.moveAttempt(lease, { intentId: this.intent.id, number }, from, to, patch)))
      throw new AnchorStateMoved(`Attempt ${number} of intent ${this.intent.id}`, from, to);
    this.#moved.set(number, to);
  }
}

/** What a plugin promised and did not keep is caught before anything is signed or stored. */
function breachOf(
  wanted: Pick<SignedAttempt, 'conflictKey' | 'fee'>,
  action: Extract<AnchorAction, { kind: 'attempt' }>,
  budget: bigint | undefined,
): AnchorError | undefined {
  const { conflictKey, fee } = wanted;
  if (action.conflictKey !== undefined && conflictKey !== action.conflictKey)
    return new AnchorError(
      'conflict',
      `the anchor chose conflict key ${conflictKey} while an attempt on ${action.conflictKey} can still win`,
    );
  if (budget !== undefined && fee.amount > budget)
    return new AnchorError(
      'capped',
      `a fee of ${fee.amount} ${fee.unit} exceeds the cap of ${budget}`,
    );
  if (action.above !== undefined && fee.amount <= action.above)
    return new AnchorError(
      'underpriced',
      `a replacement at ${fee.amount} ${fee.unit} does not pay more than ${action.above}`,
    );
  return undefined;
}
