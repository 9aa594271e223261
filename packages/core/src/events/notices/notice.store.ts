import type { JsonObject } from '../../spi/index.js';

/** What an account is told. Alike ones that nobody has read yet are one notice with a count. */
export interface Notice {
  /** `nt_` and digits. */
  readonly id: string;
  readonly accountId: string;
  /** Type of the event it was made from. */
  readonly type: string;
  /** A sentence or two, in English; programs go by `type` and `data`. */
  readonly text: string;
  /** Data of the last event. */
  readonly data: JsonObject;
  /** Of the last event. */
  readonly atMs: number;
  /** Events it stands for. */
  readonly count: number;
  readonly readAtMs?: number;
}

export interface NewNotice {
  readonly eventId: string;
  readonly accountId: string;
  /** What is alike has the same: `reading.quarantined meter-1 meter_pending`. */
  readonly topic: string;
  readonly type: string;
  readonly text: string;
  readonly data: JsonObject;
  readonly atMs: number;
  /** The entry it speaks of: when that is erased, so are text and data. */
  readonly entryId?: string;
}

/** Port of notices. */
export interface NoticeStore {
  /** Adds to the unread notice of the same account and topic, or makes one; an event that is in already changes nothing. */
  put(notices: readonly NewNotice[]): Promise<void>;
  /** Newest first. */
  list(query: {
    readonly accountId: string;
    readonly unread?: boolean;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly Notice[]; readonly cursor?: string }>;
  unread(accountId: string): Promise<number>;
  /** Keeps the first instant; undefined when this account has no such notice. */
  markRead(id: string, accountId: string, atMs: number): Promise<Notice | undefined>;
  /** Leaves nothing of what notices tell of these entries but their ids. */
  forgetEntries(entryIds: readonly string[]): Promise<void>;
  /** Deletes what was read, or whose last event was, before. */
  prune(beforeMs: number): Promise<number>;
}
