import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { ask, HOSTS } from './hosts.js';

describe.each(HOSTS)('URLs that no client of ours writes, on %s', (host) => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startTestGateway({ host });
  });
  afterAll(() => gateway.stop());

  it.each([
    '/logs?meter_id=%00',
    '/logs?type=a%00b',
    '/logs/%00',
    '/logs/%00/proof',
    '/batches/%00',
    '/batches/x%00/export',
    '/meters/%00',
  ])('%s is refused before it reaches the database', async (path) => {
    const answer = await ask(`${gateway.url}/api/v1${path}`, { key: gateway.adminKey });
    expect([answer.status, answer.json.code]).toEqual([400, 'url_invalid']);
  });

  it('a broken percent escape is told as a problem', async () => {
    const answer = await ask(`${gateway.url}/api/v1/logs/%ff`, { key: gateway.adminKey });
    expect(answer.status).toBe(400);
    expect(answer.type).toContain('application/problem+json');
    expect(answer.json).toMatchObject({ status: 400, code: 'request_invalid' });
  });

  it('consistency of an empty log says that there is no checkpoint', async () => {
    const answer = await ask(`${gateway.url}/api/v1/checkpoints/consistency?from=1&to=2`);
    expect([answer.status, answer.json.code]).toEqual([404, 'checkpoint_not_found']);
  });
});
