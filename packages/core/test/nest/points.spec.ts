import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask } from './hosts.js';

const QUARTER_MS = 900_000;

describe('What was generated up to one timestamp', () => {
  let gateway: TestGateway;
  let api: string;
  const solar = new TestDevice('solar-1');

  beforeAll(async () => {
    gateway = await startTestGateway();
    api = `${gateway.url}/api/v1`;
    const { meters } = gateway.services.store;
    await meters.register(solar.stored('active', { accountId: 'ada' }), unjournaled);
  });
  afterAll(() => gateway.stop());

  it('is credited to the 15 minutes before it, and can be claimed from their start', async () => {
    const atMs = gateway.clock.nowMs() - 1;
    const [from, at] = [atMs - QUARTER_MS, atMs].map((ms) => new Date(ms).toISOString());
    const amounts = { import_kwh: undefined, generation_kwh: '0.5' };
    const body = solar.signed(solar.reading(atMs, { start: at, end: at, ...amounts }));
    expect((await ask(`${api}/readings`, { body })).json.verdict).toBe('accepted');
    await gateway.settle();
    const { json } = await ask(`${api}/meters/solar-1/energy`, { key: gateway.adminKey });
    expect(json.intervals).toHaveLength(2);
    for (const one of json.intervals)
      expect(one).toMatchObject({ start: from, end: at, credited_kwh: '0.5' });
    const line = { meterId: 'solar-1', register: 'generation', energyUWh: 500_000_000n };
    const startsMs = atMs - QUARTER_MS;
    const { energyLedger } = gateway.services;
    await energyLedger.claim({ purpose: 'token', key: 'mint-1', lines: [{ ...line, startsMs }] });
    const again = solar.signed(
      solar.reading(atMs, { start: at, end: at, ...amounts, generation_kwh: '0.6' }),
    );
    expect((await ask(`${api}/readings`, { body: again })).json.code).toBe('interval_overlap');
  });
});
