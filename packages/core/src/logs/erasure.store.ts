import type { Journaled } from './journal.js';

/** What a replay of erased bytes is told, with the code `erased`. */
export const ERASED_DETAIL =
  'these bytes were in the log and have been erased; they are not taken again';

/** Where an erased entry stands, and what is left to say of it. */
export interface ErasedEntry {
  readonly entryId: string;
  readonly accountId: string;
  readonly erasedAtMs: number;
  /** Absent until sealed. */
  readonly batch?: { readonly number: number; readonly index: number };
}

export type ErasureOutcome =
  | { readonly entryId: string; readonly kind: 'erased' | 'already_erased' }
  | {
      readonly entryId: string;
      readonly kind: 'refused';
      /** `entry_unsalted`: without its salt its leaf could be guessed back. `entry_system`: what the gateway states of others' doings. */
      readonly code: 'entry_unknown' | 'entry_unsalted' | 'entry_system';
    };

/** What the device of a meter told besides readings, and was asked, in [fromMs, toMs) by its own time or by its arrival. */
export interface ReportsOfMeter {
  readonly meterId: string;
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** How much of each was erased. */
export interface ErasedReports {
  readonly alerts: number;
  /** 1 when the newest telemetry was of that time; no other is kept. */
  readonly telemetry: number;
  readonly deliveries: number;
  readonly commands: number;
  readonly deadLetters: number;
}

/**
 * Port of erasure. Deletes content, salt, hash, signature and normalised fields of entries, and of every entry derived from
 * them; what was said of them in events goes too. Leaf, roots and verdicts stay, and what keeps a replay from counting twice:
 * the occupied intervals and sequence numbers without amounts, and a keyed hash of the bytes.
 */
export interface ErasureStore {
  /**
   * All in one transaction with what `say` states of them, each entry once. `keyOf`: HMAC of a log hash under a secret that is not
   * in the store.
   */
  erase(
    entryIds: readonly string[],
    atMs: number,
    keyOf: (logHash: Uint8Array) => Uint8Array,
    say: (erased: readonly ErasedEntry[]) => Journaled,
  ): Promise<readonly ErasureOutcome[]>;
  /** Undefined when no entry of this id was erased. */
  erased(entryId: string): Promise<ErasedEntry | undefined>;
  /**
   * Deletes these reports, and commands whose deadline was over at `nowMs`; open commands stay. `say` is committed with it, unless there
   * was nothing. Events, deliveries of webhooks and notices forget what they told of it; asked again, they do so again.
   */
  eraseReports(
    of: ReportsOfMeter,
    nowMs: number,
    say: (erased: ErasedReports) => Journaled,
  ): Promise<ErasedReports>;
}
