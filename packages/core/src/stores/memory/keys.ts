import { createHash } from 'node:crypto';
import type {
  KeyChange,
  KeyRecovery,
  KeyScene,
  KeyStore,
  SequenceGap,
  SequenceGapQuery,
  SequenceGaps,
} from '../../devices/key.store.js';
import { numberCursor, page, readNumberCursor } from '../list-cursor.js';
import type { LogState } from './log-state.js';
import type { MemoryChanges } from './memory-changes.js';
import type { MemoryMeters } from './meters.js';

export class MemoryKeys implements KeyStore {
  /** In the order they were asked for. */
  private readonly asked = new Map<string, KeyRecovery>();

  constructor(
    private readonly log: LogState,
    private readonly meters: MemoryMeters,
    private readonly changes: MemoryChanges,
  ) {}

  change(
    meterId: string,
    decide: (scene: KeyScene) => KeyChange | undefined,
  ): Promise<KeyChange | undefined> {
    return this.changes.run(async (journal) => {
      const meter = this.meters.peek(meterId);
      if (meter === undefined) return undefined;
      const recovery = [...this.asked.values()].find(
        (one) => one.meterId === meterId && one.state === 'open',
      );
      const change = decide({ meter, ...(recovery === undefined ? {} : { recovery }) });
      if (change === undefined) return undefined;
      await journal(change.said);
      for (const one of change.recoveries ?? []) this.asked.set(one.id, one);
      if (change.keys !== undefined) this.meters.setKeys(meterId, change.keys);
      return change;
    });
  }

  async recoveries(
    query: Parameters<KeyStore['recoveries']>[0],
  ): Promise<{ readonly items: readonly KeyRecovery[]; readonly cursor?: string }> {
    const before = query.cursor === undefined ? undefined : readNumberCursor(query.cursor);
    const found = [...this.asked.values()]
      .map((recovery, at) => ({ recovery, arrival: at + 1 }))
      .filter(
        ({ recovery, arrival }) =>
          (before === undefined || BigInt(arrival) < before) &&
          (query.state === undefined || recovery.state === query.state) &&
          (query.accountId === undefined || recovery.accountId === query.accountId) &&
          (query.meterId === undefined || recovery.meterId === query.meterId),
      )
      .reverse();
    const { items, ...rest } = page(found, query.limit, ({ arrival }) => numberCursor(arrival));
    return { items: items.map(({ recovery }) => recovery), ...rest };
  }

  async sequenceGaps({ device, epoch, behind, limit }: SequenceGapQuery): Promise<SequenceGaps> {
    const numbers = this.numbers(device, epoch);
    const gaps = numbers.flatMap((number, at): SequenceGap[] => {
      const before = numbers[at - 1];
      return before === undefined || number === before + 1n
        ? []
        : [{ first: before + 1n, last: number - 1n }];
    });
    const asked = gaps.filter(({ first }) => behind === undefined || first > behind);
    const [lowest] = numbers;
    const highest = numbers.at(-1);
    return {
      ...(lowest === undefined ? {} : { lowest }),
      ...(highest === undefined ? {} : { highest }),
      seen: BigInt(numbers.length),
      items: asked.slice(0, limit),
      more: asked.length > limit,
    };
  }

  async missing(newest: number): Promise<{ readonly keys: number; readonly numbers: bigint }> {
    const named = (await this.meters.list({ limit: Infinity })).items.flatMap((meter) =>
      meter.keys.map(({ publicKey, epoch }) =>
        JSON.stringify([createHash('sha256').update(publicKey).digest('hex'), epoch]),
      ),
    );
    const missing = [...new Set(named)]
      .map((key) => {
        const numbers = this.numbers(...(JSON.parse(key) as [string, number])).slice(-newest);
        const [first = 0n] = numbers;
        return (numbers.at(-1) ?? -1n) - first + 1n - BigInt(numbers.length);
      })
      .filter((count) => count > 0n);
    return { keys: missing.length, numbers: missing.reduce((sum, count) => sum + count, 0n) };
  }

  /** That came, in order. */
  private numbers(device: string, epoch: number): readonly bigint[] {
    return [...this.log.sequences.keys()]
      .flatMap((text) => {
        const [of, at, number] = JSON.parse(text) as [string, number, string];
        return of === device && at === epoch ? [BigInt(number)] : [];
      })
      .sort((a, b) => (a < b ? -1 : 1));
  }
}
