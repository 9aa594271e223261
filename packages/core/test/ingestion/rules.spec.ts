import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { MeterRegister } from '../../src/devices/meter-registers.js';
import { openFixture, type Fixture, type FixtureOptions } from './ingestion-fixture.js';
import { TestDevice } from './test-devices.js';

const NOW = Date.UTC(2026, 10, 21, 12);
const QUARTER = 900_000;
const device = new TestDevice('meter-1');

async function send(fixture: Fixture, body: object, more = {}) {
  const answer = await fixture.send(body, more);
  if (answer.kind !== 'items') throw new Error(`${answer.kind} ${answer.code}`);
  return answer.items;
}

function open(meter: object = {}, more: Partial<FixtureOptions> = {}): Promise<Fixture> {
  return openFixture({ nowMs: NOW, meters: [device.stored('active', meter)], ...more });
}

/** Verdict or code of each. */
const said = (items: readonly { verdict: string; reason?: string }[]) =>
  items.map(({ verdict, reason }) => reason ?? verdict);

describe('The direction of a register', () => {
  const generation: MeterRegister = { name: 'generation', direction: 'generation' };
  const amounts = {
    import: { import_kwh: '1', generation_kwh: undefined },
    export: { import_kwh: undefined, export_kwh: '1' },
    generation: { import_kwh: undefined, generation_kwh: '1' },
  };
  it.each<[string, keyof typeof amounts, string, readonly MeterRegister[]]>([
    ['a plant', 'generation', 'accepted', [generation]],
    ['a plant', 'import', 'direction_mismatch', [generation]],
    ['a plant by another name', 'generation', 'accepted', [{ ...generation, name: 'pv' }]],
    [
      'consumption called generation',
      'generation',
      'direction_mismatch',
      [{ name: 'generation', direction: 'consumption' }],
    ],
    [
      'a store called generation',
      'generation',
      'direction_mismatch',
      [{ name: 'generation', direction: 'storage' }],
    ],
    ['a store', 'export', 'accepted', [{ name: 'export', direction: 'storage' }]],
    [
      'charging said to be storage',
      'import',
      'direction_mismatch',
      [{ name: 'import', direction: 'storage' }],
    ],
    ['a house', 'generation', 'direction_mismatch', [{ name: 'import', direction: 'consumption' }]],
  ])('of %s, in a document of %s: %s', async (_what, register, verdict, registers) => {
    const fixture = await open({ registers });
    const document = device.reading(NOW, amounts[register]);
    expect(said(await send(fixture, device.signed(document)))).toEqual([verdict]);
  });

  it('is consumption for every emlog-1.1 document', async () => {
    const unsigned = { devices: { unsigned: 'accept' } };
    const sender = { accountId: 'account of meter-1' };
    const solar = await open({ registers: [generation] }, unsigned);
    const document = { format: 'emlog-1.1', document: device.emlog(NOW) };
    expect(said(await send(solar, document, sender))).toEqual(['direction_mismatch']);
    const house = await open({}, unsigned);
    expect(said(await send(house, document, sender))).toEqual(['accepted']);
  });
});

