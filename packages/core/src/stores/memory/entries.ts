import type { StoredReceipt } from '../../ingestion/ingest.store.js';
import type {
  EntryLeaf,
  EntryQuery,
  EntryStore,
  Page,
  StoredEntry,
} from '../../logs/entry.store.js';
import { numberCursor, page, readNumberCursor } from '../list-cursor.js';
import { asStoredEntry, type EntryRecord, type LogState, newest } from './log-state.js';

export class MemoryEntries implements EntryStore {
  constructor(
    private readonly log: LogState,
    private readonly entryIdsOf: (batchNumber: number) => readonly string[],
  ) {}

  async get(id: string): Promise<StoredEntry | undefined> {
    const record = this.known(id);
    return record === undefined ? undefined : asStoredEntry(record);
  }

  async leaf(id: string): Promise<EntryLeaf | undefined> {
    const record = this.known(id);
    if (record === undefined) return undefined;
    const { row, batch } = record;
    const { accountId, logHash, salt } = row;
    const place =
      batch === undefined ? {} : { batch: { number: batch.number, index: batch.index } };
    return { id, accountId, logHash, salt, ...place };
  }

  async receipt(id: string): Promise<StoredReceipt | undefined> {
    const record = this.known(id);
    return record === undefined ? undefined : newest(record).receipt;
  }

  async claim(id: string): Promise<Omit<StoredReceipt, 'leaves'> | undefined> {
    const receipt = await this.receipt(id);
    if (receipt === undefined) return undefined;
    const { leaves: _leaves, ...claim } = receipt;
    return claim;
  }

  private known(id: string): EntryRecord | undefined {
    return this.log.erased.has(id) ? undefined : this.log.byId.get(id);
  }

  async list(query: EntryQuery): Promise<Page<StoredEntry>> {
    const from = query.cursor === undefined ? 0 : Number(readNumberCursor(query.cursor));
    const found: (readonly [number, StoredEntry])[] = [];
    for (let i = from; i < this.log.entries.length && found.length <= query.limit; i += 1) {
      const record = this.log.entries[i];
      if (record === undefined || this.log.erased.has(record.row.id)) continue;
      if (matches(record, query)) found.push([i, asStoredEntry(record)]);
    }
    const { items, cursor } = page(found, query.limit, ([index]) => numberCursor(index + 1));
    return {
      items: items.map(([, entry]) => entry),
      ...(cursor === undefined ? {} : { cursor }),
    };
  }

  async inBatch(
    batchNumber: number,
    query: { readonly limit: number; readonly fromIndex?: number },
  ): Promise<readonly StoredEntry[]> {
    const from = query.fromIndex ?? 0;
    const ids = this.entryIdsOf(batchNumber).slice(from, from + query.limit);
    return ids.flatMap((id) => {
      const record = this.known(id);
      return record === undefined ? [] : [asStoredEntry(record)];
    });
  }

  async unsealed(): Promise<{
    readonly external: number;
    readonly system: number;
    readonly oldestReceivedAtMs?: number;
  }> {
    const counts = { external: 0, system: 0 };
    let oldest = Infinity;
    for (const id of this.log.unsealed) {
      const row = this.log.byId.get(id)?.row;
      if (row === undefined) continue;
      counts[row.source] += 1;
      oldest = Math.min(oldest, row.receivedAtMs);
    }
    return oldest === Infinity ? counts : { ...counts, oldestReceivedAtMs: oldest };
  }
}

function matches({ row }: EntryRecord, query: EntryQuery): boolean {
  const starts = row.reading?.startsMs;
  return (
    (query.meterId === undefined || row.reading?.meterId === query.meterId) &&
    (query.fromMs === undefined || (starts !== undefined && starts >= query.fromMs)) &&
    (query.toMs === undefined || (starts !== undefined && starts < query.toMs)) &&
    (query.type === undefined || row.type === query.type) &&
    (query.source === undefined || row.source === query.source) &&
    (query.accountId === undefined || row.accountId === query.accountId)
  );
}
