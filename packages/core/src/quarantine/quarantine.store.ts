import type { RowOutcome } from '../ingestion/ingest.store.js';
import type { Journaled } from '../logs/journal.js';
import type { Assurance, StoredVerdict } from '../logs/verdict.js';

/** `accepted`: the same bytes came again, and this time the rules had nothing against them. */
export const QUARANTINE_STATES = ['open', 'released', 'rejected', 'accepted'] as const;
export type QuarantineState = (typeof QUARANTINE_STATES)[number];

/** A reading that was held, and what became of it. */
export interface QuarantineItem {
  readonly entryId: string;
  readonly accountId: string;
  readonly meterId: string;
  /** The code it was held for. */
  readonly reason: string;
  readonly state: QuarantineState;
  readonly heldAtMs: number;
  /** Entries it stands against: the first of an equivocation, other owners' readings. */
  readonly others: readonly string[];
  /** Present when somebody decided. */
  readonly decision?: { readonly by: string; readonly atMs: number; readonly reason: string };
}

export interface Review {
  readonly state: 'released' | 'rejected';
  /** Principal. */
  readonly by: string;
  readonly atMs: number;
  readonly reason: string;
  readonly ruleSet: string;
  /** Less assured readings count, and still occupy no interval. */
  readonly minAssurance: Assurance;
}

export type ReviewOutcome =
  /** `existing`: somebody had decided the same before. */
  | { readonly kind: 'decided'; readonly item: QuarantineItem; readonly existing: boolean }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'erased' }
  /** It was decided otherwise. */
  | { readonly kind: 'conflict'; readonly item: QuarantineItem }
  /** It would count for an account that never had the meter: somebody else has registered it since. */
  | { readonly kind: 'not_owned' }
  /** Somebody else's reading has its place. */
  | Extract<RowOutcome, { kind: 'refused' }>;

/** Port of the review of held readings. */
export interface QuarantineStore {
  get(entryId: string): Promise<QuarantineItem | undefined>;
  /** In the order they were held. */
  list(query: {
    readonly state?: QuarantineState;
    readonly reason?: string;
    readonly meterId?: string;
    readonly accountId?: string;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly QuarantineItem[]; readonly cursor?: string }>;
  /**
   * Decides about an open item, once. A released reading is `accepted` with reason `released` and takes its interval and
   * what it supersedes, or nothing changes; a rejected one stays quarantined with reason `review_rejected`, whatever comes
   * again. Both get a new verdict and receipt and are events. One transaction with what the log says.
   */
  review(
    entryId: string,
    review: Review,
    say: (item: QuarantineItem) => Journaled,
  ): Promise<ReviewOutcome>;
}

/** Reason of a reading that counts because somebody said so. */
export const RELEASED = 'released';
/** Reason of a reading that never counts because somebody said so. */
export const REVIEW_REJECTED = 'review_rejected';

/** The verdict that a review gives. */
export function reviewedVerdict({ state }: Pick<Review, 'state'>): {
  readonly verdict: StoredVerdict;
  readonly reason: string;
} {
  return state === 'released'
    ? { verdict: 'accepted', reason: RELEASED }
    : { verdict: 'quarantined', reason: REVIEW_REJECTED };
}
