import type { Clock } from '../spi/index.js';
import { StoreUnavailable } from '../stores/store.js';
import type { SayEquivocations } from './equivocation.js';
import type { CommittedRow, IngestRow, IngestStore } from './ingest.store.js';
import type { IngestionConfig } from './ingestion.config.js';

/** Lets waiting work run later; node's timers in production, a test's own otherwise. */
export interface Timers {
  /** After the input that is already here has been read. */
  soon(run: () => void): void;
  /** Resolves nothing and keeps no process alive; returns how to cancel it. */
  later(run: () => void, ms: number): () => void;
}

export type IssueReceipts = Parameters<IngestStore['commit']>[1];

/** The queue will not take these rows now. Nothing was kept. */
export class QueueRefused extends Error {
  override readonly name = 'QueueRefused';

  constructor(
    readonly code: 'throttled' | 'store_unavailable',
    readonly retryAfterMs: number,
    message: string,
  ) {
    super(message);
  }
}

export interface QueueFacts {
  readonly waitingRows: number;
  readonly heldRows: number;
  readonly heldBytes: number;
  readonly oldestAgeMs: number;
  readonly groupsUnderWay: number;
}

interface Submission {
  readonly rows: readonly IngestRow[];
  readonly bytes: number;
  readonly sinceMs: number;
  readonly resolve: (committed: readonly CommittedRow[]) => void;
  readonly reject: (error: unknown) => void;
}

// Everything of a row that is not its document: hashes, ids, signature, object headers. An estimate for the bound.
const ROW_OVERHEAD_BYTES = 1024;
// A message is held until it is answered, however few rows came of it: its body and its text, of which the rows' own texts
// are parts; two bytes a character when one is beyond Latin-1.
const MESSAGE_COPIES = 3;

/**
 * Group commit: what many requests bring is written in one transaction, and each learns the outcome only after commit.
 * Holds a bounded number of rows and bytes; when it cannot keep up it refuses before it has taken anything.
 */
export class CommitQueue {
  private readonly waiting: Submission[] = [];
  private waitingRows = 0;
  private heldRows = 0;
  private heldBytes = 0;
  private underWay = 0;
  private stopped = false;
  private soonArmed = false;
  private cancelLinger: (() => void) | undefined;
  private drained: (() => void)[] = [];

  constructor(
    private readonly parts: {
      readonly store: IngestStore;
      readonly issue: IssueReceipts;
      /** What erased bytes are known by. */
      readonly erasedKeyOf?: (logHash: Uint8Array) => Uint8Array;
      readonly sayEquivocations: SayEquivocations;
      readonly clock: Clock;
      readonly timers: Timers;
      readonly config: IngestionConfig['commit'];
    },
  ) {}

  /** Why nothing more would be taken now, if so. Cheap: asked before a message is even parsed. */
  refusal(): QueueRefused | undefined {
    const { config } = this.parts;
    if (this.stopped)
      return new QueueRefused(
        'store_unavailable',
        config.retryAfterMs,
        'the gateway is stopping; send it again later',
      );
    if (this.heldRows >= config.queueRows || this.heldBytes >= config.queueBytes)
      return this.throttled(`${this.heldRows} rows (${this.heldBytes} bytes) are held`);
    const age = this.oldestAgeMs();
    if (age > config.maxQueueAgeMs) return this.throttled(`the oldest row waits ${age} ms`);
    return undefined;
  }

  /**
   * `messageBytes`: length of the message that brought the rows.
   * Resolves after commit with one outcome per row, in order. Rejects with `QueueRefused` or `StoreUnavailable` when
   * nothing may be acknowledged, and with the store's own error when it is broken.
   */
  async submit(rows: readonly IngestRow[], messageBytes: number): Promise<readonly CommittedRow[]> {
    if (rows.length === 0) return [];
    const bytes = sizeOf(rows) + messageBytes * MESSAGE_COPIES;
    const refusal = this.refusal() ?? this.overflow(rows.length, bytes);
    if (refusal !== undefined) throw refusal;
    this.heldRows += rows.length;
    this.heldBytes += bytes;
    this.waitingRows += rows.length;
    return new Promise((resolve, reject) => {
      const sinceMs = this.parts.clock.nowMs();
      this.waiting.push({ rows, bytes, sinceMs, resolve, reject });
      this.wake();
    });
  }

