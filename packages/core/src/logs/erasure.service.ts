import { createHmac } from 'node:crypto';
import { OPERATION } from '../events/notices/notice-rules.js';
import type { Clock } from '../spi/index.js';
import type { EntryStore } from './entry.store.js';
import type {
  ErasedEntry,
  ErasedReports,
  ErasureOutcome,
  ErasureStore,
  ReportsOfMeter,
} from './erasure.store.js';
import type { Journal } from './journal.js';

/** HMAC-SHA-256 of a log hash: who has the store without the pepper cannot try out what was erased. */
export function erasedKeyOf(pepper: Uint8Array): (logHash: Uint8Array) => Uint8Array {
  return (logHash) => createHmac('sha256', pepper).update(logHash).digest();
}

/** Why nothing was erased. */
export class ErasureError extends Error {
  override readonly name = 'ErasureError';
  readonly status = 400;
  readonly code = 'erasure_invalid';
}

export interface ErasureRequest {
  readonly entryIds?: readonly string[];
  /** All readings of a meter, instead of ids: those that start in [fromMs, toMs); and what its device reported besides in that time. */
  readonly meter?: ReportsOfMeter;
  /** Why, as the log will say: at most 256 characters, no name in it. */
  readonly reason: string;
  readonly actor: string;
}

export interface Erasure {
  /** What became of each entry, in order. */
  readonly outcomes: readonly ErasureOutcome[];
  /** Of a meter. */
  readonly reports?: ErasedReports;
}

/** Entries erased in one transaction. */
const AT_ONCE = 500;

/**
 * Erases what somebody may have erased (GDPR article 17), so that everything else stays provable: the leaf is a hash over the salt
 * that goes, so nothing of the content can be told from it, and every other proof still verifies.
 */
export class ErasureService {
  constructor(
    private readonly parts: {
      readonly store: ErasureStore;
      readonly entries: Pick<EntryStore, 'list'>;
      readonly journal: Journal;
      readonly clock: Clock;
      readonly keyOf: (logHash: Uint8Array) => Uint8Array;
    },
  ) {}

  /** Asking again erases what is left. Throws `ErasureError`. */
  async erase(request: ErasureRequest): Promise<Erasure> {
    const { reason, meter } = request;
    if (!/^[^\p{Cc}]{1,256}$/u.test(reason))
      throw new ErasureError('a reason has 1 to 256 characters without controls');
    const outcomes: ErasureOutcome[] = [];
    if (meter === undefined) {
      const ids = [...new Set(request.entryIds)];
      for (let from = 0; from < ids.length; from += AT_ONCE)
        outcomes.push(...(await this.eraseSome(ids.slice(from, from + AT_ONCE), request)));
      return { outcomes };
    }
    // What is erased leaves the list; what is refused stays in it, and the cursor goes on behind it.
    let cursor: string | undefined;
    do {
      const page = await this.parts.entries.list({
        ...meter,
        limit: AT_ONCE,
        ...(cursor === undefined ? {} : { cursor }),
      });
      const ids = page.items.filter(({ type }) => type === 'reading').map(({ id }) => id);
      outcomes.push(...(await this.eraseSome(ids, request)));
      cursor = page.cursor;
    } while (cursor !== undefined);
    return { outcomes, reports: await this.eraseReports(meter, request) };
  }

  /** Where it stood, of an entry that was erased. */
  erased(entryId: string): Promise<ErasedEntry | undefined> {
    return this.parts.store.erased(entryId);
  }

  private eraseReports(
    meter: ReportsOfMeter,
    { reason, actor }: ErasureRequest,
  ): Promise<ErasedReports> {
    const { store, clock, journal } = this.parts;
    return store.eraseReports(meter, clock.nowMs(), (erased) =>
      journal.audit({
        actor,
        action: 'meter.reports_erased',
        subject: meter.meterId,
        detail: { reason, ...erased },
        accountId: OPERATION,
      }),
    );
  }

  private async eraseSome(
    ids: readonly string[],
    { reason, actor }: ErasureRequest,
  ): Promise<readonly ErasureOutcome[]> {
    if (ids.length === 0) return [];
    const { store, clock, journal, keyOf } = this.parts;
    const atMs = clock.nowMs();
    return store.erase(ids, atMs, keyOf, (erased) =>
      journal.entries(
        erased.map(({ entryId, accountId, batch }) => ({
          type: 'erasure',
          format: 'erasure/1',
          accountId,
          document: {
            v: 'erasure/1',
            entry: entryId,
            ...(batch === undefined ? {} : { batch: batch.number, index: batch.index }),
            reason,
            actor,
            erased_at: new Date(atMs).toISOString(),
          },
        })),
      ),
    );
  }
}
