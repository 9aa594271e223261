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

export interface NaiveReading {
  readonly from: number;
  readonly to: number;
  readonly amount: bigint;
  /** Number of the reading it replaces. */
  readonly before?: number;
}

interface Kept extends NaiveReading {
  readonly owner: number;
  holds: boolean;
  erased: boolean;
}

interface Account {
  to: number;
  owner: number;
  credited: bigint;
  claimed: bigint;
  frozen: boolean;
  /** A token claims some of it. */
  minted?: boolean;
  creditedBy: number;
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
 * The energy ledger of one meter whose time has units, as simple as it can be said: numbers in maps, changed one after the
 * other, no ids, no sets, no groups. What the ledger does must equal what this does.
 */
export class NaiveLedger {
  /** By the unit in which they start. */
  readonly accounts: Record<EnergyClass, Map<number, Account>> = {
    energy: new Map(),
    attribute: new Map(),
  };
  private readonly readings: Kept[] = [];
  private readonly keys = new Map<string, string>();
  private readonly holds: Hold[] = [];
  /** Since when the meter has the owner of that number. */
  private readonly owners = [-1];
  private suspended = false;

  constructor(private readonly perUnit: bigint) {}

  /** Its number, or why it is not taken. */
  read(reading: NaiveReading): number | 'supersedes_unknown' | 'interval_overlap' {
    const owner = this.ownerAt(reading.from);
    const before = reading.before === undefined ? undefined : this.readings[reading.before];
    if (reading.before !== undefined)
      if (before === undefined || before.erased || (before.holds && before.owner !== owner))
        return 'supersedes_unknown';
    for (const other of this.readings)
      if (other !== before && other.holds && meet(reading, other)) return 'interval_overlap';
    if (before !== undefined) before.holds = false;
    return this.readings.push({ ...reading, owner, holds: true, erased: false }) - 1;
  }

  ownerAt(unit: number): number {
    return this.owners.findLastIndex((since) => since <= unit);
  }

  handOver(unit: number): boolean {
    const starts = this.readings.flatMap(({ from, erased }) => (erased ? [] : [from]));
    const promised = this.holds.some(({ open, to }) => open && to > unit);
    if (this.suspended || promised || unit <= Math.max(...starts, this.owners.at(-1)!))
      return false;
    this.owners.push(unit);
    return true;
  }

  credit(numbers: readonly number[]): void {
    const told = numbers
      .flatMap((number) => [number, this.readings[number]!.before ?? number])
      .filter((number) => !this.readings[number]!.erased);
    const standing = [...new Set(told.filter((number) => this.readings[number]!.holds))];
    standing.sort((a, b) => this.readings[a]!.from - this.readings[b]!.from);
    const starts = standing.map((number) => this.readings[number]!.from);
    for (const side of ['energy', 'attribute'] as const) {
      const accounts = this.accounts[side];
      for (const [from, account] of accounts)
        if (!starts.includes(from) && told.includes(account.creditedBy))
          if (!standing.includes(account.creditedBy)) account.credited = 0n;
      for (const number of standing) {
        const { from, to, amount, owner } = this.readings[number]!;
        let free = amount;
        for (const [start, other] of accounts)
          if (start !== from && meet({ from, to }, { from: start, to: other.to }))
            if (other.claimed > other.credited) free -= other.claimed - other.credited;
        const known = accounts.get(from);
        const claimed = known?.claimed ?? 0n;
        const credited = free > 0n ? free : 0n;
        // What was claimed too much was claimed of all the time there was.
        const until = known !== undefined && claimed > credited ? Math.max(known.to, to) : to;
        const { suspended: frozen } = this;
        const now = { to: until, owner, credited, claimed, frozen, creditedBy: number };
        accounts.set(from, Object.assign(known ?? now, now));
      }
    }
    for (const hold of this.holds) this.serve(hold, starts);
  }