describe('A reading with one timestamp', () => {
  const point = (atMs: number, more: object) => {
    const at = new Date(atMs).toISOString();
    return device.signed(device.reading(atMs, { start: at, end: at, ...more }));
  };
  const generated = { import_kwh: undefined, generation_kwh: '0.5' };

  it.each([
    ['exactly 15 minutes later', QUARTER, 'accepted'],
    ['exactly 15 minutes earlier', -QUARTER, 'accepted'],
    ['14:59.999 later', QUARTER - 1, 'interval_overlap'],
    ['14:59.999 earlier', 1 - QUARTER, 'interval_overlap'],
    ['at the same time', 0, 'interval_overlap'],
  ])('of generation covers the 15 minutes before it: another %s', async (_when, byMs, verdict) => {
    const fixture = await open();
    const first = NOW - 2 * QUARTER;
    expect(said(await send(fixture, point(first, generated)))).toEqual(['accepted']);
    const other = { ...generated, generation_kwh: '0.25' };
    expect(said(await send(fixture, point(first + byMs, other)))).toEqual([verdict]);
    const { items } = await fixture.store.entries.list({ limit: 10 });
    expect(items[0]).toMatchObject({ startsMs: first - QUARTER, endsMs: first });
  });

  it('of generation meets intervals that touch it, and none that reach into it', async () => {
    const fixture = await open();
    await send(fixture, device.signed(device.reading(NOW, generated)));
    expect(said(await send(fixture, point(NOW - QUARTER + 1, generated)))).toEqual([
      'interval_overlap',
    ]);
    expect(said(await send(fixture, point(NOW - QUARTER, generated)))).toEqual(['accepted']);
  });

  it('of consumption is a point', async () => {
    const fixture = await open();
    expect(said(await send(fixture, point(NOW, {})))).toEqual(['accepted']);
    expect(said(await send(fixture, point(NOW - 1, {})))).toEqual(['accepted']);
    expect(said(await send(fixture, point(NOW, { import_kwh: '2' })))).toEqual(['timestamp_taken']);
    expect(said(await send(fixture, point(NOW, {})))).toEqual(['duplicate']);
  });

  it('of generation is held when its meter cannot deliver as much in 15 minutes', async () => {
    const fixture = await open({ ratingW: 4_000 });
    const amount = (kwh: string) => ({ import_kwh: undefined, generation_kwh: kwh });
    expect(said(await send(fixture, point(NOW, amount('1.05'))))).toEqual(['accepted']);
    const above = point(NOW - QUARTER, amount('1.050000001'));
    expect(said(await send(fixture, above))).toEqual(['energy_above_rating']);
  });
});

describe('A supersession', () => {
  const reading = (kwh: string, more: object = {}) =>
    device.signed(device.reading(NOW, { import_kwh: kwh, ...more }));

  it('amends once; whoever amends the same reading again finds the place taken', async () => {
    const fixture = await open();
    const [first] = await send(fixture, reading('1'));
    const [second] = await send(fixture, reading('2', { supersedes: first!.leaf_hash }));
    expect(second?.verdict).toBe('accepted');
    const rival = reading('3', { supersedes: first!.leaf_hash });
    expect(said(await send(fixture, rival))).toEqual(['interval_overlap']);
    const third = reading('3', { supersedes: second!.leaf_hash });
    expect(said(await send(fixture, third))).toEqual(['accepted']);
  });
});

describe('An inspection before the commit', () => {
  it('holds a reading with its own reason, and is a part of the rules', async () => {
    const inspect = ({ reading }: { reading: { energies: readonly { energyUWh: bigint }[] } }) =>
      reading.energies.some(({ energyUWh }) => energyUWh === 1_000_000_000n)
        ? { code: 'night_solar', detail: 'the sun is down' }
        : undefined;
    const looked = await open({}, { inspection: { inspect, detectors: ['night-solar@1'] } });
    const held = device.signed(device.reading(NOW, { import_kwh: '1' }));
    expect(await send(looked, held)).toMatchObject([
      { verdict: 'quarantined', reason: 'night_solar', detail: 'the sun is down' },
    ]);
    const bare = await open();
    expect(looked.ruleSet.id).not.toBe(bare.ruleSet.id);
    expect(JSON.parse(looked.ruleSet.text)).toMatchObject({
      v: 'wattproof.rules/3',
      detectors: ['night-solar@1'],
    });
    expect(createHash('sha256').update(bare.ruleSet.text).digest('hex')).toBe(bare.ruleSet.id);
  });
});

describe('Two wallets that say they own a meter nobody registered', () => {
  const claim = (wallet: string, atMs: number) => ({
    format: 'gridtokenx-meter/1',
    document: {
      meter_serial: 'serial-1',
      timestamp: new Date(atMs).toISOString(),
      kwh_amount: 1.5,
      wallet,
    },
  });

  it.each([
    [QUARTER, 'accepted'],
    [QUARTER - 1, 'cross_owner_duplicate'],
    [1 - QUARTER, 'cross_owner_duplicate'],
  ])('are held %i ms apart: %s, whoever sends for them', async (byMs, verdict) => {
    const fixture = await open({}, { devices: { unsigned: 'accept' } });
    const atMs = NOW - 3 * QUARTER;
    expect(said(await send(fixture, claim('wallet-a', atMs)))).toEqual(['accepted']);
    const platform = { accountId: 'platform' };
    expect(said(await send(fixture, claim('wallet-b', atMs + byMs), platform))).toEqual([verdict]);
    const { items } = await fixture.store.quarantine.list({ limit: 10 });
    expect(items).toHaveLength(verdict === 'accepted' ? 0 : 1);
  });
});
