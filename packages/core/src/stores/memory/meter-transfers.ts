import type { MeterTransfer } from '../../devices/meter-transfer.js';
import type { MeterStore } from '../../devices/meter.store.js';
import { numberCursor, page, readNumberCursor } from '../list-cursor.js';

/** Offers of meters and what became of them, in the order they were made. */
export class MemoryTransfers {
  private readonly offers = new Map<string, MeterTransfer>();

  get(id: string): MeterTransfer | undefined {
    return this.offers.get(id);
  }

  /** A new one comes last, a known one stays in its place. */
  put(transfer: MeterTransfer): void {
    this.offers.set(transfer.id, transfer);
  }

  openOn(meterId: string): MeterTransfer | undefined {
    return [...this.offers.values()].find(
      (one) => one.meterId === meterId && one.state === 'offered',
    );
  }

  acceptedSince(sinceMs: number): readonly MeterTransfer[] {
    return [...this.offers.values()].filter(
      ({ state, closedAtMs = 0 }) => state === 'accepted' && closedAtMs >= sinceMs,
    );
  }

  list(query: Parameters<MeterStore['transfers']>[0]): {
    readonly items: readonly MeterTransfer[];
    readonly cursor?: string;
  } {
    const before = query.cursor === undefined ? undefined : readNumberCursor(query.cursor);
    const found = [...this.offers.values()]
      .map((transfer, arrival) => ({ transfer, arrival }))
      .filter(
        ({ transfer: { meterId, fromAccount, toAccount }, arrival }) =>
          (before === undefined || arrival < before) &&
          (query.meterId ?? meterId) === meterId &&
          (query.accountId === undefined || [fromAccount, toAccount].includes(query.accountId)),
      )
      .toReversed();
    const { items, cursor } = page(found, query.limit, (last) => numberCursor(last.arrival));
    return {
      items: items.map(({ transfer }) => transfer),
      ...(cursor === undefined ? {} : { cursor }),
    };
  }
}