  claim(purpose: NaivePurpose, key: string, wanted: ReadonlyMap<number, bigint>): string {
    const request = JSON.stringify([...wanted].sort(([a], [b]) => a - b).map(String));
    const known = this.keys.get(`${purpose} ${key}`);
    if (known !== undefined) return known === request ? 'existing' : 'key_conflict';
    const lines = TAKES[purpose].flatMap((side) =>
      [...wanted].map(([from, amount]) => ({ account: this.accounts[side].get(from), amount })),
    );
    const owner = lines[0]?.account?.owner;
    for (const { account, amount } of lines)
      if (
        account === undefined ||
        account.owner !== owner ||
        account.frozen ||
        account.claimed + amount > account.credited
      )
        return 'refused';
    for (const { account, amount } of lines) {
      account!.claimed += amount;
      if (purpose.startsWith('token')) account!.minted = true;
    }
    this.keys.set(`${purpose} ${key}`, request);
    return 'claimed';
  }

  hold(key: string, from: number, to: number, amount: bigint): string {
    if (this.ownerAt(from) !== this.ownerAt(to - 1)) return 'not_owner';
    const known = this.holds.find((one) => one.key === key);
    if (known !== undefined)
      return known.from === from && known.to === to && known.amount === amount
        ? 'existing'
        : 'key_conflict';
    if (this.suspended) return 'frozen';
    for (const [start, account] of this.accounts.energy)
      if (account.credited > 0n && meet({ from, to }, { from: start, to: account.to }))
        return 'already_measured';
    const all = [...this.holds.filter(({ open }) => open), { from, to, amount }];
    // Every stretch of time, whether anything begins there or not.
    for (let start = 0; start < 20; start += 1)
      for (let end = start + 1; end <= 20; end += 1) {
        const within = all.filter((one) => one.from >= start && one.to <= end);
        const promised = within.reduce((sum, one) => sum + one.amount, 0n);
        if (promised > this.perUnit * BigInt(end - start)) return 'insufficient';
      }
    this.holds.push({ key, from, to, amount, claimed: 0n, open: true });
    return 'held';
  }

  close(key: string, settle: boolean): bigint | undefined {
    const hold = this.holds.find((one) => one.key === key);
    if (hold?.open === true) {
      if (settle) this.serve(hold, [...this.accounts.energy.keys()]);
      hold.open = false;
    }
    return hold?.claimed;
  }

  suspend(suspended: boolean): void {
    this.suspended = suspended;
    for (const accounts of Object.values(this.accounts))
      for (const account of accounts.values()) account.frozen = suspended;
  }

  /** What was used stays; a reading that had been replaced credits nothing from now on. */
  erase(number: number): void {
    const reading = this.readings[number]!;
    if (reading.erased) return;
    reading.erased = true;
    for (const accounts of Object.values(this.accounts))
      for (const [from, account] of accounts) {
        if (account.creditedBy !== number) continue;
        if (account.claimed === 0n) accounts.delete(from);
        if (!reading.holds) account.credited = 0n;
        if (account.credited > account.claimed) account.credited = account.claimed;
        account.frozen = true;
      }
  }

  /** The numbers of an owner's readings that are not erased, and of those that are minted, or can be. */
  listed(owner: number, only: 'all' | 'minted' | 'unminted' | 'mintable'): readonly number[] {
    const accounts = [...this.accounts.energy.values()];
    return this.readings.flatMap((reading, number) => {
      if (reading.erased || reading.owner !== owner) return [];
      const own = accounts.filter(({ creditedBy }) => creditedBy === number);
      const minted = own.some((account) => account.minted);
      const free = own.some(({ frozen, claimed, credited }) => !frozen && claimed < credited);
      const fits = { all: true, minted, unminted: !minted, mintable: free };
      return fits[only] ? [number] : [];
    });
  }

  get ownerCount(): number {
    return this.owners.length;
  }

  private serve(hold: Hold, fresh: readonly number[]): void {
    if (!hold.open) return;
    for (const from of [...new Set(fresh)].sort((a, b) => a - b)) {
      const account = this.accounts.energy.get(from)!;
      if (account.frozen || from < hold.from || account.to > hold.to) continue;
      const free = account.credited - account.claimed;
      const missing = hold.amount - hold.claimed;
      const taken = free < missing ? free : missing;
      if (taken <= 0n) continue;
      account.claimed += taken;
      hold.claimed += taken;
    }
  }
}

type Span = Pick<NaiveReading, 'from' | 'to'>;

function meet(a: Span, b: Span): boolean {
  return a.from < b.to && b.from < a.to;
}
