import type { AnchorQuote, Clock, Commitment, Health, Logger } from '../spi/index.js';
import { type AnchorInstance, CheckpointConflict, UnknownAnchor } from './anchor-instance.js';
import { anchorHealth } from './anchor-health.js';
import { AnchorPass } from './anchor-pass.js';
import { AttemptObserver } from './attempt-observer.js';
import { equal } from '../verify/bytes.js';
import type { AnchorStore, Lease, LeaseStore, StoredIntent } from './anchor.store.js';
import { anchorIntentId } from './intent-id.js';

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

  /** What was hard to observe last, by anchor: it only decides who is asked about when. */
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
      return this.#pass(lease, instance, anchorId, open, signal);
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
      return this.#pass(lease, instance, anchorId, finals, signal);
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
    return this.#pass(lease, instance, anchorId, again, signal);
  }

  #pass(
    lease: Lease,
    instance: AnchorInstance,
    anchorId: string,
    intents: readonly StoredIntent[],
    signal: AbortSignal,
  ): Promise<Omit<DriveReport, 'driven'>> {
    const observer = this.#observers.get(anchorId) ?? new AttemptObserver();
    this.#observers.set(anchorId, observer);
    const onQuote = (quote: AnchorQuote): void => void this.#funds.set(anchorId, quote);
    return new AnchorPass({ ...this.options, lease, instance, observer, signal, onQuote }).run(
      intents,
    );
  }
}
