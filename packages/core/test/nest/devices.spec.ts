import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeviceCommand, DeviceDesk } from '../../src/spi/index.js';
import type { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { answerOf } from '../device-commands/command-scene.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask, HOSTS } from './hosts.js';
import { testTransport } from './test-transport.js';

/** A gateway with a transport that was lent the desk, and that writes down the commands it sends. */
async function gatewayWithDesk(host: 'fastify' | 'express' = 'fastify') {
  let desk: DeviceDesk | undefined;
  const sent: DeviceCommand[] = [];
  const commands = {
    send: async (command: DeviceCommand) => {
      sent.push(command);
      return 'sent' as const;
    },
  };
  const transport = testTransport(
    'mqtt',
    { desk: true },
    (lent) => {
      desk = lent.desk;
    },
    commands,
  );
  const gateway = await startTestGateway({ host, parts: { plugins: [transport] } });
  if (desk === undefined) throw new Error('no desk was lent');
  return { gateway, desk, sent };
}

describe('A transport that needs the desk', () => {
  it('is lent it, and what was seen is written by a job and at the stop', async () => {
    const { gateway, desk } = await gatewayWithDesk();
    const { store, jobs } = gateway.services;
    const nowMs = gateway.clock.nowMs();
    await desk.presence({ device: 'd1', state: 'online', why: 'connected', atMs: nowMs - 9 });
    desk.seen('d1', nowMs - 5);
    expect(await jobs.run('devices.seen')).toBe('ran');
    expect((await store.desk.get('d1'))?.seenAtMs).toBe(nowMs - 5);
    await desk.deadLetter({ source: 't', code: 'c', detail: 'd', bytes: new Uint8Array(1) });
    expect((await store.desk.deadLetters({ limit: 9 })).items).toHaveLength(1);
    desk.seen('d1', nowMs);
    await gateway.stop();
    expect((await store.desk.get('d1'))?.seenAtMs).toBe(nowMs);
  });
});

describe.each(HOSTS)('Devices on %s', (host) => {
  let gateway: TestGateway;
  let desk: DeviceDesk;
  let sent: DeviceCommand[];
  let api: string;
  const meter = new TestDevice('meter-1');
  const key = new Map<string, string>();
  let nowMs: number;
  let at: string;

  beforeAll(async () => {
    ({ gateway, desk, sent } = await gatewayWithDesk(host));
    api = `${gateway.url}/api/v1`;
    nowMs = gateway.clock.nowMs();
    at = new Date(nowMs).toISOString();
    const { meters } = gateway.services.store;
    await meters.register(meter.stored('active', { accountId: 'ada' }), unjournaled);
    const silent = new TestDevice('meter-2').stored('active', { accountId: 'ada' });
    await meters.register(silent, unjournaled);
    for (const [name, role] of [
      ['ada', 'owner'],
      ['bob', 'owner'],
      ['watt', 'auditor'],
      ['op', 'operator'],
    ]) {
      const body = { account_id: name, role };
      const issued = await ask(`${api}/admin/api-keys`, { body, key: gateway.adminKey });
      key.set(name!, issued.json.key);
    }
    await desk.presence({ device: 'meter-1', state: 'online', why: 'connected', atMs: nowMs });
    await desk.telemetry({
      device: 'meter-1',
      atMs: nowMs,
      availableEnergyUWh: 2_500_000_000n,
      body: { voltage: 52.1 },
    });
    await desk.presence({ device: 'esp32-7', state: 'offline', why: 'will', atMs: nowMs });
  });
  afterAll(() => gateway.stop());

  const get = async (path: string, who: string) => {
    const { status, json } = await ask(api + path, { key: key.get(who)! });
    return status === 200 ? json : `${status} ${json.code}`;
  };
  const post = async (path: string, who: string, body: unknown = {}) => {
    const answer = await ask(api + path, { body: body as object, key: key.get(who)! });
    return [answer.status, answer.json] as const;
  };
  const alert = (device: string, text: string) =>
    desk.alert({ device, severity: 'critical', code: 'over', text, atMs: nowMs, body: {} });

  it('are shown to the owners of their meters, and all to operators and auditors', async () => {
    const own = {
      device: 'meter-1',
      meter_id: 'meter-1',
      state: 'online',
      online: true,
      why: 'connected',
      since: at,
      last_seen: at,
      open_alerts: 0,
      telemetry: { at, available_kwh: '2.5', body: { voltage: 52.1 } },
    };
    const silent = {
      device: 'meter-2',
      meter_id: 'meter-2',
      state: 'unknown',
      online: null,
      why: null,
      since: null,
      last_seen: null,
      open_alerts: 0,
      telemetry: null,
    };
    expect(await get('/devices', 'ada')).toEqual([own, silent]);
    expect(await get('/devices', 'bob')).toEqual([]);
    for (const who of ['op', 'watt'])
      expect(await get('/devices', who)).toEqual([
        expect.objectContaining({ device: 'esp32-7', meter_id: null, state: 'offline' }),
        own,
      ]);
    expect(await get('/devices/meter-1', 'ada')).toEqual(own);
    expect(await get('/devices/meter-2', 'ada')).toEqual(silent);
    expect(await get('/devices/esp32-7', 'op')).toMatchObject({ why: 'will' });
    for (const [id, who] of [
      ['meter-1', 'bob'],
      ['esp32-7', 'ada'],
      ['nobody', 'ada'],
      ['nobody', 'op'],
    ])
      expect(await get(`/devices/${id}`, who!)).toBe('404 device_not_found');
  });

  it('are in alarm until their owner or an operator has cleared every alert, as the log tells', async () => {
    const { id } = await alert('meter-1', '253 V');
    const other = await alert('meter-1', '254 V');
    expect(await get('/devices/meter-1', 'ada')).toMatchObject({ state: 'alarm', open_alerts: 2 });
    const path = '/devices/meter-1/alerts';
    const listed = await get(path, 'ada');
    expect(listed.map(({ text }: { text: string }) => text)).toEqual(['254 V', '253 V']);
    expect(await get(path, 'bob')).toBe('404 device_not_found');
    const clear = (alertId: string, who: string, body: object = { reason: 'looked at' }) =>
      post(`${path}/${alertId}/clear`, who, body);
    for (const [who, body, status, code] of [
      ['bob', undefined, 404, 'device_not_found'],
      ['watt', undefined, 403, 'reader_only'],
      ['ada', {}, 400, 'body_invalid'],
      ['ada', { reason: 'a\nb' }, 400, 'body_invalid'],
      ['ada', { reason: '' }, 400, 'body_invalid'],
    ] as const) {
      const [got, json] = await clear(id, who, body);
      expect([got, json.code]).toEqual([status, code]);
    }
    const strange = await post(`/devices/esp32-7/alerts/${id}/clear`, 'op', { reason: 'x' });
    expect([strange[0], strange[1].code]).toEqual([404, 'alert_not_found']);
    const [status, cleared] = await clear(id, 'ada');
    expect([status, cleared.cleared.reason]).toEqual([200, 'looked at']);
    expect((await clear(id, 'op', { reason: 'again' }))[1]).toEqual(cleared);
    expect(await get('/devices/meter-1', 'ada')).toMatchObject({ state: 'alarm' });
    await clear(other.id, 'op');
    expect(await get('/devices/meter-1', 'ada')).toMatchObject({ state: 'online' });
    expect(await get(`${path}?open=true`, 'ada')).toEqual([]);
    expect(await get(`${path}?open=perhaps`, 'ada')).toBe('400 query_invalid');
    const events = await gateway.services.store.outbox.read('t', 'all', 99);
    expect(
      events
        .filter(({ type }) => type.startsWith('device.'))
        .map(({ type, data }) => [type, data['account']]),
    ).toEqual([
      ['device.alert', 'ada'],
      ['device.alert', 'ada'],
      ['device.alert_cleared', 'ada'],
      ['device.alert_cleared', 'ada'],
    ]);
    const said = await gateway.services.store.entries.list({ limit: 99, type: 'audit' } as never);
    expect(JSON.stringify(said.items.map(({ bytes }) => Buffer.from(bytes).toString()))).toContain(
      'device.alert_cleared',
    );
    await gateway.settle();
    const told = await get('/notices', 'ada');
    expect(JSON.stringify(told)).toContain('raised the alarm (critical, over): 253 V');
    expect(await get('/notices', 'bob')).toEqual({ notices: [], unread: 0 });
  });

  it('that were handed over are the new owner’s, with what is open; the one before keeps what was told to them', async () => {
    const { meters } = gateway.services.store;
    const passed = new TestDevice('meter-3').stored('active', { accountId: 'ada' });
    await meters.register(passed, unjournaled);
    const [open, over] = [await alert('meter-3', 'still'), await alert('meter-3', 'over')];
    const path = '/devices/meter-3/alerts';
    await post(`${path}/${over.id}/clear`, 'ada', { reason: 'done' });
    const offered = await post('/meters/meter-3/transfer', 'ada', { to_account: 'bob' });
    const { transfer_id: transfer } = offered[1];
    await post('/meters/meter-3/transfer/accept', 'bob', { transfer_id: transfer });
    const texts = async (who: string) =>
      (await get(path, who)).map(({ text }: { text: string }) => text);
    expect(await get('/devices/meter-3', 'ada')).toBe('404 device_not_found');
    const listed = JSON.stringify(await get('/devices', 'ada'));
    expect(listed).toContain('meter-1');
    expect(listed).not.toContain('meter-3');
    expect(await texts('ada')).toEqual(['over', 'still']);
    expect(await texts('bob')).toEqual(['still']);
    const asAda = await post(`${path}/${open.id}/clear`, 'ada', { reason: 'mine?' });
    expect([asAda[0], asAda[1].code]).toEqual([404, 'alert_not_found']);
    expect((await post('/meters/meter-3/resend', 'ada', { first: '1', last: '2' }))[0]).toBe(404);
    expect((await post(`${path}/${open.id}/clear`, 'bob', { reason: 'seen' }))[0]).toBe(200);
    expect(await get('/devices/meter-3', 'bob')).toMatchObject({ state: 'unknown' });
  });

  it('have alerts that nobody clears closed by the gateway after a year, as the log and an event tell', async () => {
    const { store, jobs, alerts } = gateway.services;
    const old = new TestDevice('meter-5').stored('active', { accountId: 'ada' });
    await store.meters.register(old, unjournaled);
    const young = await alert('meter-5', 'young');
    const told = await store.desk.alert(young.id);
    const aYearAgoMs = nowMs - 31_536_000_001;
    const limits = { openOfMeter: 9, openOfStranger: 0, openOfStrangers: 0, ofDevice: 9 };
    const forgotten = { ...told!, id: `al_${'5'.repeat(32)}`, receivedAtMs: aYearAgoMs };
    await store.desk.putAlert(forgotten, { ...limits, maxStrangers: 0 }, unjournaled);
    expect(await jobs.run('devices.alerts')).toBe('ran');
    const closed = { by: 'gateway', at, reason: 'nobody has cleared it for 365 days' };
    expect(await get('/devices/meter-5/alerts', 'ada')).toMatchObject([
      { id: forgotten.id, cleared: closed },
      { id: young.id, cleared: null },
    ]);
    expect(alerts.closed).toBe(1);
    const events = await store.outbox.read('closed', ['device.alert_cleared'], 99);
    expect(events.at(-1)?.data).toMatchObject({ alert: forgotten.id, account: 'ada' });
    const { items } = await store.entries.list({ source: 'system', limit: 500 });
    const said = items.map(({ bytes }) => Buffer.from(bytes).toString());
    expect(said.some((one) => one.includes(forgotten.id) && one.includes('gateway'))).toBe(true);
    await post(`/devices/meter-5/alerts/${young.id}/clear`, 'ada', { reason: 'seen' });
  });

  it('that were handed over tell the owner before that an alert is over, and not who said so and why', async () => {
    const { meters, desk: kept } = gateway.services.store;
    const formerOwners = [{ accountId: 'ada', untilMs: nowMs }];
    const passed = new TestDevice('meter-7').stored('active', { accountId: 'bob', formerOwners });
    await meters.register(passed, unjournaled);
    const limits = { openOfMeter: 9, openOfStranger: 9, openOfStrangers: 9, ofDevice: 9 };
    for (const n of [1, 2]) {
      const id = `al_${String(n).repeat(32)}`;
      const told = { severity: 'info', code: 'c', text: 't', atMs: 1, receivedAtMs: 1 } as const;
      const one = { id, device: 'meter-7', accountId: 'ada', ...told, body: {} };
      await kept.putAlert(one, { ...limits, maxStrangers: 9 }, unjournaled);
      const cleared = { by: `key-${n}`, reason: `reason ${n}`, atMs: nowMs - 2 + n };
      await kept.clearAlert(id, cleared, unjournaled);
    }
    const seen = async (who: string) =>
      (await get('/devices/meter-7/alerts', who)).map((one: { cleared: object }) => one.cleared);
    const first = expect.objectContaining({ by: 'key-1', reason: 'reason 1' });
    expect(await seen('ada')).toEqual([{ by: null, at, reason: null }, first]);
    expect(await seen('op')).toEqual([expect.objectContaining({ by: 'key-2' }), first]);
    expect(await seen('bob')).toEqual([]);
  });

  it('that were handed over tell the new owner nothing of the time before, and what they say then to nobody else', async () => {
    const { meters } = gateway.services.store;
    const passed = new TestDevice('meter-6').stored('active', { accountId: 'ada' });
    await meters.register(passed, unjournaled);
    const device = 'meter-6';
    const before = nowMs - 60_000;
    await desk.presence({ device, state: 'online', why: 'connected', atMs: before });
    await desk.telemetry({ device, atMs: before, availableEnergyUWh: 1n, body: { of: 'ada' } });
    const offered = await post('/meters/meter-6/transfer', 'ada', { to_account: 'bob' });
    const { transfer_id: transfer } = offered[1];
    await post('/meters/meter-6/transfer/accept', 'bob', { transfer_id: transfer });
    const handed = { state: 'online', online: true, since: at, telemetry: null };
    expect(await get('/devices/meter-6', 'bob')).toMatchObject(handed);
    const listed = async (who: string) =>
      (await get('/devices', who)).filter((one: { device: string }) => one.device === device);
    expect(await listed('bob')).toMatchObject([handed]);
    expect(await get('/devices/meter-6', 'op')).toMatchObject({
      telemetry: { body: { of: 'ada' } },
    });
    await desk.telemetry({ device, atMs: nowMs, body: { of: 'bob' } });
    expect(await get('/devices/meter-6', 'bob')).toMatchObject({
      telemetry: { body: { of: 'bob' } },
    });
    expect([await get('/devices/meter-6', 'ada'), await listed('ada')]).toEqual([
      '404 device_not_found',
      [],
    ]);
    await desk.presence({ device, state: 'offline', why: 'disconnected', atMs: nowMs });
  });

  it.each(['pending', 'retired'] as const)(
    'say nothing to whoever has registered a meter of their name that is %s',
    async (state) => {
      const device = `esp32-${state}`;
      const { store } = gateway.services;
      await desk.telemetry({ device, atMs: nowMs, body: { of: 'somebody' } });
      const before = await alert(device, 'before');
      const claimed = new TestDevice(device).stored(state, { accountId: 'bob' });
      await store.meters.register(claimed, unjournaled);
      const after = await alert(device, 'after');
      const silent = { state: 'unknown', last_seen: null, open_alerts: 0, telemetry: null };
      expect(await get(`/devices/${device}`, 'bob')).toMatchObject(silent);
      const all: { device: string }[] = await get('/devices', 'bob');
      expect(all.find((one) => one.device === device)).toMatchObject(silent);
      expect(await get(`/devices/${device}/alerts`, 'bob')).toEqual([]);
      const clear = await post(`/devices/${device}/alerts/${after.id}/clear`, 'bob', {
        reason: 'x',
      });
      expect([clear[0], clear[1].code]).toEqual([404, 'alert_not_found']);
      const events = await store.outbox.read(`of ${device}`, ['device.alert'], 999);
      expect(
        events.filter(({ data }) => data['device'] === device).map(({ data }) => data['account']),
      ).toEqual(['admin', 'admin']);
      await gateway.settle();
      expect(JSON.stringify(await get('/notices', 'bob'))).not.toContain(device);
      expect(await get(`/devices/${device}`, 'op')).toMatchObject({ state: 'alarm' });
      for (const { id } of [before, after])
        await post(`/devices/${device}/alerts/${id}/clear`, 'op', { reason: 'seen' });
    },
  );

  it('that are nobody’s raise the alarm with the operators', async () => {
    const { id } = await alert('esp32-7', 'fire');
    expect(await get('/devices/esp32-7/alerts', 'op')).toEqual([expect.objectContaining({ id })]);
    expect(await get('/devices/esp32-7/alerts', 'ada')).toBe('404 device_not_found');
    expect(await get('/devices/nobody/alerts', 'op')).toBe('404 device_not_found');
    const [status] = await post(`/devices/esp32-7/alerts/${id}/clear`, 'op', { reason: 'out' });
    expect(status).toBe(200);
    expect(await get('/devices/esp32-7', 'op')).toMatchObject({ state: 'offline' });
  });

  it('tell how far deliveries are, each account hearing of its own devices', async () => {
    const report = { transferId: 'txn/1', state: 'running', atMs: nowMs, body: {} };
    await desk.progress({ ...report, device: 'meter-1', deliveredUWh: 1_250_000_000n });
    await desk.progress({ ...report, state: 'started' });
    const path = '/transfers/txn%2F1/progress';
    expect(await get(path, 'ada')).toEqual([
      {
        transfer: 'txn/1',
        device: 'meter-1',
        state: 'running',
        delivered_kwh: '1.25',
        at,
        received_at: at,
        body: {},
      },
    ]);
    expect(await get(path, 'op')).toHaveLength(2);
    expect(await get(path, 'bob')).toEqual([]);
    const page = await ask(`${api}${path}?limit=1`, { key: key.get('op')! });
    expect(page.headers.get('link')).toMatch(/rel="next"/);
  });

  it('leave dead letters that operators read by source and code', async () => {
    const hand = (source: string, code: string) =>
      desk.deadLetter({ source, code, detail: 'no JSON', bytes: Buffer.from('{"password":"x"') });
    await hand('energy/a', 'payload_invalid');
    await hand('energy/b', 'topic_unknown');
    expect(await get('/admin/dead-letters?source=energy%2Fa', 'op')).toEqual([
      {
        id: expect.stringMatching(/^\d+$/),
        at,
        source: 'energy/a',
        device: null,
        code: 'payload_invalid',
        detail: 'no JSON',
        size: 15,
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        first_bytes: Buffer.from('{"password":**"').toString('base64'),
      },
    ]);
    const byCode = await get('/admin/dead-letters?code=topic_unknown', 'op');
    expect(byCode.map(({ source }: { source: string }) => source)).toEqual(['energy/b']);
    expect(await get('/admin/dead-letters', 'ada')).toBe('403 role_insufficient');
    expect(await get('/admin/dead-letters?cursor=x', 'op')).toBe('400 cursor_invalid');
  });

  it('are asked by operators, and their owners read what they answered', async () => {
    const [status, command] = await post('/meters/meter-1/commands', 'op', {
      name: 'lock',
      body: { kwh: '2.5' },
    });
    expect([status, command.state, command.answer]).toEqual([202, 'pending', null]);
    await gateway.settle();
    const asked = sent.find(({ id }) => id === command.id)!;
    expect(JSON.stringify(await get(`/commands/${command.id}`, 'op'))).not.toContain(asked.nonce);
    expect(await get(`/commands/${command.id}`, 'bob')).toBe('404 command_not_found');
    const waiting = get(`/commands/${command.id}?wait=30`, 'ada');
    expect(await desk.answered('meter-1', answerOf(meter, asked))).toBe('accepted');
    expect(await waiting).toMatchObject({
      state: 'answered',
      sends: 1,
      answer: {
        assurance: 'device-signature',
        key_id: meter.key.keyId,
        body: { status: 'locked' },
      },
    });
  });

  it('are listed with what they were asked: to owners, operators, and each to the key of its own meter', async () => {
    const { meters, commands } = gateway.services.store;
    const passed = new TestDevice('meter-4').stored('active', { accountId: 'ada' });
    await meters.register(passed, unjournaled);
    const asks = async (n: number) => {
      const body = { name: 'report', body: { n } };
      return (await post('/meters/meter-4/commands', 'op', body))[1].id as string;
    };
    const path = '/meters/meter-4/commands';
    const ids = async (who: string, query = '') => {
      const found = await get(path + query, who);
      return Array.isArray(found) ? found.map(({ id }: { id: string }) => id) : found;
    };
    const issued = await ask(`${api}/api-keys`, {
      body: { meter_id: 'meter-4' },
      key: key.get('ada')!,
    });
    key.set('own device', issued.json.key);
    const strange = await ask(`${api}/api-keys`, {
      body: { meter_id: 'meter-1' },
      key: key.get('ada')!,
    });
    key.set('other device', strange.json.key);
    const plain = { account_id: 'ada', role: 'device' };
    const nameless = await ask(`${api}/admin/api-keys`, { body: plain, key: gateway.adminKey });
    key.set('no device', nameless.json.key);
    const first = await asks(1);
    const second = await asks(2);
    await gateway.settle();
    for (const who of ['ada', 'op', 'watt', 'own device'])
      expect([who, await ids(who)]).toEqual([who, [second, first]]);
    for (const who of ['bob', 'other device', 'no device'])
      expect([who, await ids(who)]).toEqual([who, '404 meter_not_found']);
    expect((await ask(api + path, {})).status).toBe(401);
    expect(await get('/meters/nobody/commands', 'op')).toBe('404 meter_not_found');
    const [listed] = await get(`${path}?limit=1`, 'own device');
    expect(listed).toEqual(await get(`/commands/${second}`, 'op'));
    expect(JSON.stringify(listed)).not.toContain((await commands.get(second))?.nonce);
    const page = await ask(`${api}${path}?limit=1&state=sent`, { key: key.get('ada')! });
    const next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
    expect((await ask(gateway.url + next, { key: key.get('ada')! })).json).toMatchObject([
      { id: first },
    ]);
    expect(await ids('ada', '?state=answered')).toEqual([]);
    expect(await ids('ada', '?state=gone')).toBe('400 query_invalid');
    expect(await ids('ada', '?cursor=x')).toBe('400 cursor_invalid');
    const offered = await post('/meters/meter-4/transfer', 'ada', { to_account: 'bob' });
    const { transfer_id: transfer } = offered[1];
    await post('/meters/meter-4/transfer/accept', 'bob', { transfer_id: transfer });
    const third = await asks(3);
    expect([await ids('ada'), await ids('bob')]).toEqual([[second, first], [third]]);
    expect(await ids('op')).toEqual([third, second, first]);
    expect(await ids('own device')).not.toContain(third);
  });

  it('are asked for the numbers that are missing, or for what their owner names', async () => {
    const none = await post('/meters/meter-1/resend', 'ada');
    expect([none[0], none[1].code]).toEqual([409, 'nothing_missing']);
    for (const [n, seq] of [3, 7, 8, 10].entries()) {
      const reading = meter.reading(nowMs - (n + 1) * 900_000, { seq });
      const { status } = await ask(`${api}/readings`, { body: meter.signed(reading) });
      expect(status).toBe(200);
    }
    const resend = async (who: string, body: object = {}) => {
      const [status, json] = await post('/meters/meter-1/resend', who, body);
      return status === 202 ? json.body : `${status} ${json.code}`;
    };
    const named = { key_id: meter.key.keyId };
    expect(await resend('ada')).toEqual({
      ranges: [
        { ...named, first: '4', last: '6' },
        { ...named, first: '9', last: '9' },
      ],
    });
    expect(await resend('op', { first: '1', last: '2' })).toEqual({
      ranges: [{ ...named, first: '1', last: '2' }],
    });
    const [from, to] = ['2023-11-01T00:00:00+01:00', '2023-11-02T00:00:00Z'];
    expect(await resend('ada', { from, to })).toEqual({
      from: '2023-10-31T23:00:00.000Z',
      to: '2023-11-02T00:00:00.000Z',
    });
    expect(await resend('bob')).toBe('404 meter_not_found');
    expect(await resend('watt')).toBe('403 reader_only');
    for (const body of [
      { first: '1' },
      { first: '2', last: '1' },
      { first: 1, last: 2 },
      { first: '-1', last: '2' },
      { first: '1', last: '9223372036854775808' },
      { from },
      { from: to, to: from },
      { from: 'yesterday', to },
      { first: '1', last: '2', from, to },
      { all: true },
      { key_id: 'x' },
    ])
      expect([body, await resend('ada', body)]).toEqual([body, '400 body_invalid']);
    expect(await resend('ada', { key_id: '0'.repeat(16) })).toBe('404 key_not_found');
    // The same again is the command that waits; of others there is room for few.
    const open = async () => (await get('/meters/meter-1/commands?state=sent', 'op')).length;
    await gateway.settle();
    const before = await open();
    expect(await resend('ada', { from, to })).toMatchObject({ to: '2023-11-02T00:00:00.000Z' });
    expect(await open()).toBe(before);
    await resend('ada', { first: '1', last: '3' });
    expect(await resend('ada', { first: '1', last: '4' })).toBe('429 commands_full');
    expect((await post('/meters/meter-1/commands', 'op', { name: 'report' }))[0]).toBe(202);
  });

  it.each<[string, object, string]>([
    ['no name', {}, '400 body_invalid'],
    ['an odd name', { name: 'Lock it' }, '400 command_invalid'],
    ['a list', { name: 'lock', body: [] }, '400 body_invalid'],
    ['a member too many', { name: 'lock', nonce: '0'.repeat(32) }, '400 body_invalid'],
    [
      'a deadline that is over',
      { name: 'lock', deadline: '2001-01-01T00:00:00Z' },
      '400 command_invalid',
    ],
    ['no instant', { name: 'lock', deadline: 'soon' }, '400 body_invalid'],
  ])('are not asked with %s', async (_, body, refused) => {
    const [status, json] = await post('/meters/meter-1/commands', 'op', body);
    expect(`${status} ${json.code}`).toBe(refused);
  });

  it('that do not exist are not asked, and nobody waits for ever', async () => {
    const [status, json] = await post('/meters/nobody/commands', 'op', { name: 'lock' });
    expect([status, json.code]).toEqual([404, 'meter_not_found']);
    expect((await post('/meters/meter-1/commands', 'ada', { name: 'lock' }))[0]).toBe(403);
    expect(await get('/commands/cmd_0', 'op')).toBe('404 command_not_found');
    expect(await get('/commands/cmd_0?wait=31', 'op')).toBe('400 query_invalid');
  });

  it('are counted for Prometheus', async () => {
    await (gateway.clock as FakeClock).advance(5_000);
    const { text } = await ask(`${gateway.url}/metrics`);
    expect(text).toMatch(/^wattproof_devices_online 1$/m);
    expect(text).toMatch(/^wattproof_device_alerts_open\{severity="critical"\} 0$/m);
    expect(text).toMatch(/^wattproof_dead_letters\{code="topic_unknown"\} 1$/m);
    expect(text).toMatch(/^wattproof_device_alerts_lost\{why="closed"\} 1$/m);
    expect(text).toMatch(/^wattproof_device_alerts_lost\{why="refused"\} 0$/m);
    expect(text).toMatch(/^wattproof_device_alerts_lost\{why="forgotten"\} 0$/m);
    expect(text).toMatch(/^wattproof_device_commands\{state="answered"\} 1$/m);
    expect(text).toMatch(/^wattproof_keys_with_missing_numbers \d$/m);
  });
});
