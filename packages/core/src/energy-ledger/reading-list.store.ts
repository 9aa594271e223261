import type { StoredVerdict } from '../logs/verdict.js';

/** A reading, and what has been made of its energy. Amounts in µWh. */
export interface ListedReading {
  readonly entryId: string;
  readonly accountId: string;
  readonly meterId: string;
  readonly format: string;
  /** What it says of delivered energy, else of the first of its registers by name. */
  readonly register: string;
  readonly energyUWh: bigint;
  readonly endsMs: number;
  readonly receivedAtMs: number;
  readonly verdict: StoredVerdict;
  readonly reason?: string;
  /** Credited as energy, and claimed of it by whom ever; 0 when nothing is. */
  readonly creditedUWh: bigint;
  readonly claimedUWh: bigint;
  /** Claimed by tokens. */
  readonly mintedUWh: bigint;
  /** Key of the newest claim by a token. */
  readonly mintKey?: string;
  /** Canonical bytes, of the formats that were asked for. */
  readonly bytes?: Uint8Array;
}

export interface ReadingQuery {
  readonly accountId?: string;
  readonly meterId?: string;
  /** The reading ends within `[fromMs, toMs)`. */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** `minted`: a token claims some of it; `unminted`: none does; `mintable`: some of its energy can be claimed now. */
  readonly only?: 'minted' | 'unminted' | 'mintable';
  /** `newest`: the greatest first. Of what is equal, by arrival. */
  readonly order: 'newest' | 'oldest';
  /** By arrival when absent; by the reading's end, or by what it says of energy. A cursor goes by arrival alone. */
  readonly sortBy?: 'ends' | 'energy';
  /** Readings left out before the first one. */
  readonly skip?: number;
  /** Formats whose bytes come along. */
  readonly bytesOf?: readonly string[];
  readonly limit: number;
  readonly cursor?: string;
}

export interface ReadingCounts {
  /** Readings of an account's registered meters that count. */
  readonly counted: number;
  readonly quarantined: number;
  /** Energy claimed by tokens, µWh. */
  readonly mintedUWh: bigint;
}

/** Port of the energy ledger: readings beside what their energy was used for. Reads only. */
export interface ReadingListStore {
  get(entryId: string, bytesOf?: readonly string[]): Promise<ListedReading | undefined>;
  list(
    query: ReadingQuery,
  ): Promise<{ readonly items: readonly ListedReading[]; readonly cursor?: string }>;
  counts(accountId?: string): Promise<ReadingCounts>;
  /** Ids of active meters whose owner goes by that name, or that belong to one of the accounts: the first `limit`. */
  activeMetersOf(
    owner: { readonly name: string; readonly accountIds: readonly string[] },
    limit: number,
  ): Promise<readonly string[]>;
}
