import type { AnchorQuote, Clock, Commitment, Health, Logger } from '../spi/index.js';
import {
  type AnchorInstance,
  AnchorStateMoved,
  CheckpointConflict,
  UnknownAnchor,
} from './anchor-instance.js';
import { anchorHealth } from './anchor-health.js';
import { CallOverdue } from './answer-in-time.js';
import { aroundCalls } from './around-calls.js';
import { AttemptObserver, type Observed } from './attempt-observer.js';
import { equal } from '../verify/bytes.js';
import type { AnchorStore, Lease, LeaseStore, StoredIntent } from './anchor.store.js';
import { anchorIntentId } from './intent-id.js';
import { covers, firstOnSameKey } from './intent-rivals.js';
import { IntentPass } from './intent-pass.js';
import { askLedger } from './ledger-call.js';

export interface AnchoringEngineOptions {
  readonly store: AnchorStore;
  readonly leases: LeaseStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** By instance id, in configuration order. */
  readonly anchors: ReadonlyMap<string, AnchorInstance>;
  /** Names this process in leases; no two running processes share it. */
  readonly holder: string;
}

/** What one pass came to. */
export interface DriveReport {
  /** False when another pass over this anchor is under way, here or in another process. */
  readonly driven: boolean;
  /** Intents looked at. */
  readonly open: number;
  /** Intents of which something was stored or sent; when it is not 0 another pass may find more to do. */
  readonly progressed: number;
}

/**
 * Publishes commitments: each open intent is observed, folded and moved by one step per pass, under a lease
 * per anchor. No progress is kept in memory, so a process may stop anywhere. The store
 * announces `anchor.included`, `anchor.final` and `anchor.reorged` in the transaction that moves the state.
 */
export class AnchoringEngine {
  /** Anchors with a pass under way in this process: a lease tells processes apart, not two callers of one. */
  readonly #driving = new Set<string>();

  /** What each ledger quoted last: shown to people, and nothing is decided by it. */
  readonly #funds = new Map<string, AnchorQuote>();

  readonly #observers = new Map<string, AttemptObserver>();

  constructor(private readonly options: AnchoringEngineOptions) {}

  /**
   * Wishes the commitment published on every anchor. Idempotent; call it after the checkpoint's row is committed.
   * Throws `CheckpointConflict` when another root of the same size was wished before: no ledger may see both.
   */
  async enqueue(commitment: Commitment): Promise<void> {
    for (const other of await this.options.store.bySize(commitment.size))
      if (
        other.commitment.origin === commitment.origin &&
        !equal(other.commitment.digest, commitment.digest)
      )
        throw new CheckpointConflict(commitment, other.commitment);
    const createdAtMs = this.options.clock.nowMs();
    for (const anchor of this.options.anchors.keys())
      await this.options.store.putIntent({
        id: anchorIntentId(anchor, commitment.digest),
        anchor,
        commitment,
        createdAtMs,
      });
  }

