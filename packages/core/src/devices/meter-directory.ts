import type { Clock } from '../spi/index.js';
import type { MeterStore, StoredMeter } from './meter.store.js';

/**
 * Meters and keys in memory, so that a reading costs no query. What it remembers is dropped when the store's
 * revision moved; it asks for the revision at most once per `maxStaleMs`, so a suspension made by another process
 * takes effect within that time, and one made here at once (`invalidate`).
 */
export class MeterDirectory {
  private readonly byMeter = new Map<string, StoredMeter | null>();
  private readonly byKey = new Map<string, readonly StoredMeter[]>();
  private revision: bigint | undefined;
  private checkedAtMs = Number.NEGATIVE_INFINITY;
  private checking: Promise<void> | undefined;

  constructor(
    private readonly parts: {
      readonly store: MeterStore;
      readonly clock: Clock;
      readonly maxStaleMs: number;
      /** Entries per map; when full, everything is forgotten. */
      readonly entries: number;
    },
  ) {}

  /** Makes what is remembered at most `maxStaleMs` old. Rejects with the store's error. */
  async refresh(): Promise<void> {
    const { clock, maxStaleMs } = this.parts;
    if (this.revision !== undefined && clock.nowMs() - this.checkedAtMs < maxStaleMs) return;
    this.checking ??= this.check().finally(() => {
      this.checking = undefined;
    });
    await this.checking;
  }

  /** Forget everything: something changed here. */
  invalidate(): void {
    this.revision = undefined;
    this.forget();
  }

  /** Remembered meter; null when it does not exist; undefined when it has to be loaded. */
  peekMeter(meterId: string): StoredMeter | null | undefined {
    return this.byMeter.get(meterId);
  }

  /** Remembered meters of a key id; undefined when they have to be loaded. */
  peekKey(keyId: string): readonly StoredMeter[] | undefined {
    return this.byKey.get(keyId);
  }

  /** Loads what is missing. */
  async load(meterIds: Iterable<string>, keyIds: Iterable<string>): Promise<void> {
    const { store } = this.parts;
    const revision = this.revision;
    // No text column holds U+0000: nobody has such an id, and asking would fail for everybody in the question.
    const meters = [...meterIds].filter((id) => !this.byMeter.has(id) && !id.includes('\u0000'));
    const keys = [...keyIds].filter((id) => !this.byKey.has(id));
    if (meters.length === 0 && keys.length === 0) return;
    // One question for all of them: a message of a thousand meters must not queue a thousand for a connection.
    const found = await store.find({ meterIds: meters, keyIds: keys });
    // Something changed while we were asking: remember nothing that could be older than the change.
    const keep = revision === this.revision;
    if (!keep) this.revision = undefined;
    for (const id of meters) this.byMeter.set(id, null);
    const holders = new Map(keys.map((id): [string, StoredMeter[]] => [id, []]));
    const asked = new Set(meters);
    for (const meter of found) {
      if (asked.has(meter.meterId)) this.byMeter.set(meter.meterId, meter);
      for (const keyId of new Set(meter.keys.map((key) => key.keyId)))
        holders.get(keyId)?.push(meter);
    }
    for (const [id, meterList] of holders) this.byKey.set(id, meterList);
  }

  async meter(meterId: string): Promise<StoredMeter | undefined> {
    await this.refresh();
    await this.load([meterId], []);
    return this.byMeter.get(meterId) ?? undefined;
  }

  private async check(): Promise<void> {
    const askedAtMs = this.parts.clock.nowMs();
    const revision = await this.parts.store.revision();
    const { entries } = this.parts;
    if (revision !== this.revision || this.byMeter.size > entries || this.byKey.size > entries)
      this.forget();
    this.revision = revision;
    this.checkedAtMs = askedAtMs;
  }

  private forget(): void {
    this.byMeter.clear();
    this.byKey.clear();
  }
}
