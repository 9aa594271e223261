import type { EnergyClass, Purpose } from '../../src/energy-ledger/energy-class.js';

/** What a purpose takes, written a second time on purpose. */
const TAKES: Readonly<Record<Exclude<Purpose, 'forward-sale'>, readonly EnergyClass[]>> = {
  token: ['energy'],
  certificate: ['attribute'],
  sale: ['energy'],
  'bundled-sale': ['energy'],
  'token-with-origin': ['energy', 'attribute'],
};
export type NaivePurpose = keyof typeof TAKES;

interface Slot {
  credited: bigint;
  claimed: bigint;
  creditedBy: number | undefined;
}

interface Hold {
  readonly key: string;
  readonly from: number;
  readonly to: number;
  readonly amount: bigint;
  claimed: bigint;
  open: boolean;
}

/**
 * The energy ledger of one meter with quarter-hour slots, as simple as it can be said: numbers in maps, changed one after
 * the other, no ids, no sets, no groups. What the ledger does must equal what this does.
 */
export class NaiveLedger {
  readonly slots: Record<EnergyClass, Map<number, Slot>> = {
    energy: new Map(),
    attribute: new Map(),
  };
  /** By number: where a reading lies, what it says, and whether another has replaced it. */
  private readonly readings: { slot: number; amount: bigint; replaced: boolean }[] = [];
  private readonly keys = new Map<string, string>();
  private readonly holds: Hold[] = [];
  private suspended = false;

  constructor(private readonly perSlot: bigint) {}

  read(slot: number, amount: bigint): number {
    return this.readings.push({ slot, amount, replaced: false }) - 1;
  }

  replace(before: number, amount: bigint): number {
    const old = this.readings[before]!;
    old.replaced = true;
    return this.read(old.slot, amount);
  }

  /** Readings that stand, for choosing one to replace. */
  standing(): readonly number[] {
    return this.readings.flatMap(({ replaced }, number) => (replaced ? [] : [number]));
  }

  credit(numbers: readonly number[]): void {
    for (const side of ['energy', 'attribute'] as const) {
      const fresh: number[] = [];
      for (const number of numbers) {
        const { slot, amount, replaced } = this.readings[number]!;
        if (replaced) {
          const known = this.slots[side].get(slot);
          if (known?.creditedBy === number) known.credited = 0n;
          continue;
        }
        const known = this.slots[side].get(slot) ?? {
          credited: 0n,
          claimed: 0n,
          creditedBy: number,
        };
        this.slots[side].set(slot, Object.assign(known, { credited: amount, creditedBy: number }));
        fresh.push(slot);
      }
      if (side === 'energy') for (const hold of this.holds) this.serve(hold, fresh);
    }
  }

  claim(purpose: NaivePurpose, key: string, wanted: ReadonlyMap<number, bigint>): string {
    const request = JSON.stringify([...wanted].sort(([a], [b]) => a - b).map(String));
    const known = this.keys.get(`${purpose} ${key}`);
    if (known !== undefined) return known === request ? 'existing' : 'key_conflict';
    const slots = TAKES[purpose].flatMap((side) =>
      [...wanted].map(([slot, amount]) => ({ slot: this.slots[side].get(slot), amount })),
    );
    for (const { slot, amount } of slots)
      if (slot === undefined || this.suspended || slot.claimed + amount > slot.credited)
        return 'refused';
    for (const { slot, amount } of slots) slot!.claimed += amount;
    this.keys.set(`${purpose} ${key}`, request);
    return 'claimed';
  }

  hold(key: string, from: number, to: number, amount: bigint): string {
    const known = this.holds.find((one) => one.key === key);
    if (known !== undefined)
      return known.from === from && known.to === to && known.amount === amount
        ? 'existing'
        : 'key_conflict';
    if (this.suspended) return 'frozen';
    for (let slot = from; slot < to; slot += 1)
      if ((this.slots.energy.get(slot)?.credited ?? 0n) > 0n) return 'already_measured';
    const all = [...this.holds.filter(({ open }) => open), { from, to, amount }];
    // Every stretch of slots, whether anything begins there or not.
    for (let start = 0; start < 20; start += 1)
      for (let end = start + 1; end <= 20; end += 1) {
        const within = all.filter((one) => one.from >= start && one.to <= end);
        const promised = within.reduce((sum, one) => sum + one.amount, 0n);
        if (promised > this.perSlot * BigInt(end - start)) return 'insufficient';
      }
    this.holds.push({ key, from, to, amount, claimed: 0n, open: true });
    return 'held';
  }

  close(key: string, settle: boolean): bigint | undefined {
    const hold = this.holds.find((one) => one.key === key);
    if (hold?.open === true) {
      if (settle) this.serve(hold, [...this.slots.energy.keys()]);
      hold.open = false;
    }
    return hold?.claimed;
  }

  suspend(suspended: boolean): void {
    this.suspended = suspended;
  }

  private serve(hold: Hold, fresh: readonly number[]): void {
    if (!hold.open || this.suspended) return;
    for (const place of [...new Set(fresh)].sort((a, b) => a - b)) {
      const slot = this.slots.energy.get(place)!;
      if (place < hold.from || place >= hold.to) continue;
      const free = slot.credited - slot.claimed;
      const missing = hold.amount - hold.claimed;
      const taken = free < missing ? free : missing;
      if (taken <= 0n) continue;
      slot.claimed += taken;
      hold.claimed += taken;
    }
  }
}
