import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask } from './hosts.js';

const QUARTER_MS = 900_000;

describe('The energy of a meter', () => {
  let gateway: TestGateway;
  let api: string;
  const solar = new TestDevice('solar-1');
  const house = new TestDevice('house-1');

  beforeAll(async () => {
    gateway = await startTestGateway();
    api = `${gateway.url}/api/v1`;
    const { meters } = gateway.services.store;
    await meters.register(
      solar.stored('active', { accountId: 'ada', ratingW: 8_000 }),
      unjournaled,
    );
    await meters.register(house.stored('active', { accountId: 'ada' }), unjournaled);
    const endsMs = Math.floor(gateway.clock.nowMs() / QUARTER_MS) * QUARTER_MS;
    for (const [device, ago, amounts] of [
      [solar, 1, { generation_kwh: '1.25', import_kwh: undefined }],
      [solar, 0, { generation_kwh: '0.000000001', import_kwh: '0.5' }],
      [house, 0, { import_kwh: '2' }],
    ] as const) {
      const body = device.signed(device.reading(endsMs - ago * QUARTER_MS, amounts));
      expect((await ask(`${api}/readings`, { body })).json.verdict).toBe('accepted');
    }
    await gateway.settle();
  });
  afterAll(() => gateway.stop());

  const energy = async (meter: string, query = '') =>
    (await ask(`${api}/meters/${meter}/energy${query}`, { key: gateway.adminKey })).json;

  it('is credited from what was generated, in both classes, and never from what was consumed', async () => {
    const { intervals } = await energy('solar-1');
    expect(
      intervals.map((one: Record<string, unknown>) => [one['class'], one['credited_kwh']]),
    ).toEqual([
      ['attribute', '1.25'],
      ['energy', '1.25'],
      ['attribute', '0.000000001'],
      ['energy', '0.000000001'],
    ]);
    expect(await energy('house-1')).toMatchObject({ intervals: [], holds: [] });
  });

  it('shows what each interval was used for, and a claim that is too much names the balance', async () => {
    const { energyLedger, store } = gateway.services;
    const { intervals } = await energy('solar-1');
    const startsMs = Date.parse(intervals[0].start);
    const line = { meterId: 'solar-1', register: 'generation', startsMs, energyUWh: 10n ** 9n };
    const claimed = await energyLedger.claim({ purpose: 'token', key: 'mint-1', lines: [line] });
    const said = await store.entries.get(claimed.entryId);
    expect(JSON.parse(Buffer.from(said!.bytes).toString())).toMatchObject({
      v: 'claim/1',
      purpose: 'token',
      key: 'mint-1',
      lines: [{ meter: 'solar-1', class: 'energy', energy_uwh: '1000000000' }],
    });
    const again = energyLedger.claim({ purpose: 'sale', key: 'trade-1', lines: [line] });
    await expect(again).rejects.toMatchObject({
      code: 'energy_not_available',
      status: 409,
      lines: [{ code: 'insufficient', creditedUWh: 1_250_000_000n, claimedUWh: 10n ** 9n }],
    });
    const [, after] = (await energy('solar-1')).intervals;
    expect(after).toMatchObject({
      claimed_kwh: '1',
      available_kwh: '0.25',
      claims: [{ purpose: 'token', key: 'mint-1', kwh: '1', entry: claimed.entryId }],
    });
  });

  it('is frozen with its meter', async () => {
    await ask(`${api}/admin/meters/solar-1/suspend`, { method: 'POST', key: gateway.adminKey });
    const { intervals } = await energy('solar-1', '?limit=2');
    expect(intervals).toMatchObject([
      { frozen: true, available_kwh: '0' },
      { frozen: true, available_kwh: '0' },
    ]);
  });

  it.each([
    ['?from=yesterday', 400, 'query_invalid'],
    ['?limit=0', 400, 'query_invalid'],
    ['?cursor=x', 400, 'cursor_invalid'],
    ['?cursor=tMQ', 400, 'cursor_invalid'],
  ])('is not told for %s', async (query, status, code) => {
    const answer = await ask(`${api}/meters/solar-1/energy${query}`, { key: gateway.adminKey });
    expect([answer.status, answer.json.code]).toEqual([status, code]);
  });
});