  /** Writes what is held, then refuses. Safe to call twice. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    if (this.heldRows === 0) return;
    await new Promise<void>((resolve) => this.drained.push(resolve));
  }

  facts(): QueueFacts {
    return {
      waitingRows: this.waitingRows,
      heldRows: this.heldRows,
      heldBytes: this.heldBytes,
      oldestAgeMs: this.oldestAgeMs(),
      groupsUnderWay: this.underWay,
    };
  }

  private oldestAgeMs(): number {
    const oldest = this.waiting[0];
    return oldest === undefined ? 0 : this.parts.clock.nowMs() - oldest.sinceMs;
  }

  private throttled(why: string): QueueRefused {
    const { retryAfterMs } = this.parts.config;
    return new QueueRefused(
      'throttled',
      retryAfterMs,
      `${why}; send it again in ${retryAfterMs} ms`,
    );
  }

  /** A message that does not fit beside the others is shed; alone it is always taken. */
  private overflow(rows: number, bytes: number): QueueRefused | undefined {
    const { queueRows, queueBytes } = this.parts.config;
    if (this.heldRows === 0) return undefined;
    if (this.heldRows + rows <= queueRows && this.heldBytes + bytes <= queueBytes) return undefined;
    return this.throttled(
      `${this.heldRows} rows (${this.heldBytes} bytes) are held and ${rows} more (${bytes} bytes) do not fit`,
    );
  }

  /** Groups form while others are written; an idle queue writes as soon as the input at hand is read. */
  private wake(): void {
    if (this.soonArmed) return;
    this.soonArmed = true;
    this.parts.timers.soon(() => {
      this.soonArmed = false;
      this.pump();
    });
  }

  private pump(): void {
    const { config, timers } = this.parts;
    while (this.waiting.length > 0 && this.underWay < config.flushers) {
      const full = this.waitingRows >= config.groupRows;
      const rested = this.oldestAgeMs() >= config.lingerMs;
      if (this.underWay > 0 && !full && !rested && !this.stopped) {
        this.cancelLinger ??= timers.later(() => {
          this.cancelLinger = undefined;
          this.pump();
        }, config.lingerMs);
        return;
      }
      void this.write(this.takeGroup());
    }
  }

  private takeGroup(): readonly Submission[] {
    const { groupRows, groupBytes } = this.parts.config;
    let rows = 0;
    let bytes = 0;
    let count = 0;
    for (const submission of this.waiting) {
      rows += submission.rows.length;
      bytes += submission.bytes;
      if (count > 0 && (rows > groupRows || bytes > groupBytes)) break;
      count += 1;
    }
    const group = this.waiting.splice(0, count);
    for (const submission of group) this.waitingRows -= submission.rows.length;
    return group;
  }

  private async write(group: readonly Submission[]): Promise<void> {
    this.underWay += 1;
    try {
      const rows = group.length === 1 ? group[0]!.rows : group.flatMap(({ rows: own }) => own);
      const { store, issue, erasedKeyOf, sayEquivocations } = this.parts;
      const committed = await store.commit(rows, issue, erasedKeyOf, sayEquivocations);
      if (committed.length !== rows.length)
        throw new Error(`the store answered ${committed.length} of ${rows.length} rows`);
      let from = 0;
      for (const submission of group) {
        submission.resolve(committed.slice(from, from + submission.rows.length));
        from += submission.rows.length;
      }
    } catch (error) {
      for (const submission of group) submission.reject(error);
    } finally {
      this.underWay -= 1;
      for (const submission of group) {
        this.heldRows -= submission.rows.length;
        this.heldBytes -= submission.bytes;
      }
      if (this.heldRows === 0) for (const resolve of this.drained.splice(0)) resolve();
      this.pump();
    }
  }
}

/** Whether sending the same message again later is the right answer to this error. */
export function isRetryable(error: unknown): error is QueueRefused | StoreUnavailable {
  return (
    error instanceof QueueRefused ||
    error instanceof StoreUnavailable ||
    (error instanceof Error && 'code' in error && error.code === 'store_unavailable')
  );
}

function sizeOf(rows: readonly IngestRow[]): number {
  let bytes = 0;
  for (const row of rows) bytes += row.bytes.length + ROW_OVERHEAD_BYTES;
  return bytes;
}
