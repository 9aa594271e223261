import type { Journaled } from '../../logs/journal.js';
import { JournalRefused } from '../journal-refused.js';
import type { MemoryIngest } from './ingest.js';
import type { MemoryOutbox } from './outbox.js';
import type { Transactions } from './transactions.js';

/** Changes of what is not the log, each with what the log says of it. One at a time, like every transaction of this store. */
export class MemoryChanges {
  constructor(
    private readonly transactions: Transactions,
    private readonly ingest: MemoryIngest,
    private readonly outbox: MemoryOutbox,
  ) {}

  /**
   * Runs `work` alone. It decides first, then journals, and changes something only after that: journalling may reject,
   * and then nothing may have changed.
   */
  run<T>(work: (journal: (said: Journaled) => Promise<void>) => Promise<T> | T): Promise<T> {
    return this.transactions.run(() =>
      work(async ({ rows, issue, events = [] }) => {
        JournalRefused.unlessWritten(await this.ingest.append(rows, issue));
        for (const event of events) this.outbox.append(event);
      }),
    );
  }
}
