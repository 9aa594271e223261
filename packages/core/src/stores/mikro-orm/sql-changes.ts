import type { Journaled } from '../../logs/journal.js';
import type { DurabilityClass } from '../../spi/index.js';
import { JournalRefused } from '../journal-refused.js';
import { commitGroup } from './ingest-transaction.js';
import { appendEvents } from './outbox-rows.js';
import { isRetryable, type Sql } from './sql.js';
import type { StoreLimits } from './store-options.js';

/** Writes what the log says of the change under way, in its transaction. */
export type WriteJournal = (said: Journaled) => Promise<void>;

/** Changes of what is not the log, each in one transaction with what the log says of it. */
export class SqlChanges {
  constructor(
    private readonly sql: Sql,
    private readonly options: {
      readonly durability: DurabilityClass;
      readonly limits: StoreLimits;
      readonly random: () => number;
      readonly pause: (ms: number) => Promise<void>;
    },
  ) {}

  /**
   * Runs `work` in one READ COMMITTED transaction, again from its beginning after a deadlock or a serialisation
   * failure: it must keep nothing of a run before. Rejections roll everything back.
   */
  async run<T>(work: (tx: Sql, journal: WriteJournal) => Promise<T>): Promise<T> {
    const { limits, random, pause, durability } = this.options;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.sql.transaction((tx) =>
          work(tx, async ({ rows, issue, events = [] }) => {
            if (rows.length > 0)
              JournalRefused.unlessWritten(await commitGroup(tx, rows, issue, durability));
            if (events.length > 0) await appendEvents(tx, events);
          }),
        );
      } catch (error) {
        if (!isRetryable(error) || attempt >= limits.maxRetries) throw error;
        await pause(random() * limits.retryPauseMs * 2 ** attempt);
      }
    }
  }
}
