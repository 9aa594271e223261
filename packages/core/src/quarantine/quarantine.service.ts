import type { StoredReceipt } from '../ingestion/ingest.store.js';
import type { EntryStore } from '../logs/entry.store.js';
import type { Journal } from '../logs/journal.js';
import type { Assurance } from '../logs/verdict.js';
import { QuarantineError } from './quarantine-error.js';
import type { QuarantineItem, QuarantineStore, Review } from './quarantine.store.js';

/** Readings that wait for somebody to look at them. */
export class QuarantineService {
  constructor(
    private readonly parts: {
      readonly store: QuarantineStore;
      readonly journal: Journal;
      readonly clock: { nowMs(): number };
      readonly entries: Pick<EntryStore, 'receipt'>;
      /** A stored receipt as its holder gets it. */
      readonly receiptJson: (receipt: StoredReceipt) => object;
      /** Rules the review is part of. */
      readonly ruleSet: string;
      readonly minAssurance: Assurance;
    },
  ) {}

  readonly list: QuarantineStore['list'] = (query) => this.parts.store.list(query);
  readonly get: QuarantineStore['get'] = (entryId) => this.parts.store.get(entryId);

  /** Of its newest verdict; undefined when there is no such entry. */
  async receipt(entryId: string): Promise<object | undefined> {
    const stored = await this.parts.entries.receipt(entryId);
    return stored === undefined ? undefined : this.parts.receiptJson(stored);
  }

  /** The reading counts from now on. Again: answered as the first time. Throws `QuarantineError`. */
  release(entryId: string, by: string, reason: string): Promise<QuarantineItem> {
    return this.review(entryId, { state: 'released', by, reason });
  }

  /** The reading never counts. Again: answered as the first time. Throws `QuarantineError`. */
  reject(entryId: string, by: string, reason: string): Promise<QuarantineItem> {
    return this.review(entryId, { state: 'rejected', by, reason });
  }

  private async review(
    entryId: string,
    said: Pick<Review, 'state' | 'by' | 'reason'>,
  ): Promise<QuarantineItem> {
    const { store, journal, clock, ruleSet, minAssurance } = this.parts;
    const { state, by, reason } = said;
    const review: Review = { ...said, atMs: clock.nowMs(), ruleSet, minAssurance };
    const outcome = await store.review(entryId, review, (item) =>
      journal.audit({
        actor: by,
        action: state === 'released' ? 'quarantine.release' : 'quarantine.reject',
        subject: entryId,
        detail: { meter: item.meterId, held_for: item.reason, reason },
        accountId: item.accountId,
        event: {
          type: state === 'released' ? 'reading.released' : 'reading.rejected',
          data: {
            entry: entryId,
            account: item.accountId,
            meter: item.meterId,
            held_for: item.reason,
            reason,
          },
        },
      }),
    );
    switch (outcome.kind) {
      case 'decided':
        return outcome.item;
      case 'unknown':
        throw new QuarantineError('quarantine_not_found', 'No held reading has this id');
      case 'erased':
        throw new QuarantineError('erased', 'The reading was erased; nothing is left to decide');
      case 'conflict':
        throw new QuarantineError('quarantine_decided', decided(outcome.item));
      case 'not_owned':
        throw new QuarantineError(
          'meter_of_another',
          'It cannot count: somebody else has registered the meter since. Reject it',
        );
      case 'refused':
        throw new QuarantineError(
          'interval_taken',
          `It cannot count: ${outcome.detail}. Reject it, or have the other one superseded first`,
        );
    }
  }
}

function decided({ state, decision }: QuarantineItem): string {
  if (decision === undefined) return `It is ${state}: its bytes came again and were taken`;
  return `It was ${state} by ${decision.by} at ${new Date(decision.atMs).toISOString()}`;
}
