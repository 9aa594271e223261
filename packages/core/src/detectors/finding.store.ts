import type { Journaled } from '../logs/journal.js';
import type { Assurance, StoredVerdict } from '../logs/verdict.js';
import type { HistoryPoint } from './register-history.js';

/** A reading of the log with its newest verdict. */
export interface CommittedReading {
  readonly entryId: string;
  readonly accountId: string;
  readonly logHash: Uint8Array;
  readonly meterId: string;
  readonly fingerprint: Uint8Array;
  readonly startsMs: number;
  readonly endsMs: number;
  readonly energies: readonly { readonly register: string; readonly energyUWh: bigint }[];
  readonly estimated: boolean;
  readonly verdict: StoredVerdict;
  readonly reason?: string;
  readonly assurance: Assurance;
}

/** A register and the time in which its intervals start. */
export interface RegisterWindow {
  readonly fingerprint: Uint8Array;
  readonly register: string;
  readonly fromMs: number;
  /** Exclusive. */
  readonly untilMs: number;
}

/** What a detector found in one register of one reading. */
export interface Finding {
  readonly entryId: string;
  readonly register: string;
  /** Instance of the detector. */
  readonly detector: string;
  readonly code: string;
  readonly action: 'flag' | 'quarantine';
  /** SHA-256 of `document`, hex. */
  readonly hash: string;
  /** RFC 8785: whatever is needed to compute it again. */
  readonly document: Uint8Array;
}

/** A finding with the log entry that states it. */
export interface StoredFinding extends Finding {
  readonly statedBy: string;
}

/** A verdict to append: the reading stays, and counts, and somebody may look at it. */
export interface Flag {
  readonly entryId: string;
  readonly reason: string;
  readonly ruleSet: string;
}

/** Port of the detectors. */
export interface FindingStore {
  /** The readings among these entries, in any order. */
  readings(entryIds: readonly string[]): Promise<readonly CommittedReading[]>;
  /**
   * For each window, in order, what its register measured: intervals that a reading holds now and nobody estimated, the
   * oldest first.
   */
  history(windows: readonly RegisterWindow[]): Promise<readonly (readonly HistoryPoint[])[]>;
  /**
   * Keeps what is new of these findings, with what the log says of them (`say` is given the new ones and answers one row for
   * each), and appends a verdict `flagged`, its receipt and its event for each flag whose entry is accepted by then. All
   * or nothing; a second time nothing.
   */
  keep(
    findings: readonly Finding[],
    flags: readonly Flag[],
    say: (fresh: readonly Finding[]) => Journaled,
  ): Promise<void>;
  /** Of one entry, by register and detector. */
  of(entryId: string): Promise<readonly StoredFinding[]>;
}
