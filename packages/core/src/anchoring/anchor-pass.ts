import type { Anchor, AnchorQuote, Clock, Logger } from '../spi/index.js';
import { type AnchorInstance, AnchorStateMoved } from './anchor-instance.js';
import type { AnchorStore, Lease, LeaseStore, StoredIntent } from './anchor.store.js';
import { CallOverdue } from './answer-in-time.js';
import { aroundCalls } from './around-calls.js';
import type { AttemptObserver, Observed } from './attempt-observer.js';
import type { FoldInput } from './fold.js';
import { IntentPass } from './intent-pass.js';
import { covers, firstOnSameKey } from './intent-rivals.js';
import { askLedger } from './ledger-call.js';

export interface AnchorPassDependencies {
  readonly store: AnchorStore;
  readonly leases: LeaseStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lease: Lease;
  readonly instance: AnchorInstance;
  readonly observer: AttemptObserver;
  readonly signal: AbortSignal;
  /** Told what the ledger asks and what is left. */
  readonly onQuote: (quote: AnchorQuote) => void;
}

/** Looks at intents of one anchor once, under its lease: all are observed, then each is moved by one step. */
export class AnchorPass {
  /** Calls of the steps that were not answered in time. */
  #overdue = 0;
  #renewedAtMs: number;
  readonly #instance: AnchorInstance;

  constructor(private readonly deps: AnchorPassDependencies) {
    this.#renewedAtMs = deps.clock.nowMs();
    this.#instance = { ...deps.instance, anchor: this.#guarded(deps.instance.anchor) };
  }

  async run(
    intents: readonly StoredIntent[],
  ): Promise<{ readonly open: number; readonly progressed: number }> {
    const { store, clock, lease, signal } = this.deps;
    const observed = await this.#observe(intents);
    this.#overdue = 0;
    let progressed = 0;
    let held = true;
    const looked: string[] = [];
    for (const intent of inTurn(intents, clock.nowMs())) {
      // A ledger that lets one intent wait would let them all: who comes behind is first in the next pass.
      if (signal.aborted || this.#overdue > 0) break;
      held = await this.#renew();
      if (!held) break;
      if (intent.state !== 'final') looked.push(intent.id);
      if (await this.#step(intent, intents, observed)) progressed += 1;
    }
    if (held && looked.length > 0 && intents.length >= this.#instance.policy.batchSize)
      await store.touch(lease, looked);
    return { open: intents.length, progressed };
  }

  async #step(
    intent: StoredIntent,
    intents: readonly StoredIntent[],
    { shown, failed }: Observed,
  ): Promise<boolean> {
    const { store, lease, logger } = this.deps;
    const pass = new IntentPass({ ...this.deps, instance: this.#instance }, intent);
    const observations = shown.get(intent.id);
    if (!observations) {
      const error = failed.get(intent.id);
      // What is final stays so, and its check is still due.
      if (error && intent.state !== 'final') await pass.unobserved(error);
      return false;
    }
    const yieldsTo = firstOnSameKey(intent, intents, shown);
    const around = await this.#coverOf(intent, intents);
    try {
      const moved = await pass.run(observations, { ...around, ...(yieldsTo ? { yieldsTo } : {}) });
      if (intent.state === 'final') await store.moveIntent(lease, intent.id, 'final', 'final', {});
      return moved;
    } catch (error) {
      if (!(error instanceof AnchorStateMoved)) throw error;
      logger.warn('An intent moved under its driver.', {
        intent: intent.id,
        detail: error.message,
      });
      return false;
    }
  }

  /** Among the intents of this pass and, because it may not see all, among what stands on the ledger. */
  async #coverOf(
    intent: StoredIntent,
    intents: readonly StoredIntent[],
  ): Promise<Pick<FoldInput, 'coveredByFinal' | 'coveredByWaiting'>> {
    const { store } = this.deps;
    const { anchor, commitment } = intent;
    const standing = [await store.covering(anchor, commitment.size), await store.latest(anchor)];
    const later = standing.filter((other) => other !== undefined && covers(other, intent));
    return {
      coveredByFinal: later.some((other) => other?.state === 'final'),
      coveredByWaiting:
        later.some((other) => other?.state === 'included') ||
        intents.some(
          (other) =>
            covers(other, intent) && (this.#instance.policy.coalesce || other.state === 'included'),
        ),
    };
  }

  /** The answers are checked, because every later step rests on them. */
  #observe(intents: readonly StoredIntent[]): Promise<Observed> {
    const { observer, clock, logger, signal } = this.deps;
    return observer.observe(intents, clock.nowMs(), (attempts) =>
      askLedger(logger, 'observe', async () => {
        const observations = await this.#instance.anchor.observe(attempts, signal);
        const matches =
          observations.length === attempts.length &&
          observations.every(({ txId }, index) => txId === attempts[index]?.txId);
        if (!matches) throw new Error('observations do not match the attempts asked for, in order');
        return observations;
      }),
    );
  }

  /** The same anchor; the lease outlasts each of its calls, and those without an answer are counted. */
  #guarded(anchor: Anchor): Anchor {
    const { clock, instance } = this.deps;
    return aroundCalls(anchor, async (_call, signal, ask) => {
      // Whoever has lost it is refused by the next write, which also says what is wrong with the store.
      if (clock.nowMs() - this.#renewedAtMs > instance.policy.leaseMs / 3)
        await this.#renew().catch(() => false);
      try {
        return await ask(signal);
      } catch (error) {
        if (error instanceof CallOverdue) this.#overdue += 1;
        throw error;
      }
    });
  }

  #renew(): Promise<boolean> {
    const { leases, lease, clock, instance } = this.deps;
    this.#renewedAtMs = clock.nowMs();
    return leases.renew(lease, instance.policy.leaseMs);
  }
}

/** Who waits after a failure comes behind the others, so that a call without an answer holds each of them up once. */
function inTurn(intents: readonly StoredIntent[], nowMs: number): readonly StoredIntent[] {
  const held = ({ retryAtMs }: StoredIntent): boolean => (retryAtMs ?? 0) > nowMs;
  return [...intents.filter((one) => !held(one)), ...intents.filter(held)];
}
