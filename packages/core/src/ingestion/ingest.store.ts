import type { SayEquivocations } from './equivocation.js';
import type { Assurance, StoredVerdict } from '../logs/verdict.js';
import type { BundleSignature } from '../verify/bundle.js';
import type { BatchProfile } from '../verify/contracts.js';
import type { MeasuredEnergy } from '../verify/formats/format.js';

/** Signature material kept beside an entry, as its proof carries it. */
export type EntrySignature = BundleSignature;

/** One entry that passed every pure step and now asks the database. */
export interface IngestRow {
  /** Random, 32 hex digits after `log_`; says nothing about order. */
  readonly id: string;
  readonly accountId: string;
  readonly source: 'external' | 'system';
  /** `reading`, `log-key`, `audit`, … */
  readonly type: string;
  readonly format: string;
  readonly bytes: Uint8Array;
  readonly logHash: Uint8Array;
  /** 16 random bytes under rfc9162; empty under kwh-btc-iot. */
  readonly salt: Uint8Array;
  readonly profile: BatchProfile;
  /** Leaf of the batch tree: what sealing needs and nothing more. */
  readonly merkleLeaf: Uint8Array;
  readonly assurance: Assurance;
  readonly verdict: StoredVerdict;
  readonly reason?: string;
  readonly ruleSet: string;
  /** JSON: what the rules looked at besides the document, see `verdict-inputs`. */
  readonly inputs?: string;
  readonly receivedAtMs: number;
  readonly signature?: EntrySignature;
  /** The meter's key that stands behind it: revoked until it is written, the row is refused. */
  readonly speaker?: { readonly meterId: string; readonly publicKey: Uint8Array };
  /** Ids of the entries it says something of: what is erased there is erased here too. */
  readonly derivedFrom?: readonly string[];
  readonly reading?: {
    /** Physical identity of the meter, 32 bytes; of an unregistered meter derived from its claimed id. */
    readonly fingerprint: Uint8Array;
    readonly siteId: string;
    readonly deviceId: string;
    readonly meterId: string;
    readonly startsMs: number;
    readonly endsMs: number;
    readonly energies: readonly MeasuredEnergy[];
    readonly estimated: boolean;
    /** Whether it may occupy its interval: assurance ≥ claims.minAssurance and verdict accepted or flagged. */
    readonly occupies: boolean;
    /** (device key, epoch, sequence): equal with other bytes is equivocation. */
    readonly sequence?: {
      readonly device: string;
      readonly epoch: number;
      readonly number: bigint;
      /** Further behind the highest number of its key than this, it is held: `LATE_SEQUENCE`. */
      readonly window?: bigint;
    };
    readonly supersedes?: Uint8Array;
    /** Who says that this is their meter, where no registration says whose it is: see `cross-owner-rule`. */
    readonly claimant?: string;
  };
}

/** What the database decided about one row. */
export type RowOutcome =
  | {
      readonly kind: 'stored';
      readonly id: string;
      readonly verdict: StoredVerdict;
      readonly reason?: string;
    }
  /**
   * Same bytes as an accepted or flagged entry of the same or higher assurance, or as a quarantined one that is
   * quarantined again for the same reason and is no better assured: its stored receipt answers.
   */
  | { readonly kind: 'duplicate'; readonly id: string }
  /** Same bytes, lower assurance (or quarantined) before: the entry stays, a new verdict is appended. */
  | {
      readonly kind: 'upgraded';
      readonly id: string;
      readonly verdict: StoredVerdict;
      readonly reason?: string;
    }
  | {
      readonly kind: 'refused';
      readonly code:
        | 'interval_overlap'
        | 'timestamp_taken'
        | 'sequence_equivocation'
        | 'key_revoked'
        | 'supersedes_unknown'
        | 'erased'
        | 'not_storable';
      readonly detail: string;
    };

/** Reason of a reading that came later than the window of its key's sequence allows. */
export const LATE_SEQUENCE = 'sequence_late';

/** Detail of `key_revoked` when the key was good as the reading came in. */
export const REVOKED_MEANWHILE =
  'the key was revoked before the reading was written; sign with the newer key';

/** What a receipt says of one entry; `leaf` is what the group's signature covers. */
export interface IssuedReceipts {
  readonly committedAtMs: number;
  readonly includeByMs: number;
  readonly keyId: string;
  readonly signature: Uint8Array;
  readonly root: Uint8Array;
  /** One 32-byte receipt leaf per stored or upgraded row, in the order they were given. */
  readonly leaves: readonly Uint8Array[];
}

/** A receipt as stored: enough to issue it again byte for byte. */
export interface StoredReceipt {
  readonly entryId: string;
  readonly logHash: Uint8Array;
  readonly verdict: StoredVerdict;
  readonly reason?: string;
  readonly ruleSet: string;
  readonly committedAtMs: number;
  readonly includeByMs: number;
  readonly durability: string;
  readonly keyId: string;
  readonly signature: Uint8Array;
  readonly index: number;
  /** All receipt leaves of its group; the path is computed from them. */
  readonly leaves: readonly Uint8Array[];
}

export interface CommittedRow {
  readonly outcome: RowOutcome;
  /** The receipt to answer with; absent for refused rows. */
  readonly receipt?: StoredReceipt;
}

/** Port of the ingestion feature: one group, one transaction. */
export interface IngestStore {
  /**
   * Writes a group: entries, bodies, readings, occupied intervals and sequences, verdicts, receipts,
   * outbox events and the queue of unsealed entries, all or nothing. `issue` is called once inside the
   * transaction, after every conflict is known, with the rows that will be stored or upgraded; it may be called
   * again when the transaction is retried. Rows are given in arrival order and answered in that order; the store sorts them itself.
   * Every row is answered as if the rows before it had been committed already: equal bytes twice within one group make
   * the second a duplicate of the first, or an upgrade when something stronger stands behind it. A group with rows that
   * depend on each other so may be written in several passes, and `issue` is then called once for each.
   * `erasedKeyOf`: what erased bytes are known by; without it a replay of them is not told from new bytes.
   * Two readings of one key under one number suspend minting of their meters; `sayEquivocations` is what the log says of it.
   * Throws `StoreUnavailable` when the database cannot be reached; then nothing was written, or the outcome is unknown and sending again is safe.
   */
  commit(
    rows: readonly IngestRow[],
    issue: (
      rows: readonly { readonly row: IngestRow; readonly entryId: string }[],
    ) => Promise<IssuedReceipts> | IssuedReceipts,
    erasedKeyOf?: (logHash: Uint8Array) => Uint8Array,
    sayEquivocations?: SayEquivocations,
  ): Promise<readonly CommittedRow[]>;
}
