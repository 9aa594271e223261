import type { Attempt, AttemptState, Clock, SignedAttempt } from '../spi/index.js';
import { AnchorStateMoved } from './anchor-instance.js';
import type {
  AnchorStore,
  AttemptPatch,
  IntentState,
  Lease,
  StoredIntent,
} from './anchor.store.js';

/** What an intent is to become at the end of a step. */
export interface Outcome {
  readonly state: IntentState;
  readonly reason: string;
  readonly retryAtMs: number;
}

/** Guarded writes of one intent within one pass, and what they have made of the intent that was read at its start. */
export class IntentMoves {
  readonly #moved = new Map<number, AttemptState>();
  readonly #added: Attempt[] = [];
  #state: IntentState;

  constructor(
    private readonly store: AnchorStore,
    private readonly lease: Lease,
    private readonly clock: Clock,
    private readonly intent: StoredIntent,
  ) {
    this.#state = intent.state;
  }

  get state(): IntentState {
    return this.#state;
  }

  /** The attempts as they stand now. */
  get attempts(): readonly Attempt[] {
    return [...this.intent.attempts, ...this.#added].map((attempt) => ({
      ...attempt,
      state: this.stateOf(attempt),
    }));
  }

  stateOf({ number, state }: Attempt): AttemptState {
    return this.#moved.get(number) ?? state;
  }

  async addAttempt(
    signed: SignedAttempt,
    state: 'signed' | 'broadcast',
    childOf?: string,
  ): Promise<Attempt> {
    const nowMs = this.clock.nowMs();
    const attempt: Attempt = {
      ...signed,
      intentId: this.intent.id,
      number: this.intent.attempts.length + this.#added.length,
      state,
      createdAtMs: nowMs,
      ...(childOf === undefined ? {} : { childOf }),
      ...(state === 'broadcast' ? { broadcastAtMs: nowMs } : {}),
    };
    await this.store.putAttempt(this.lease, attempt);
    this.#added.push(attempt);
    return attempt;
  }

  async moveAttempt(
    number: number,
    from: AttemptState,
    to: AttemptState,
    patch?: AttemptPatch,
  ): Promise<void> {
    const key = { intentId: this.intent.id, number };
    if (!(await this.store.moveAttempt(this.lease, key, from, to, patch)))
      throw new AnchorStateMoved(`Attempt ${number} of intent ${this.intent.id}`, from, to);
    this.#moved.set(number, to);
  }

  async become({ state, reason, retryAtMs }: Outcome): Promise<void> {
    const patch = { reason, retryAtMs, bumps: this.#bumps };
    if (!(await this.store.moveIntent(this.lease, this.intent.id, this.#state, state, patch)))
      throw new AnchorStateMoved(`Intent ${this.intent.id}`, this.#state, state);
    this.#state = state;
  }

  /** Ends the step. True when anything was stored in it. */
  async settle(outcome: Outcome): Promise<boolean> {
    const { intent } = this;
    const same =
      outcome.state === this.#state &&
      outcome.reason === (intent.reason ?? '') &&
      outcome.retryAtMs === (intent.retryAtMs ?? 0) &&
      this.#bumps === intent.bumps;
    if (same) return this.#moved.size > 0;
    await this.become(outcome);
    return true;
  }

  get #bumps(): number {
    return Math.max(0, this.intent.attempts.length + this.#added.length - 1);
  }
}
