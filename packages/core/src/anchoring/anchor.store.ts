import type { AnchorIntent, Attempt, AttemptState, Evidence } from '../spi/index.js';

export const INTENT_STATES = [
  'queued',
  'prepared',
  'signed',
  'broadcast',
  'seen',
  'included',
  'final',
  'stalled',
  'capped',
  'expired',
  'reorged',
  'superseded',
  'failed',
] as const;
export type IntentState = (typeof INTENT_STATES)[number];

export const ATTEMPT_STATES = [
  'signed',
  'broadcast',
  'seen',
  'included',
  'final',
  'expired',
  'reorged',
  'replaced',
  'failed',
] as const satisfies readonly AttemptState[];

export interface StoredIntent extends AnchorIntent {
  readonly state: IntentState;
  readonly attempts: readonly Attempt[];
  /** Why it waits, for a person. */
  readonly reason?: string;
  readonly retryAtMs?: number;
  readonly bumps: number;
  readonly evidence?: Evidence;
}

/** One anchor in numbers; states that nothing is in may be missing. */
export interface AnchorTotals {
  readonly intents: ReadonlyMap<IntentState, number>;
  readonly attempts: ReadonlyMap<AttemptState, number>;
  /** What the attempts that are included or final have cost, by unit. */
  readonly feesSpent: ReadonlyMap<string, bigint>;
  /** Largest size of a commitment that is included or final. */
  readonly includedSize?: bigint;
  /** Largest size of a final commitment. */
  readonly finalSize?: bigint;
  /** When the oldest intent was made that is still driven. */
  readonly oldestOpenAtMs?: number;
}

/** What one anchor has paid for what was signed on one day. */
export interface AnchorCost {
  /** Start of the day, UTC. */
  readonly dayMs: number;
  readonly unit: string;
  readonly amount: bigint;
  readonly transactions: number;
}

/** Evidence for the batch log at `size`. */
export interface CoveringEvidence {
  readonly size: bigint;
  readonly evidence: Evidence;
}

/** Proof of exclusive right to drive one anchor: every guarded write carries it. */
export interface Lease {
  readonly name: string;
  readonly holder: string;
  /** Grows with every change of holder; a write with an older one is refused with `lease_lost`. */
  readonly fence: bigint;
}

/** Leases come from the store's own clock. */
export interface LeaseStore {
  /**
   * The lease when nobody else holds it now. The holder itself gets the same lease again, with a new term; after an
   * expiry or a release the fence grows, whoever acquires.
   */
  acquire(name: string, holder: string, ttlMs: number): Promise<Lease | undefined>;
  renew(lease: Lease, ttlMs: number): Promise<boolean>;
  release(lease: Lease): Promise<void>;
}

export type AttemptKey = Pick<Attempt, 'intentId' | 'number'>;
export type AttemptPatch = Partial<Pick<Attempt, 'inclusion' | 'broadcastAtMs'>>;
export type IntentPatch = Partial<Pick<StoredIntent, 'reason' | 'retryAtMs' | 'bumps'>>;

/** Port of the anchoring feature. Attempts and evidence are append-only; state is stored beside them. */
export interface AnchorStore {
  /** Idempotent by id: the first one stays. */
  putIntent(intent: AnchorIntent): Promise<void>;
  /** Intents of one anchor that are not terminal and not final, oldest first. */
  open(anchor: string, limit: number): Promise<readonly StoredIntent[]>;
  /**
   * Open intents for one pass, oldest first: all of them when there are no more than `limit`. Else the newest, and
   * `limit` of those touched longest ago (put, written or `touch`ed), half of them such as are no longer queued; and
   * whoever holds a conflict key together with one of these, up to `limit` more.
   */
  due(anchor: string, limit: number): Promise<readonly StoredIntent[]>;
  /** Final intents to be re-checked for deep reorganisations; a move `final` to `final` is a check, oldest check first. */
  finals(anchor: string, limit: number): Promise<readonly StoredIntent[]>;
  /** Intents that failed for good, oldest first. */
  failed(anchor: string, limit: number): Promise<readonly StoredIntent[]>;
  intent(id: string): Promise<StoredIntent | undefined>;
  /** Intents whose commitment has this batch-log size, every anchor. */
  bySize(size: bigint): Promise<readonly StoredIntent[]>;
  /** Smallest included or final commitment of the anchor that covers at least `size`. */
  covering(anchor: string, size: bigint): Promise<StoredIntent | undefined>;
  /** What a proof shows of that commitment: its newest evidence; undefined while there is none. */
  evidence(anchor: string, size: bigint): Promise<CoveringEvidence | undefined>;
  /** Largest included or final commitment of the anchor. */
  latest(anchor: string): Promise<StoredIntent | undefined>;
  /** Attempts of the anchor created at or after `sinceMs`, any order: the daily fee cap is folded from them. */
  attemptsSince(anchor: string, sinceMs: number): Promise<readonly Attempt[]>;
  totals(anchor: string): Promise<AnchorTotals>;
  /** Fees of the included and final attempts created at or after `sinceMs`, by day of creation and unit, newest day first. */
  costs(anchor: string, sinceMs: number): Promise<readonly AnchorCost[]>;
  /**
   * MUST be durable before anything is broadcast. Throws `LeaseLost` under a stale lease, `AttemptTaken` when another
   * transaction has this number; the same attempt again changes nothing.
   */
  putAttempt(lease: Lease, attempt: Attempt): Promise<void>;
  /** Compare-and-set on the attempt's state; false when it was not `from`. `from` may equal `to`; what the patch leaves out stays. */
  moveAttempt(
    lease: Lease,
    key: AttemptKey,
    from: AttemptState,
    to: AttemptState,
    patch?: AttemptPatch,
  ): Promise<boolean>;
  /** As `moveAttempt`. An empty `reason` and a `retryAtMs` of 0 clear them. Moving from `final` to `final` records a check. */
  moveIntent(
    lease: Lease,
    id: string,
    from: IntentState,
    to: IntentState,
    patch?: IntentPatch,
  ): Promise<boolean>;
  /** Puts intents that a pass has looked at behind the others of `due`; nothing else of them changes. */
  touch(lease: Lease, ids: readonly string[]): Promise<void>;
  /** Evidence only grows: appended, the newest is current. */
  putEvidence(lease: Lease, intentId: string, evidence: Evidence): Promise<void>;
}

/** Attempts are append-only: this number of this intent already belongs to other bytes. */
export class AttemptTaken extends Error {
  override readonly name = 'AttemptTaken';
  readonly code = 'attempt_taken';

  constructor(
    readonly intentId: string,
    readonly number: number,
  ) {
    super(
      `attempt ${number} of intent ${intentId} is already stored with another transaction. Read the intent again; never broadcast what was not stored.`,
    );
  }
}

/** A guarded write names an intent that was never put. */
export class IntentUnknown extends Error {
  override readonly name = 'IntentUnknown';
  readonly code = 'intent_unknown';

  constructor(readonly intentId: string) {
    super(`no intent has the id ${intentId}. Put the intent before its attempts.`);
  }
}
