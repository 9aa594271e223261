import type { Journaled } from '../logs/journal.js';
import type { Assurance } from '../logs/verdict.js';
import type { EnergyClass, Purpose } from './energy-class.js';

/** Names one account: what one register of a meter measured in the interval that starts then, in one class. */
export interface AccountKey {
  readonly meterId: string;
  readonly register: string;
  readonly class: EnergyClass;
  readonly startsMs: number;
}

/** Amounts in µWh. `claimedUWh ≤ creditedUWh + shortfallUWh`, always; a shortfall only comes from a correction. */
export interface EnergyAccount extends AccountKey {
  readonly endsMs: number;
  /** Whose energy it is. */
  readonly accountId: string;
  /** The reading it was credited by, and what stood behind it. */
  readonly entryId: string;
  readonly assurance: Assurance;
  readonly creditedUWh: bigint;
  readonly claimedUWh: bigint;
  readonly shortfallUWh: bigint;
  /** While its meter is suspended nothing can be claimed. */
  readonly frozen: boolean;
}

export interface ClaimLine {
  readonly meterId: string;
  readonly register: string;
  readonly startsMs: number;
  /** More than 0. */
  readonly energyUWh: bigint;
}

/** One use of energy: all its lines or none. */
export interface ClaimRequest {
  readonly purpose: Purpose;
  /** Idempotency key within the purpose: the trade, the mint, the certificate. */
  readonly key: string;
  /** Only this owner's energy; absent: anybody's, for operators. */
  readonly accountId?: string;
  readonly lines: readonly ClaimLine[];
  /** Least assurance of every line, when the use asks for more than the ledger does. */
  readonly minAssurance?: Assurance;
}

/** What is in the way of a claim, interval by interval. */
export interface RefusedLine extends AccountKey {
  readonly code: RefusalCode;
  readonly wantedUWh: bigint;
  /** Absent when nothing was ever credited there. */
  readonly creditedUWh?: bigint;
  readonly claimedUWh?: bigint;
  readonly shortfallUWh?: bigint;
}

export const REFUSAL_CODES = [
  'not_credited',
  'not_owner',
  'frozen',
  'assurance_too_low',
  'shortfall',
  'insufficient',
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

export type ClaimOutcome =
  /** `existing`: an earlier request with the same key and content had done it. */
  | { readonly kind: 'claimed'; readonly entryId: string; readonly existing: boolean }
  /** The key was used for something else. */
  | { readonly kind: 'key_conflict'; readonly entryId: string }
  | { readonly kind: 'refused'; readonly lines: readonly RefusedLine[] };

/** What was claimed, as its log entry states it. */
export interface AcceptedClaim {
  readonly purpose: Purpose;
  readonly key: string;
  /** Whose energy it was. */
  readonly accountId: string;
  readonly lines: readonly (AccountKey & { readonly endsMs: number; readonly energyUWh: bigint })[];
}

/** Says the claims in the log, one entry each, in order; `shortfalls`: accounts that lack more than before, for subscribers. */
export type SayClaims = (
  claims: readonly AcceptedClaim[],
  shortfalls?: readonly EnergyAccount[],
) => Journaled;

/** Energy not yet measured that somebody has promised to deliver. */
export interface HoldRequest {
  readonly key: string;
  readonly meterId: string;
  readonly class: EnergyClass;
  /** Delivery interval. */
  readonly startsMs: number;
  readonly endsMs: number;
  readonly energyUWh: bigint;
  /** Only on this owner's meter; absent: anybody's, for operators. */
  readonly accountId?: string;
}

export type HoldOutcome =
  | { readonly kind: 'held'; readonly existing: boolean }
  | {
      readonly kind: 'refused';
      readonly code:
        | 'key_conflict'
        | 'meter_unknown'
        | 'not_owner'
        | 'frozen'
        | 'rating_unknown'
        | 'already_measured'
        | 'insufficient';
      readonly detail: string;
    };

export interface StoredHold extends HoldRequest {
  readonly state: 'open' | 'closed';
  /** What measured energy has covered of it. */
  readonly claimedUWh: bigint;
}

/** A reading that was committed, and what it credits. */
export interface CreditedEntry {
  readonly entryId: string;
  /** Hash (hex) of the entry it replaced. */
  readonly supersedes?: string;
}

/** What a register credits; empty: nothing. */
export type ClassesOf = (meterId: string, register: string) => readonly EnergyClass[];

export interface EnergyTotals {
  readonly class: EnergyClass;
  readonly intervals: number;
  readonly creditedUWh: bigint;
  readonly claimedUWh: bigint;
  readonly shortfallUWh: bigint;
}

/** An account with what its energy was used for. */
export interface AccountStatement extends EnergyAccount {
  readonly claims: readonly {
    readonly purpose: Purpose;
    readonly key: string;
    readonly energyUWh: bigint;
    readonly entryId: string;
  }[];
}

/** Port of the energy ledger. Every change is one transaction together with what the log says of it. */
export interface EnergyStore {
  /**
   * Brings the accounts of these readings to what they say now: a reading that counts credits its interval, one that was
   * replaced or never counted credits nothing. Open holds on the interval become claims first, in the order they were made.
   * Doing it again changes nothing, in whatever order.
   */
  credit(entries: readonly CreditedEntry[], classesOf: ClassesOf, say: SayClaims): Promise<void>;
  /** Each request is answered as if those before it had been committed. */
  claim(
    requests: readonly ClaimRequest[],
    minAssurance: Assurance,
    say: SayClaims,
  ): Promise<readonly ClaimOutcome[]>;
  /**
   * Promises energy of a meter: with all promises that lie within any stretch of time, at most its rated power × that time ×
   * `share`. Refused for time that is measured already.
   */
  hold(request: HoldRequest, share: number): Promise<HoldOutcome>;
  /**
   * Ends a hold. A settled trade takes what is still free within the delivery interval, a cancelled order (`release`) only
   * lets go. What it was and what was delivered; undefined when unknown; ending it again gives the same answer.
   */
  closeHold(
    key: string,
    how: 'settle' | 'release',
    say: SayClaims,
  ): Promise<StoredHold | undefined>;
  /** By start, register and class; `fromMs` inclusive, `toMs` exclusive. */
  statements(query: {
    readonly meterId: string;
    /** Only energy of this account: of other owners of the meter neither items nor cursors tell. */
    readonly accountId?: string;
    readonly fromMs?: number;
    readonly toMs?: number;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly AccountStatement[]; readonly cursor?: string }>;
  openHolds(meterId: string): Promise<readonly StoredHold[]>;
  totals(query: {
    readonly accountId?: string;
    readonly meterId?: string;
  }): Promise<readonly EnergyTotals[]>;
}
