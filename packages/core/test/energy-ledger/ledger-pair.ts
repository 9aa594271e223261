import { expect } from '@jest/globals';
import fc from 'fast-check';
import { BOTH, MeteredHouse, NOON_MS } from '../../src/testing/store-suite/metered-house.js';
import { QUARTER_MS, sampleReading } from '../../src/testing/store-suite/sample-rows.js';
import type { StoreScene } from '../../src/testing/store-suite/store-scene.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { NaiveLedger, type NaivePurpose } from './naive-ledger.js';

const NIGHTLY = process.env['WATTPROOF_NIGHTLY'] !== undefined;
const SLOTS = 6;
/** 4 kW for a quarter of an hour. */
const PER_SLOT = 1_000_000_000n;

const slot = fc.integer({ min: 0, max: SLOTS - 1 });
// Few amounts and few keys: what matters is what meets.
const amount = fc.constantFrom(0n, 1n, 250_000_000n, 400_000_000n, 999_999_999n, 1_000_000_000n);
const some = amount.filter((one) => one > 0n);
const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
const purpose = fc.constantFrom<NaivePurpose>(
  'token',
  'certificate',
  'sale',
  'bundled-sale',
  'token-with-origin',
);
const step = fc.oneof(
  fc.record({ do: fc.constant('read' as const), slot, amount }),
  fc.record({ do: fc.constant('replace' as const), which: fc.nat(20), amount }),
  fc.record({
    do: fc.constant('credit' as const),
    which: fc.array(fc.nat(20), { maxLength: 4 }),
    rest: fc.boolean(),
  }),
  fc.record({
    do: fc.constant('claim' as const),
    asked: fc.array(
      fc.record({
        purpose,
        key,
        lines: fc.array(fc.record({ slot, amount: some }), { minLength: 1, maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  fc.record({
    do: fc.constant('hold' as const),
    key,
    from: slot,
    length: fc.integer({ min: 1, max: 3 }),
    amount: some,
  }),
  fc.record({ do: fc.constant('close' as const), key, settle: fc.boolean() }),
  fc.record({ do: fc.constant('suspend' as const), suspended: fc.boolean() }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The real ledger and the naive one, driven side by side. */
class Pair {
  private readonly naive = new NaiveLedger(PER_SLOT);
  private readonly rows: ReturnType<MeteredHouse['readings']> = [];
  private readonly pending = new Set<number>();
  private suspended = false;

  constructor(private readonly house: MeteredHouse) {}

  async take(one: Step): Promise<void> {
    if (one.do === 'read') await this.read(one.slot, one.amount);
    if (one.do === 'replace') await this.replace(one.which, one.amount);
    if (one.do === 'credit') await this.credit(one.which, one.rest);
    if (one.do === 'claim') await this.claim(one.asked);
    if (one.do === 'hold') await this.hold(one);
    if (one.do === 'close') await this.close(one.key, one.settle);
    if (one.do === 'suspend') await this.suspend(one.suspended);
  }

  private reading(at: number, energyUWh: bigint, supersedes?: Uint8Array) {
    const { meterId, fingerprint, accountId } = this.house;
    return sampleReading({
      accountId,
      reading: {
        meterId,
        fingerprint,
        startsMs: NOON_MS + at * QUARTER_MS,
        endsMs: NOON_MS + (at + 1) * QUARTER_MS,
        energies: [{ register: 'generation', energyUWh }],
        ...(supersedes === undefined ? {} : { supersedes }),
      },
    });
  }

  private async read(at: number, energyUWh: bigint): Promise<void> {
    const row = this.reading(at, energyUWh);
    const [answer] = await this.house.scene.commit(row);
    if (answer?.outcome.kind === 'stored') this.note(this.naive.read(at, energyUWh), row);
  }

  private async replace(which: number, energyUWh: bigint): Promise<void> {
    const standing = this.naive.standing();
    const number = standing[which % Math.max(1, standing.length)];
    if (number === undefined) return;
    const before = this.rows[number]!;
    const at = (before.reading!.startsMs - NOON_MS) / QUARTER_MS;
    const row = this.reading(at, energyUWh, before.logHash);
    const [answer] = await this.house.scene.commit(row);
    expect(answer?.outcome.kind).toBe('stored');
    this.note(this.naive.replace(number, energyUWh), row);
  }

  private note(number: number, row: (typeof this.rows)[number]): void {
    this.rows[number] = row;
    this.pending.add(number);
  }

  /** Events come in groups, in any order, some again. */
  private async credit(which: readonly number[], rest: boolean): Promise<void> {
    const numbers = which.filter((number) => number < this.rows.length);
    if (rest) numbers.push(...this.pending);
    for (const number of numbers) this.pending.delete(number);
    await this.tell(numbers);
  }

  async settle(): Promise<void> {
    await this.tell([...this.rows.keys()]);
  }

  private async tell(numbers: readonly number[]): Promise<void> {
    const { energy } = this.house.store;
    await energy.credit(
      numbers.map((number) => ({ entryId: this.rows[number]!.id })),
      BOTH,
      this.house.say,
    );
    this.naive.credit(numbers);
  }

  private async claim(asked: Extract<Step, { do: 'claim' }>['asked']): Promise<void> {
    const { house } = this;
    const answers = await house.ask(
      ...asked.map(({ purpose: use, key: name, lines }) => ({
        purpose: use,
        key: `${house.meterId} ${name}`,
        lines: lines.map((line) => ({
          meterId: house.meterId,
          register: 'generation',
          startsMs: NOON_MS + line.slot * QUARTER_MS,
          energyUWh: line.amount,
        })),
      })),
    );
    const said = answers.map((one) =>
      one.kind === 'claimed' ? (one.existing ? 'existing' : 'claimed') : one.kind,
    );
    const expected = asked.map(({ purpose: use, key: name, lines }) => {
      const wanted = new Map<number, bigint>();
      for (const line of lines) wanted.set(line.slot, (wanted.get(line.slot) ?? 0n) + line.amount);
      return this.naive.claim(use, name, wanted);
    });
    expect(said).toEqual(expected);
  }

  private async hold({
    key: name,
    from,
    length,
    amount: energyUWh,
  }: Extract<Step, { do: 'hold' }>): Promise<void> {
    const { meterId, store } = this.house;
    const outcome = await store.energy.hold(
      {
        key: `${meterId} ${name}`,
        meterId,
        class: 'energy',
        startsMs: NOON_MS + from * QUARTER_MS,
        endsMs: NOON_MS + (from + length) * QUARTER_MS,
        energyUWh,
      },
      1,
    );
    const said = outcome.kind === 'held' ? (outcome.existing ? 'existing' : 'held') : outcome.code;
    expect(said).toBe(this.naive.hold(name, from, from + length, energyUWh));
  }

  private async close(name: string, settle: boolean): Promise<void> {
    const { meterId, store, say } = this.house;
    const closed = await store.energy.closeHold(
      `${meterId} ${name}`,
      settle ? 'settle' : 'release',
      say,
    );
    expect(closed?.claimedUWh).toBe(this.naive.close(name, settle));
  }

  private async suspend(suspended: boolean): Promise<void> {
    if (suspended === this.suspended) return;
    const [from, to] = suspended
      ? (['active', 'suspended'] as const)
      : (['suspended', 'active'] as const);
    const { meterId, store } = this.house;
    expect(await store.meters.setState(meterId, from, to, unjournaled)).toBe(true);
    this.suspended = suspended;
    this.naive.suspend(suspended);
  }

  async compare(): Promise<void> {
    for (const side of ['energy', 'attribute'] as const) {
      const found = await this.house.statements(side);
      const slots = [...this.naive.slots[side]].sort(([a], [b]) => a - b);
      expect(
        found.map((one) => [
          (one.startsMs - NOON_MS) / QUARTER_MS,
          one.creditedUWh,
          one.claimedUWh,
          one.shortfallUWh,
        ]),
      ).toEqual(
        slots.map(([at, { credited, claimed }]) => [
          at,
          credited,
          claimed,
          claimed > credited ? claimed - credited : 0n,
        ]),
      );
      for (const one of found)
        expect(one.claims.reduce((sum, { energyUWh }) => sum + energyUWh, 0n)).toBe(one.claimedUWh);
    }
  }
}

/** Drives both through so many stories, and compares them at the end of each. */
export async function compareWithPlainSums(scene: StoreScene, runs: number): Promise<void> {
  const store = await scene.store();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async (steps) => {
      const house = new MeteredHouse(scene, store);
      await house.register(4_000);
      const pair = new Pair(house);
      for (const one of steps) await pair.take(one);
      await pair.compare();
      await pair.settle();
      await pair.compare();
    }),
    { numRuns: runs, seed: NIGHTLY ? Date.now() : 20_261_121 },
  );
}
