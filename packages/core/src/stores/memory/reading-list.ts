import { everOwnedBy } from '../../devices/meter-ownership.js';
import type { EnergyStore } from '../../energy-ledger/energy.store.js';
import type {
  ListedReading,
  ReadingCounts,
  ReadingListStore,
  ReadingQuery,
} from '../../energy-ledger/reading-list.store.js';
import { numberCursor, page, readNumberCursor } from '../list-cursor.js';
import { type EntryRecord, type LogState, newest } from './log-state.js';
import type { MemoryMeters } from './meters.js';

/** Registers whose amount is shown first. */
const DELIVERING: readonly string[] = ['generation', 'export'];
const TOKENS: readonly string[] = ['token', 'token-with-origin'];

interface Found {
  readonly reading: ListedReading;
  readonly mintable: boolean;
}

export class MemoryReadingList implements ReadingListStore {
  constructor(
    private readonly log: LogState,
    private readonly meters: MemoryMeters,
    private readonly energy: Pick<EnergyStore, 'statements'>,
  ) {}

  async get(id: string, bytesOf: readonly string[] = []): Promise<ListedReading | undefined> {
    const record = this.log.byId.get(id);
    return record === undefined ? undefined : (await this.found(record, bytesOf))?.reading;
  }

  async list(
    query: ReadingQuery,
  ): Promise<{ readonly items: readonly ListedReading[]; readonly cursor?: string }> {
    const { order, limit, bytesOf = [], fromMs = -Infinity, toMs = Infinity } = query;
    const behind = query.cursor === undefined ? undefined : Number(readNumberCursor(query.cursor));
    const places = [...this.log.entries.keys()].filter(
      (place) => behind === undefined || (order === 'newest' ? place < behind : place > behind),
    );
    const sorted = query.sortBy !== undefined;
    const skip = query.skip ?? 0;
    const found: { readonly place: number; readonly reading: ListedReading }[] = [];
    for (const place of order === 'newest' ? places.toReversed() : places) {
      if (!sorted && found.length > limit + skip) break;
      const one = await this.found(this.log.entries[place]!, bytesOf);
      if (one === undefined || !matches(one, query)) continue;
      const { reading } = one;
      if (reading.endsMs >= fromMs && reading.endsMs < toMs) found.push({ place, reading });
    }
    if (sorted) {
      const by = ({ reading }: (typeof found)[number]) =>
        query.sortBy === 'ends' ? BigInt(reading.endsMs) : reading.energyUWh;
      const up = (a: (typeof found)[number], b: (typeof found)[number]) =>
        by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0;
      found.sort((a, b) => (order === 'newest' ? up(b, a) : up(a, b)));
    }
    const { items, cursor } = page(found.slice(skip), limit, (last) => numberCursor(last.place));
    return {
      items: items.map(({ reading }) => reading),
      ...(cursor === undefined ? {} : { cursor }),
    };
  }

  async counts(accountId?: string): Promise<ReadingCounts> {
    const counts = { counted: 0, quarantined: 0, mintedUWh: 0n };
    for (const record of this.log.entries) {
      const one = (await this.found(record, []))?.reading;
      if (one === undefined || (accountId ?? one.accountId) !== one.accountId) continue;
      const meter = this.meters.peek(one.meterId);
      if (meter === undefined || !everOwnedBy(meter, one.accountId)) continue;
      counts.mintedUWh += one.mintedUWh;
      counts[one.verdict === 'quarantined' ? 'quarantined' : 'counted'] += 1;
    }
    return counts;
  }

  async activeMetersOf(
    owner: { readonly name: string; readonly accountIds: readonly string[] },
    limit: number,
  ): Promise<readonly string[]> {
    const { items } = await this.meters.list({ state: 'active', limit: Number.MAX_SAFE_INTEGER });
    return items
      .filter((one) => one.owner === owner.name || owner.accountIds.includes(one.accountId))
      .map(({ meterId }) => meterId)
      .slice(0, limit);
  }

  private async found(record: EntryRecord, bytesOf: readonly string[]): Promise<Found | undefined> {
    const { row } = record;
    if (row.type !== 'reading' || row.reading === undefined || this.log.erased.has(row.id))
      return undefined;
    const { meterId, endsMs, energies } = row.reading;
    const shown = energies.toSorted(
      (a, b) => rank(a.register) - rank(b.register) || (a.register < b.register ? -1 : 1),
    )[0];
    if (shown === undefined) return undefined;
    const { items } = await this.energy.statements({ meterId, limit: Number.MAX_SAFE_INTEGER });
    const own = items.filter(({ entryId, class: of }) => entryId === row.id && of === 'energy');
    const minting = own
      .flatMap(({ claims }) => claims)
      .filter(({ purpose }) => TOKENS.includes(purpose));
    const { verdict, reason } = newest(record);
    const mintKey = minting.at(-1)?.key;
    return {
      mintable: own.some(
        (one) => !one.frozen && one.shortfallUWh === 0n && one.creditedUWh > one.claimedUWh,
      ),
      reading: {
        entryId: row.id,
        accountId: row.accountId,
        meterId,
        format: row.format,
        ...shown,
        endsMs,
        receivedAtMs: row.receivedAtMs,
        verdict,
        ...(reason === undefined ? {} : { reason }),
        creditedUWh: sum(own.map(({ creditedUWh }) => creditedUWh)),
        claimedUWh: sum(own.map(({ claimedUWh }) => claimedUWh)),
        mintedUWh: sum(minting.map(({ energyUWh }) => energyUWh)),
        ...(mintKey === undefined ? {} : { mintKey }),
        ...(bytesOf.includes(row.format) ? { bytes: row.bytes } : {}),
      },
    };
  }
}

function matches({ reading, mintable }: Found, query: ReadingQuery): boolean {
  const { only, accountId = reading.accountId, meterId = reading.meterId } = query;
  if (reading.accountId !== accountId || reading.meterId !== meterId) return false;
  if (only === 'mintable') return mintable;
  return only === undefined || reading.mintedUWh > 0n === (only === 'minted');
}

function rank(register: string): number {
  const place = DELIVERING.indexOf(register);
  return place < 0 ? DELIVERING.length : place;
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}
