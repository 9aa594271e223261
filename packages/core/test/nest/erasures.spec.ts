import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { verifyProof } from '../../src/verify/index.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask } from './hosts.js';

const QUARTER_MS = 900_000;

describe('An erased entry', () => {
  let gateway: TestGateway;
  let api: string;
  let owner: string;
  let endsMs: number;
  const solar = new TestDevice('solar-1');
  const bodies: object[] = [];
  const ids: string[] = [];

  beforeAll(async () => {
    gateway = await startTestGateway();
    api = `${gateway.url}/api/v1`;
    await gateway.services.store.meters.register(
      solar.stored('active', { accountId: 'ada' }),
      unjournaled,
    );
    const issued = await ask(`${api}/admin/api-keys`, {
      body: { account_id: 'ada', role: 'owner' },
      key: gateway.adminKey,
    });
    owner = issued.json.key;
    endsMs = Math.floor(gateway.clock.nowMs() / QUARTER_MS) * QUARTER_MS;
    for (const ago of [3, 2, 1, 0]) {
      const reading = solar.reading(endsMs - ago * QUARTER_MS, {
        generation_kwh: '1.25',
        import_kwh: undefined,
      });
      bodies.push(solar.signed(reading));
      ids.push((await ask(`${api}/readings`, { body: bodies.at(-1)! })).json.id);
    }
    await ask(`${api}/batches/flush`, { method: 'POST', key: gateway.adminKey });
    await gateway.settle();
  });
  afterAll(() => gateway.stop());

  const admin = (path: string, body?: object) =>
    ask(`${api}${path}`, { key: gateway.adminKey, ...(body === undefined ? {} : { body }) });

  it('is gone from every route, its replay is answered 410, and every other proof still verifies', async () => {
    const before = await admin(`/logs/${ids[1]}/proof?format=bundle`);
    const reason = 'article 17, request 7';
    const answer = await admin('/admin/erasures', { entries: [ids[1]], reason });
    expect(answer.json).toEqual({ erased: [ids[1]], already_erased: [], refused: [] });
    for (const path of ['', '/proof', '/proof?format=bundle', '/preimage']) {
      const gone = await admin(`/logs/${ids[1]}${path}`);
      expect([path, gone.status, gone.json.code]).toEqual([path, 410, 'erased']);
    }
    expect((await ask(`${api}/logs/${ids[1]}`, { key: owner })).status).toBe(410);
    const listed = await admin('/logs?type=reading');
    expect(listed.json.map(({ id }: { id: string }) => id)).toEqual([ids[0], ids[2], ids[3]]);
    const replay = await ask(`${api}/readings`, { body: bodies[1]! });
    expect([replay.status, replay.json.reason ?? replay.json.code]).toEqual([410, 'erased']);
    for (const id of [ids[0], ids[2], ids[3]]) {
      const { text } = await admin(`/logs/${id}/proof?format=bundle`);
      expect((await verifyProof(text)).ok).toBe(true);
    }
    // Whoever kept the proof can still show it: the leaf is where it was.
    expect((await verifyProof(before.text)).ok).toBe(true);
    const { json } = await admin('/logs?type=erasure');
    expect(json).toHaveLength(1);
    expect(JSON.stringify(json[0])).toContain(reason);
  });

  it('never credits energy again', async () => {
    await gateway.settle();
    const { intervals } = (await admin('/meters/solar-1/energy')).json;
    expect(intervals).toHaveLength(6);
    await gateway.services.energyLedger.credit([
      { entryId: ids[1]!, meterId: 'solar-1', registers: ['generation'] },
    ]);
    expect((await admin('/meters/solar-1/energy')).json.intervals).toHaveLength(6);
  });

  it('may be all that a meter measured in a time', async () => {
    const from = new Date(endsMs - 2 * QUARTER_MS).toISOString();
    const answer = await admin('/admin/erasures', {
      meter_id: 'solar-1',
      from,
      reason: 'moved out',
    });
    const reports = { alerts: 0, telemetry: 0, deliveries: 0, commands: 0, dead_letters: 0 };
    expect(answer.json).toEqual({
      erased: [ids[2], ids[3]],
      already_erased: [],
      refused: [],
      reports,
    });
    const again = await admin('/admin/erasures', {
      entries: [ids[3], 'log_nothing', ids[0]],
      reason: 'again',
    });
    expect(again.json).toEqual({
      erased: [ids[0]],
      already_erased: [ids[3]],
      refused: [{ id: 'log_nothing', code: 'entry_unknown' }],
    });
    const batch = (await admin('/batches?limit=1')).json[0];
    expect((await admin(`/batches/${batch.id}/export`)).status).toBe(200);
  });

  it('of a meter goes with what its device told besides, and the log says how much that was', async () => {
    const { desk, store } = gateway.services;
    const device = solar.meterId;
    const nowMs = gateway.clock.nowMs();
    await desk.telemetry({ device, atMs: nowMs, body: { voltage: 253 } });
    const alert = { severity: 'critical', code: 'over', text: '253 V', body: {} } as const;
    await desk.alert({ device, ...alert, atMs: nowMs });
    await gateway.settle();
    const told = () => ask(`${api}/notices`, { key: owner });
    expect((await told()).text).toContain('253 V');
    const answer = await admin('/admin/erasures', { meter_id: device, reason: 'article 17' });
    expect(answer.json.reports).toEqual({
      alerts: 1,
      telemetry: 1,
      deliveries: 0,
      commands: 0,
      dead_letters: 0,
    });
    expect((await admin(`/devices/${device}`)).json).toMatchObject({
      state: 'unknown',
      telemetry: null,
    });
    expect((await admin(`/devices/${device}/alerts`)).json).toEqual([]);
    const { text } = await told();
    expect(text).not.toContain('253 V');
    const events = await store.outbox.read('erased', ['device.alert'], 99);
    expect(events.map(({ data }) => data)).toEqual([{ account: 'ada', erased: true }]);
    const { items } = await store.entries.list({ source: 'system', type: 'audit', limit: 500 });
    const said = items.map(({ bytes }) => Buffer.from(bytes).toString());
    expect(
      said.some((one) => /meter\.reports_erased.*solar-1|solar-1.*meter\.reports_erased/.test(one)),
    ).toBe(true);
  });

  it('leaves no credit to what it had replaced, and nothing that comes after it uncredited', async () => {
    const { store, energyLedger } = gateway.services;
    const device = new TestDevice('solar-2');
    await store.meters.register(device.stored('active', { accountId: 'ada' }), unjournaled);
    const send = async (ago: number, more: object = {}) => {
      const amounts = { generation_kwh: '1.25', import_kwh: undefined };
      const reading = device.reading(endsMs - ago * QUARTER_MS, { ...amounts, ...more });
      return (await ask(`${api}/readings`, { body: device.signed(reading) })).json;
    };
    const credited = async () =>
      (await admin('/meters/solar-2/energy')).json.intervals
        .filter((one: { class: string }) => one.class === 'energy')
        .map((one: { start: string; credited_kwh: string }) => [
          (endsMs - Date.parse(one.start)) / QUARTER_MS - 1,
          one.credited_kwh,
        ]);
    const first = await send(3);
    await gateway.settle();
    expect(await credited()).toEqual([[3, '1.25']]);
    const less = await send(3, { generation_kwh: '0.01', supersedes: first.leaf_hash });
    expect(less.verdict).toBe('accepted');
    // Before anybody hears of it.
    await admin('/admin/erasures', { entries: [less.id], reason: 'article 17' });
    await send(1);
    await gateway.settle();
    expect(await credited()).toEqual([
      [3, '0'],
      [1, '1.25'],
    ]);
    const { startsMs } = (await store.energy.statements({ meterId: 'solar-2', limit: 1 }))
      .items[0]!;
    const line = { meterId: 'solar-2', register: 'generation', startsMs, energyUWh: 1n };
    await expect(
      energyLedger.claim({ purpose: 'token', key: 'replaced', lines: [line] }),
    ).rejects.toMatchObject({ code: 'energy_not_available' });
  });

  it.each<[string, object]>([
    ['nothing', { reason: 'r' }],
    ['no entry', { entries: [], reason: 'r' }],
    ['entries and a meter', { entries: ['a'], meter_id: 'm', reason: 'r' }],
    ['no reason', { entries: ['a'] }],
    ['a reason of two lines', { entries: ['a'], reason: 'a\nb' }],
    ['an endless reason', { entries: ['a'], reason: 'r'.repeat(257) }],
    ['a time that is none', { meter_id: 'm', from: 'yesterday', reason: 'r' }],
    ['more than may be asked at once', { entries: Array(1001).fill('a'), reason: 'r' }],
  ])('is not asked for with %s', async (_what, body) => {
    const answer = await admin('/admin/erasures', body);
    expect([answer.status, answer.json.code]).toEqual([400, 'body_invalid']);
    // Which member, and not that something is wrong.
    expect(answer.json.detail).toMatch(/entries|reason|from/);
  });

  it('is refused under a profile without salts, with the reason', async () => {
    const unsalted = await startTestGateway({
      config: { batching: { profile: 'kwh-btc-iot' }, devices: { unsigned: 'accept' } },
    });
    const url = `${unsalted.url}/api/v1`;
    const key = unsalted.adminKey;
    const body = solar.emlog(unsalted.clock.nowMs());
    const { id } = (await ask(`${url}/logs`, { body, key })).json;
    const answer = await ask(`${url}/admin/erasures`, {
      body: { entries: [id], reason: 'r' },
      key,
    });
    expect(answer.json.refused).toEqual([{ id, code: 'entry_unsalted' }]);
    await unsalted.stop();
  });
});