  /** One pass over the open intents of one anchor. Throws what the store throws; the ledger's failures become states. */
  async drive(anchorId: string, signal: AbortSignal): Promise<DriveReport> {
    return this.#underLease(anchorId, signal, async (lease, instance) => {
      const open = await this.options.store.due(anchorId, instance.policy.batchSize);
      return this.#pass(lease, instance, open, signal);
    });
  }

  /** Drives without waiting for the next try that failures have put off; what failed for good gets another chance. */
  async retry(anchorId: string, signal: AbortSignal): Promise<DriveReport> {
    return this.#underLease(anchorId, signal, (lease, instance) =>
      this.#again(lease, instance, anchorId, signal),
    );
  }

  /** As `retry`, and what could be made dearer is, although its time has not come. Every cap holds. */
  async bump(anchorId: string, signal: AbortSignal): Promise<DriveReport> {
    return this.#underLease(anchorId, signal, (lease, instance) => {
      const policy = { ...instance.policy, bumpEveryMs: 0 };
      return this.#again(lease, { ...instance, policy }, anchorId, signal);
    });
  }

  /** Looks again at final intents: a reorganisation deeper than the policy's depth reopens them. */
  async recheckFinals(anchorId: string, limit: number, signal: AbortSignal): Promise<DriveReport> {
    return this.#underLease(anchorId, signal, async (lease, instance) => {
      const finals = await this.options.store.finals(anchorId, limit);
      return this.#pass(lease, instance, finals, signal);
    });
  }

  /** Of the ledger and of what waits for it here: stalled, capped, a balance that runs low. */
  async health(anchorId: string, signal: AbortSignal): Promise<Health> {
    const { store, logger } = this.options;
    const funds = this.#funds.get(anchorId);
    return anchorHealth(anchorId, this.#instance(anchorId), store, funds, logger, signal);
  }

  #instance(anchorId: string): AnchorInstance {
    const { anchors } = this.options;
    const instance = anchors.get(anchorId);
    if (!instance) throw new UnknownAnchor(anchorId, anchors.keys());
    return instance;
  }

  async #underLease(
    anchorId: string,
    signal: AbortSignal,
    work: (lease: Lease, instance: AnchorInstance) => Promise<Omit<DriveReport, 'driven'>>,
  ): Promise<DriveReport> {
    const { leases, holder } = this.options;
    const instance = this.#instance(anchorId);
    const idle = { driven: false, open: 0, progressed: 0 };
    if (signal.aborted || this.#driving.has(anchorId)) return idle;
    this.#driving.add(anchorId);
    try {
      const lease = await leases.acquire(`anchor/${anchorId}`, holder, instance.policy.leaseMs);
      if (!lease) return idle;
      try {
        return { driven: true, ...(await work(lease, instance)) };
      } finally {
        await leases.release(lease);
      }
    } finally {
      this.#driving.delete(anchorId);
    }
  }

  async #again(
    lease: Lease,
    instance: AnchorInstance,
    anchorId: string,
    signal: AbortSignal,
  ): Promise<Omit<DriveReport, 'driven'>> {
    const { store } = this.options;
    const { batchSize } = instance.policy;
    for (const { id } of await store.failed(anchorId, batchSize))
      await store.moveIntent(lease, id, 'failed', 'queued', { reason: '', retryAtMs: 0 });
    const again: StoredIntent[] = [];
    for (const { retryAtMs, ...intent } of await store.due(anchorId, batchSize)) {
      if (retryAtMs !== undefined)
        await store.moveIntent(lease, intent.id, intent.state, intent.state, { retryAtMs: 0 });
      again.push(intent);
    }
    return this.#pass(lease, instance, again, signal);
  }

  async #pass(
    lease: Lease,
    given: AnchorInstance,
    intents: readonly StoredIntent[],
    signal: AbortSignal,
  ): Promise<Omit<DriveReport, 'driven'>> {
    const { store, leases, clock, logger } = this.options;
    const { leaseMs } = given.policy;
    let overdue = 0;
    let renewedAtMs = clock.nowMs();
    const renew = async (): Promise<boolean> => {
      renewedAtMs = clock.nowMs();
      return leases.renew(lease, leaseMs);
    };
    const anchor = aroundCalls(given.anchor, async (_call, abort, ask) => {
      // Whoever has lost it is refused by the next write.
      if (clock.nowMs() - renewedAtMs > leaseMs / 3) await renew();
      try {
        return await ask(abort);
      } catch (error) {
        if (error instanceof CallOverdue) overdue += 1;
        throw error;
      }
    });
    const instance = { ...given, anchor };
    const observed = await this.#observe(instance, intents, signal);
    overdue = 0;
    let progressed = 0;
    let held = true;
    const looked: string[] = [];
    for (const intent of inTurn(intents, clock.nowMs())) {
      // A ledger that lets one intent wait would let them all: who comes behind is first in the next pass.
      if (signal.aborted || overdue > 0) break;
      held = await renew();
      if (!held) break;
      if (intent.state !== 'final') looked.push(intent.id);
      const pass = new IntentPass(
        {
          store,
          clock,
          logger,
          instance,
          lease,
          signal,
          onQuote: (quote) => this.#funds.set(intent.anchor, quote),
        },
        intent,
      );
      const observations = observed.shown.get(intent.id);
      if (!observations) {
        const error = observed.failed.get(intent.id);
        // What is final stays so, and its check is still due.
        if (error && intent.state !== 'final') await pass.unobserved(error);
        continue;
      }
      const yieldsTo = firstOnSameKey(intent, intents, observed.shown);
      const coveredByFinal = await this.#coveredByFinal(intent);
      const coveredByWaiting = intents.some(
        (other) =>
          covers(other, intent) && (instance.policy.coalesce || other.state === 'included'),
      );
      try {
        if (
          await pass.run(observations, {
            coveredByFinal,
            coveredByWaiting,
            ...(yieldsTo ? { yieldsTo } : {}),
          })
        )
          progressed += 1;
        if (intent.state === 'final')
          await store.moveIntent(lease, intent.id, 'final', 'final', {});
      } catch (error) {
        if (!(error instanceof AnchorStateMoved)) throw error;
        logger.warn('An intent moved under its driver.', {
          intent: intent.id,
          detail: error.message,
        });
      }
    }
    if (held && looked.length > 0 && intents.length >= given.policy.batchSize)
      await store.touch(lease, looked);
    return { open: intents.length, progressed };
  }

  /** The answers are checked, because every later step rests on them. */
  #observe(
    { anchor }: AnchorInstance,
    intents: readonly StoredIntent[],
    signal: AbortSignal,
  ): Promise<Observed> {
    const id = intents[0]?.anchor ?? '';
    const observer = this.#observers.get(id) ?? new AttemptObserver();
    this.#observers.set(id, observer);
    return observer.observe(intents, this.options.clock.nowMs(), (attempts) =>
      askLedger(this.options.logger, 'observe', async () => {
        const observations = await anchor.observe(attempts, signal);
        const matches =
          observations.length === attempts.length &&
          observations.every(({ txId }, index) => txId === attempts[index]?.txId);
        if (!matches) throw new Error('observations do not match the attempts asked for, in order');
        return observations;
      }),
    );
  }

  async #coveredByFinal(intent: StoredIntent): Promise<boolean> {
    const { store } = this.options;
    const later = (other: StoredIntent | undefined): boolean =>
      other?.state === 'final' && covers(other, intent);
    const { size } = intent.commitment;
    return (
      later(await store.covering(intent.anchor, size)) || later(await store.latest(intent.anchor))
    );
  }
}

/** Who waits after a failure comes behind the others, so that a call without an answer holds each of them up once. */
function inTurn(intents: readonly StoredIntent[], nowMs: number): readonly StoredIntent[] {
  const held = ({ retryAtMs }: StoredIntent): boolean => (retryAtMs ?? 0) > nowMs;
  return [...intents.filter((one) => !held(one)), ...intents.filter(held)];
}
