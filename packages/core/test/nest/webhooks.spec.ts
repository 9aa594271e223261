import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { verifyWebhook } from '../../src/events/webhooks/index.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import type { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { HookListener } from '../events/webhooks/hook-listener.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask, HOSTS } from './hosts.js';

describe.each(HOSTS)('Webhooks and notices on %s', (host) => {
  let gateway: TestGateway;
  let api: string;
  const hook = new HookListener();
  let url: string;
  const key = new Map<string, string>();
  const ada = new TestDevice('meter of ada');
  const bob = new TestDevice('meter of bob');

  const keyOf = async (account: string, role: string, scopes: readonly string[] = []) => {
    const body = { account_id: account, role, scopes };
    return (await ask(`${api}/admin/api-keys`, { body, key: gateway.adminKey })).json.key as string;
  };
  const as = (who: string, path: string, options: Parameters<typeof ask>[1] = {}) =>
    ask(`${api}${path}`, { key: key.get(who)!, ...options });
  const send = (device: TestDevice) =>
    ask(`${api}/readings`, { body: device.signed(device.reading(gateway.clock.nowMs())) });
  const later = (ms: number) => (gateway.clock as FakeClock).advance(ms);

  beforeAll(async () => {
    url = `http://127.0.0.1:${await hook.listen()}/hook?token=1`;
    gateway = await startTestGateway({
      host,
      config: { webhooks: { allowPrivate: true, allowHttp: true, maxPerAccount: 3 } },
      parts: { plugins: [] },
    });
    api = `${gateway.url}/api/v1`;
    key.set('operator', await keyOf('operators', 'operator'));
    key.set('auditor', await keyOf('auditors', 'auditor'));
    key.set('ada', await keyOf('ada', 'owner'));
    key.set('bob', await keyOf('bob', 'owner'));
    const { meters } = gateway.services.store;
    await meters.register(ada.stored('active', { accountId: 'ada' }), unjournaled);
    await meters.register(bob.stored('pending', { accountId: 'bob' }), unjournaled);
  });
  beforeEach(async () => {
    await gateway.settle();
    for (const { id } of (await as('operator', '/webhooks')).json)
      await as('operator', `/webhooks/${id}`, { method: 'DELETE' });
    hook.received.length = 0;
    hook.answer = (response) => void response.writeHead(204).end();
    await later(900_000);
  });
  afterAll(async () => {
    await gateway.stop();
    await hook.close();
  });

  it('sends an owner signed events of their own account, and an operator those of all', async () => {
    const made = await as('ada', '/webhooks', { body: { url, events: ['reading.*'] } });
    expect([made.status, made.headers.get('cache-control')]).toEqual([201, 'no-store']);
    const { id, secret } = made.json;
    const all = await as('operator', '/webhooks', {
      body: { url: `${url}&all`, scope: 'all', events: ['reading.quarantined'] },
    });
    await send(ada);
    await send(bob);
    await gateway.settle();
    const to = (endpoint: string) =>
      hook.received.filter(({ headers }) => headers['wattproof-webhook'] === endpoint);
    const [first, ...more] = to(id);
    expect(more).toEqual([]);
    expect(first?.json).toMatchObject({
      type: 'reading.accepted',
      data: { account: 'ada', meter: 'meter of ada' },
    });
    expect(first?.headers['wattproof-event']).toBe(first?.json.id);
    const signed = {
      secret,
      header: first?.headers['wattproof-signature'] as string,
      body: first!.body,
    };
    const nowMs = gateway.clock.nowMs();
    expect(verifyWebhook({ ...signed, nowMs })).toMatchObject({ valid: true });
    expect(verifyWebhook({ ...signed, body: `${signed.body} `, nowMs }).valid).toBe(false);
    expect(to(all.json.id).map(({ json }) => [json.type, json.data.account])).toEqual([
      ['reading.quarantined', 'bob'],
    ]);
    const shown = await as('ada', `/webhooks/${id}`);
    expect(shown.json).toMatchObject({ id, state: 'active', failures: 0, events: ['reading.*'] });
    expect(shown.text).not.toContain(secret);
    const deliveries = await as('ada', `/webhooks/${id}/deliveries?state=delivered`);
    expect(deliveries.json).toMatchObject([{ id: first?.json.id, attempts: 1, status: 204 }]);
  });
});
