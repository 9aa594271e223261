import type { EntrySignature, StoredReceipt } from '../ingestion/ingest.store.js';
import type { Assurance, StoredVerdict } from './verdict.js';

/** A stored log entry with its newest verdict. */
export interface StoredEntry {
  readonly id: string;
  readonly accountId: string;
  readonly source: 'external' | 'system';
  readonly type: string;
  readonly format: string;
  readonly bytes: Uint8Array;
  readonly logHash: Uint8Array;
  readonly salt: Uint8Array;
  readonly assurance: Assurance;
  readonly verdict: StoredVerdict;
  readonly reason?: string;
  readonly receivedAtMs: number;
  readonly signature?: EntrySignature;
  readonly meterId?: string;
  readonly startsMs?: number;
  readonly endsMs?: number;
  /** Absent until sealed. */
  readonly batch?: { readonly number: number; readonly id: string; readonly index: number };
}

/** What an inclusion proof needs of an entry, and whose it is. */
export type EntryLeaf = Pick<StoredEntry, 'id' | 'accountId' | 'logHash' | 'salt'> & {
  /** Absent until sealed. */
  readonly batch?: { readonly number: number; readonly index: number };
};

export interface EntryQuery {
  readonly meterId?: string;
  /** Entries whose interval starts at or after / before. */
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly type?: string;
  readonly source?: 'external' | 'system';
  /** Restricts to one owner; absent for operators, auditors, admins. */
  readonly accountId?: string;
  readonly limit: number;
  readonly cursor?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly cursor?: string;
}

/** Port of the logs feature: reading what ingestion wrote. */
export interface EntryStore {
  get(id: string): Promise<StoredEntry | undefined>;
  leaf(id: string): Promise<EntryLeaf | undefined>;
  receipt(id: string): Promise<StoredReceipt | undefined>;
  /** The same receipt without what it shares with the others of its group. */
  claim(id: string): Promise<Omit<StoredReceipt, 'leaves'> | undefined>;
  list(query: EntryQuery): Promise<Page<StoredEntry>>;
  /** Entries of a batch in position order. */
  inBatch(
    batchNumber: number,
    query: { readonly limit: number; readonly fromIndex?: number },
  ): Promise<readonly StoredEntry[]>;
  /** Entries waiting to be sealed, and the oldest one's age basis. */
  unsealed(): Promise<{
    readonly external: number;
    readonly system: number;
    readonly oldestReceivedAtMs?: number;
  }>;
}
