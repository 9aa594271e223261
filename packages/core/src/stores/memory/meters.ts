import type { MeterState, MeterStore, StoredMeter } from '../../devices/meter.store.js';
import type { Journaled } from '../../logs/journal.js';
import type { Clock } from '../../spi/index.js';
import { toHex } from '../../verify/bytes.js';
import { page, readTextCursor, textCursor } from '../list-cursor.js';
import type { MemoryChanges } from './memory-changes.js';

export class MemoryMeters implements MeterStore {
  private readonly meters = new Map<string, StoredMeter>();
  private changes = 0n;
  private readonly told: ((meterId: string, state: MeterState) => void)[] = [];
  private readonly allowed = new Set<string>();
  private readonly challenges = new Map<string, { readonly expiresAtMs: number; used: boolean }>();

  constructor(
    private readonly clock: Clock,
    private readonly journaled: MemoryChanges,
  ) {}

  register(meter: StoredMeter, said: Journaled): Promise<'registered' | 'meter_taken'> {
    const fingerprint = toHex(meter.fingerprint);
    return this.journaled.run(async (journal) => {
      const claimed = [...this.meters.values()].filter(
        (other) => other.meterId === meter.meterId || toHex(other.fingerprint) === fingerprint,
      );
      if (claimed.some(({ state }) => state !== 'retired')) return 'meter_taken';
      await journal(said);
      for (const { meterId } of claimed) this.meters.delete(meterId);
      this.meters.set(meter.meterId, { ...meter, keys: [...meter.keys] });
      this.changes += 1n;
      return 'registered';
    });
  }

  /** Told of every change of a meter's state, within its transaction. */
  onState(told: (meterId: string, state: MeterState) => void): void {
    this.told.push(told);
  }

  peek(meterId: string): StoredMeter | undefined {
    return this.meters.get(meterId);
  }

  async get(meterId: string): Promise<StoredMeter | undefined> {
    return this.meters.get(meterId);
  }

  async find(wanted: {
    readonly meterIds: readonly string[];
    readonly keyIds: readonly string[];
  }): Promise<readonly StoredMeter[]> {
    const meterIds = new Set(wanted.meterIds);
    const keyIds = new Set(wanted.keyIds);
    return [...this.meters.values()]
      .filter(
        ({ meterId, keys }) => meterIds.has(meterId) || keys.some(({ keyId }) => keyIds.has(keyId)),
      )
      .toSorted((a, b) => (a.meterId < b.meterId ? -1 : 1));
  }

  async list(query: {
    readonly state?: MeterState;
    readonly accountId?: string;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly StoredMeter[]; readonly cursor?: string }> {
    const behind = query.cursor === undefined ? undefined : readTextCursor(query.cursor);
    const found = [...this.meters.values()]
      .filter(
        (meter) =>
          (behind === undefined || meter.meterId > behind) &&
          (query.state === undefined || meter.state === query.state) &&
          (query.accountId === undefined || meter.accountId === query.accountId),
      )
      .sort((a, b) => (a.meterId < b.meterId ? -1 : 1));
    return page(found, query.limit, (last) => textCursor(last.meterId));
  }

  setState(meterId: string, from: MeterState, to: MeterState, said: Journaled): Promise<boolean> {
    return this.journaled.run(async (journal) => {
      const meter = this.meters.get(meterId);
      if (meter?.state !== from) return false;
      await journal(said);
      this.meters.set(meterId, { ...meter, state: to });
      for (const told of this.told) told(meterId, to);
      this.changes += 1n;
      return true;
    });
  }

  setAllowed(
    meterIds: readonly string[],
    allowed: boolean,
    _by: { readonly principal: string; readonly atMs: number },
    said: Journaled,
  ): Promise<number> {
    return this.journaled.run(async (journal) => {
      const changing = new Set(meterIds.filter((id) => this.allowed.has(id) !== allowed));
      if (changing.size > 0) await journal(said);
      for (const id of changing) {
        if (allowed) this.allowed.add(id);
        else this.allowed.delete(id);
      }
      return changing.size;
    });
  }

  async isAllowed(meterId: string): Promise<boolean> {
    return this.allowed.has(meterId);
  }

  async revision(): Promise<bigint> {
    return this.changes;
  }

  async putChallenge(nonce: string, ttlMs: number): Promise<void> {
    const now = this.clock.nowMs();
    for (const [old, { expiresAtMs }] of this.challenges)
      if (expiresAtMs <= now) this.challenges.delete(old);
    // A nonce that was issued before keeps its fate: a used one does not come back to life.
    if (!this.challenges.has(nonce))
      this.challenges.set(nonce, { expiresAtMs: now + ttlMs, used: false });
  }

  async useChallenge(nonce: string): Promise<boolean> {
    const challenge = this.challenges.get(nonce);
    if (challenge === undefined || challenge.used || challenge.expiresAtMs <= this.clock.nowMs())
      return false;
    challenge.used = true;
    return true;
  }
}
