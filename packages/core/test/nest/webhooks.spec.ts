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

  it('signs with the new secret and, for a day, with the one before', async () => {
    const { id, secret: before } = (await as('ada', '/webhooks', { body: { url } })).json;
    const path = `/webhooks/${id}/rotate-secret`;
    const rotated = await as('ada', path, { method: 'POST' });
    expect([rotated.status, rotated.headers.get('cache-control')]).toEqual([200, 'no-store']);
    const { secret } = rotated.json;
    expect(secret).not.toBe(before);
    const validFor = async (secrets: readonly string[]) => {
      await as('ada', `/webhooks/${id}/test`, { method: 'POST' });
      await gateway.settle();
      const { headers, body } = hook.received.at(-1)!;
      const header = headers['wattproof-signature'] as string;
      const nowMs = gateway.clock.nowMs();
      return secrets.map((one) => verifyWebhook({ secret: one, header, body, nowMs }).valid);
    };
    expect(await validFor([before, secret])).toEqual([true, true]);
    await later(86_400_000);
    expect(await validFor([before, secret])).toEqual([false, true]);
    const audits = (await as('ada', '/logs?type=audit&limit=1000')).json;
    expect(audits.map(({ document }: any) => document.action)).toContain('webhook.secret_rotated');
    expect(JSON.stringify(audits)).not.toContain(secret);
  });

  it('shows nobody another account’s endpoints, and lets nobody touch them', async () => {
    const { id } = (await as('ada', '/webhooks', { body: { url } })).json;
    await send(ada);
    await gateway.settle();
    const [{ id: delivery }] = (await as('ada', `/webhooks/${id}/deliveries`)).json;
    const range = { from: '2020-01-01T00:00:00Z', to: '2040-01-01T00:00:00Z' };
    const everything = (who: string): readonly (() => ReturnType<typeof ask>)[] => [
      () => as(who, `/webhooks/${id}`),
      () => as(who, `/webhooks/${id}/deliveries`),
      () => as(who, `/webhooks/${id}`, { method: 'PATCH', body: { state: 'paused' } }),
      () => as(who, `/webhooks/${id}/test`, { method: 'POST' }),
      () => as(who, `/webhooks/${id}/rotate-secret`, { method: 'POST' }),
      () => as(who, `/webhooks/${id}/deliveries/${delivery}/replay`, { method: 'POST' }),
      () => as(who, `/webhooks/${id}/replay`, { body: range }),
      () => as(who, `/webhooks/${id}`, { method: 'DELETE' }),
    ];
    for (const request of everything('bob')) {
      const { status, json } = await request();
      expect([status, json.code]).toEqual([404, 'webhook_not_found']);
    }
    expect((await as('bob', '/webhooks')).json).toEqual([]);
    expect((await as('bob', '/webhooks?account_id=ada')).json).toEqual([]);
    const byAuditor = await Promise.all(
      everything('auditor').map(async (one) => (await one()).status),
    );
    expect(byAuditor).toEqual([200, 200, 403, 403, 403, 403, 403, 403]);
    expect((await as('operator', '/webhooks?account_id=ada')).json).toHaveLength(1);
    const byOperator = [];
    for (const request of everything('operator')) byOperator.push((await request()).status);
    expect(byOperator).toEqual([200, 200, 200, 409, 200, 202, 202, 200]);
    expect((await as('ada', `/webhooks/${id}`)).status).toBe(404);
  });

  it('pauses, tests and replays one event or a time', async () => {
    const made = await as('ada', '/webhooks', { body: { url, events: ['reading.accepted'] } });
    const { id } = made.json;
    const change = (body: object) => as('ada', `/webhooks/${id}`, { method: 'PATCH', body });
    expect((await as('ada', `/webhooks/${id}/test`, { method: 'POST' })).status).toBe(202);
    await gateway.settle();
    expect(hook.types).toEqual(['webhook.test']);
    expect((await change({ state: 'paused' })).json.state).toBe('paused');
    await send(ada);
    await gateway.settle();
    expect(hook.types).toEqual(['webhook.test']);
    const [waiting] = (await as('ada', `/webhooks/${id}/deliveries?state=pending`)).json;
    expect(waiting).toMatchObject({ type: 'reading.accepted', attempts: 0 });
    await change({ state: 'active' });
    await gateway.settle();
    expect(hook.types).toEqual(['webhook.test', 'reading.accepted']);
    const replay = `/webhooks/${id}/deliveries/${waiting.id}/replay`;
    expect((await as('ada', replay, { method: 'POST' })).json).toMatchObject({ state: 'pending' });
    await gateway.settle();
    expect(hook.types).toEqual(['webhook.test', 'reading.accepted', 'reading.accepted']);
    const nowMs = gateway.clock.nowMs();
    const [from, to] = [nowMs, nowMs + 1].map((ms) => new Date(ms).toISOString());
    const range = await as('ada', `/webhooks/${id}/replay`, { body: { from, to } });
    expect([range.status, range.json]).toEqual([202, { queued: 2, next_from: null }]);
    await gateway.settle();
    expect(hook.types).toHaveLength(5);
    const earlier = new Date(nowMs - 1).toISOString();
    const before = await as('ada', `/webhooks/${id}/replay`, { body: { from: earlier, to: from } });
    expect(before.json).toEqual({ queued: 0, next_from: null });
  });

  it('refuses what is no endpoint and what is no change, and says why', async () => {
    const create = async (body: unknown, who = 'ada') => {
      const { status, json } = await as(who, '/webhooks', { body: body as object });
      return [status, json.code];
    };
    const { id } = (await as('ada', '/webhooks', { body: { url } })).json;
    for (const body of [
      '',
      '[]',
      'null',
      '{',
      '{"url":"https://a.example/","url":"https://b.example/"}',
      {},
      { url: 7 },
      { url: '' },
      { url, events: 'reading.accepted' },
      { url, events: [''] },
      { url, events: Array.from({ length: 65 }, () => 'meter.*') },
      { url, in_order: 'yes' },
      { url, scope: 'everything' },
      { url, secret: 'mine' },
      { url: `https://a.example/${'a'.repeat(2048)}` },
    ]) {
      const [status, code] = await create(body);
      expect([JSON.stringify(body).slice(0, 60), status]).toEqual([
        JSON.stringify(body).slice(0, 60),
        400,
      ]);
      expect(['body_invalid', 'json_syntax', 'json_invalid', 'duplicate_key', code]).toContain(
        code,
      );
    }
    expect(await create({ url: 'ftp://a.example/' })).toEqual([400, 'webhook_url_denied']);
    expect(await create({ url: 'https://u:p@a.example/' })).toEqual([400, 'webhook_url_denied']);
    expect(await create({ url, events: ['reading.acepted'] })).toEqual([
      400,
      'webhook_types_unknown',
    ]);
    expect(await create({ url, scope: 'all' })).toEqual([403, 'webhook_scope']);
    expect(await create({ url, padding: 'x'.repeat(20_000) })).toEqual([413, 'message_too_large']);
    const patch = async (path: string, body: object) => {
      const { status, json } = await as('ada', path, { method: 'PATCH', body });
      return [status, json.code];
    };
    const own = `/webhooks/${id}`;
    expect(await patch(own, { state: 'disabled' })).toEqual([400, 'body_invalid']);
    expect(await patch(own, { account_id: 'bob' })).toEqual([400, 'body_invalid']);
    expect(await patch(own, { url: 'http://[::1' })).toEqual([400, 'webhook_url_denied']);
    expect(await patch(own, { events: ['x'] })).toEqual([400, 'webhook_types_unknown']);
    for (const path of ['/webhooks/none', `/webhooks/${'x'.repeat(90)}`])
      expect(await patch(path, {})).toEqual([404, 'webhook_not_found']);
    const replay = async (body: object) => {
      const { status, json } = await as('ada', `${own}/replay`, { body });
      return [status, json.code];
    };
    expect(await replay({})).toEqual([400, 'body_invalid']);
    expect(await replay({ from: 'yesterday', to: 'now' })).toEqual([400, 'body_invalid']);
    const [from, to] = ['2026-01-02T00:00:00Z', '2026-01-01T00:00:00Z'];
    expect(await replay({ from, to })).toEqual([400, 'webhook_range_invalid']);
    for (const query of ['?state=lost', '?limit=0', '?cursor=x', '?limit=1&limit=2'])
      expect([query, (await as('ada', `${own}/deliveries${query}`)).status]).toEqual([query, 400]);
    expect((await as('ada', '/webhooks?cursor=n1')).status).toBe(400);
    for (const delivery of ['none', '00000000000000000000']) {
      const path = `${own}/deliveries/${delivery}/replay`;
      const { status, json } = await as('ada', path, { method: 'POST' });
      expect([delivery, status, json.code]).toEqual([delivery, 404, 'delivery_not_found']);
    }
    expect(await create({ url })).toEqual([201, undefined]);
    expect(await create({ url })).toEqual([201, undefined]);
    expect(await create({ url })).toEqual([409, 'too_many_webhooks']);
  });

  it('needs the scope of webhooks, and a key with it does nothing else', async () => {
    key.set('reader', await keyOf('ada', 'owner', ['read']));
    key.set('hooks', await keyOf('ada', 'owner', ['webhooks']));
    expect((await as('reader', '/webhooks')).json.code).toBe('scope_missing');
    expect((await as('reader', '/webhooks', { body: { url } })).json.code).toBe('scope_missing');
    expect((await as('reader', '/notices')).status).toBe(200);
    expect((await as('hooks', '/notices')).json.code).toBe('scope_missing');
    expect((await as('hooks', '/webhooks', { body: { url } })).status).toBe(201);
  });

  it('tells accounts what concerns them, once, until they have read it', async () => {
    await send(bob);
    await later(900_000);
    await send(bob);
    await gateway.settle();
    const notices = async (who: string, query = '') => (await as(who, `/notices${query}`)).json;
    const { notices: told, unread } = await notices('bob', '?unread=true');
    const held = told.find(({ type }: { type: string }) => type === 'reading.quarantined');
    expect(held).toMatchObject({
      data: { meter: 'meter of bob', reason: 'meter_pending' },
      read_at: null,
    });
    expect(held.count).toBeGreaterThanOrEqual(2);
    expect(held.text).toContain('held for review (meter_pending)');
    expect((await notices('ada')).notices).toEqual([]);
    expect((await notices('ada', '?account_id=bob')).notices).toEqual([]);
    const operation = (await notices('operator')).notices;
    expect(operation.map(({ text }: { text: string }) => text)).toContain(
      'Readings wait in the quarantine inbox (meter_pending).',
    );
    expect((await notices('auditor', '?account_id=bob')).notices).toEqual(
      (await notices('bob')).notices,
    );
    const mark = async (who: string, id: string) => {
      const { status, json } = await as(who, `/notices/${id}/read`, { method: 'POST' });
      return [status, json.code ?? json.read_at];
    };
    expect(await mark('ada', held.id)).toEqual([404, 'notice_not_found']);
    expect(await mark('operator', held.id)).toEqual([404, 'notice_not_found']);
    expect(await mark('auditor', held.id)).toEqual([403, 'notice_not_owned']);
    for (const id of ['nt_0', 'nt_999999', 'x', 'nt_9223372036854775808'])
      expect([id, ...(await mark('bob', id))]).toEqual([id, 404, 'notice_not_found']);
    const at = new Date(gateway.clock.nowMs()).toISOString();
    expect(await mark('bob', held.id)).toEqual([200, at]);
    expect((await notices('bob')).unread).toBe(unread - 1);
    for (const query of [
      '?unread=maybe',
      '?limit=1001',
      '?cursor=t',
      '?cursor=n99999999999999999999',
    ])
      expect([query, (await as('bob', `/notices${query}`)).status]).toEqual([query, 400]);
    await later(900_000);
    await send(bob);
    await gateway.settle();
    expect((await notices('bob', '?unread=true')).unread).toBe(unread);
  });
});

