import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask } from './hosts.js';

const NUL = 'a\u0000b';

describe('A text that no database holds', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway({ parts: { plugins: [] } });
    const solar = new TestDevice('solar-1').stored('active', { accountId: 'ada' });
    await gateway.services.store.meters.register(solar, unjournaled);
  });
  afterAll(() => gateway.stop());

  const submission = {
    wallet_address: 'wallet',
    kwh_amount: '1',
    reading_timestamp: '2026-01-01T00:00:00Z',
  };
  it.each<[string, object]>([
    ['meters/solar-1/transfer/accept', { transfer_id: NUL }],
    ['admin/erasures', { meter_id: NUL, reason: 'r' }],
    ['meters/submit', { ...submission, wallet_address: NUL }],
    ['meters/submit', { ...submission, meter_id: NUL }],
    ['meters/submit', { ...submission, ['a\\\u0000']: 1 }],
  ])('is refused by %s', async (path, body) => {
    const answer = await ask(`${gateway.url}/api/v1/${path}`, { body, key: gateway.adminKey });
    expect([answer.status, answer.json.code]).toEqual([400, 'body_invalid']);
  });

  it('is not what six characters spell', async () => {
    const body = { transfer_id: 'a\\u0000' };
    const path = `${gateway.url}/api/v1/meters/solar-1/transfer/accept`;
    const answer = await ask(path, { body, key: gateway.adminKey });
    expect([answer.status, answer.json.code]).toEqual([404, 'transfer_not_found']);
  });
});
