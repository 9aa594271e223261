import { everOwnedBy } from '../../devices/meter-ownership.js';
import { atLeast } from '../../logs/verdict.js';
import type { Journaled } from '../../logs/journal.js';
import {
  type QuarantineItem,
  type QuarantineStore,
  type Review,
  type ReviewOutcome,
  reviewedVerdict,
} from '../../quarantine/quarantine.store.js';
import { numberCursor, page, readNumberCursor } from '../list-cursor.js';
import type { MemoryIngest } from './ingest.js';
import { type LogState, newest } from './log-state.js';
import type { MemoryChanges } from './memory-changes.js';
import type { MemoryMeters } from './meters.js';

export class MemoryQuarantine implements QuarantineStore {
  constructor(
    private readonly log: LogState,
    private readonly ingest: MemoryIngest,
    private readonly changes: MemoryChanges,
    private readonly meters: Pick<MemoryMeters, 'peek'>,
  ) {}

  async get(entryId: string): Promise<QuarantineItem | undefined> {
    return this.log.held.get(entryId);
  }

  async list(
    query: Parameters<QuarantineStore['list']>[0],
  ): Promise<{ readonly items: readonly QuarantineItem[]; readonly cursor?: string }> {
    const behind = query.cursor === undefined ? -1n : readNumberCursor(query.cursor);
    const found = [...this.log.held.values()]
      .map((item, arrival) => ({ item, arrival }))
      .filter(
        ({ item, arrival }) =>
          BigInt(arrival) > behind &&
          (query.state ?? item.state) === item.state &&
          (query.reason ?? item.reason) === item.reason &&
          (query.meterId ?? item.meterId) === item.meterId &&
          (query.accountId ?? item.accountId) === item.accountId,
      );
    const { items, cursor } = page(found, query.limit, (last) => numberCursor(last.arrival));
    return {
      items: items.map(({ item }) => item),
      ...(cursor === undefined ? {} : { cursor }),
    };
  }

  review(
    entryId: string,
    review: Review,
    say: (item: QuarantineItem) => Journaled,
  ): Promise<ReviewOutcome> {
    return this.changes.run(async (journal): Promise<ReviewOutcome> => {
      const item = this.log.held.get(entryId);
      if (item === undefined) return { kind: this.log.erased.has(entryId) ? 'erased' : 'unknown' };
      if (item.state === review.state) return { kind: 'decided', item, existing: true };
      if (item.state !== 'open') return { kind: 'conflict', item };
      const record = this.log.byId.get(entryId);
      if (record === undefined || record.row.bytes.length === 0) return { kind: 'erased' };
      const { inputs: _inputs, ...row } = record.row;
      const { assurance } = newest(record);
      const { by, atMs, reason, state, minAssurance, ruleSet } = review;
      const occupies = atLeast(assurance, minAssurance);
      const meter = this.meters.peek(item.meterId);
      if (
        state === 'released' &&
        occupies &&
        meter !== undefined &&
        !everOwnedBy(meter, row.accountId)
      )
        return { kind: 'not_owned' };
      const decided: QuarantineItem = { ...item, state, decision: { by, atMs, reason } };
      const said = say(decided);
      const judged = {
        ...row,
        assurance,
        ...reviewedVerdict(review),
        ruleSet,
        receivedAtMs: atMs,
        reading: { ...row.reading!, occupies },
      };
      const refused = await this.ingest.judgeAgain(judged, entryId, said.issue, () =>
        journal(said),
      );
      if (refused !== undefined) return refused;
      this.log.held.set(entryId, decided);
      return { kind: 'decided', item: decided, existing: false };
    });
  }
}