describe('Two replicas over one store', () => {
  it('send every event once', async () => {
    const hook = new HookListener();
    const url = `http://127.0.0.1:${await hook.listen()}/`;
    const config = { webhooks: { allowPrivate: true, allowHttp: true } };
    const first = await startTestGateway({ config, parts: { plugins: [] } });
    const { store } = first.services;
    const second = await startTestGateway({
      config,
      clock: first.clock,
      parts: { plugins: [], store },
    });
    const made = await ask(`${first.url}/api/v1/webhooks`, {
      body: { url, scope: 'all', events: ['reading.accepted'] },
      key: first.adminKey,
    });
    expect(made.status).toBe(201);
    const device = new TestDevice('meter of both');
    await store.meters.register(device.stored('active', { accountId: 'ada' }), unjournaled);
    const clock = first.clock as FakeClock;
    for (const { url: at } of [first, second, first, second]) {
      await clock.advance(900_000);
      const body = device.signed(device.reading(clock.nowMs()));
      expect((await ask(`${at}/api/v1/readings`, { body })).json.verdict).toBe('accepted');
    }
    await Promise.all([first.settle(), second.settle()]);
    await first.settle();
    expect(hook.received.map(({ json }) => json.id)).toEqual([
      ...new Set(hook.received.map(({ json }) => json.id)),
    ]);
    expect(hook.types).toHaveLength(4);
    await second.stop();
    await first.stop();
    await hook.close();
  });
});
