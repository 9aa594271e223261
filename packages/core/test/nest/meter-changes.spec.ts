import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { SimulatedDevice } from '../../src/simulator/simulated-device.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask, HOSTS } from './hosts.js';

const QUARTER_MS = 900_000;
const DAY_MS = 86_400_000;

describe.each(HOSTS)('A meter and its owners on %s', (host) => {
  let gateway: TestGateway;
  let api: string;
  const key = new Map<string, string>();

  beforeAll(async () => {
    gateway = await startTestGateway({
      host,
      config: { devices: { registration: 'open' } },
      parts: { plugins: [] },
    });
    api = `${gateway.url}/api/v1`;
    for (const [account, role] of [
      ['ada', 'owner'],
      ['bob', 'owner'],
      ['carl', 'owner'],
      ['auditors', 'auditor'],
      ['operators', 'operator'],
    ] as const) {
      const { json } = await ask(`${api}/admin/api-keys`, {
        body: { account_id: account, role },
        key: gateway.adminKey,
      });
      key.set(account, json.key);
    }
  });
  afterAll(() => gateway.stop());

  const nowMs = () => gateway.clock.nowMs();
  const pass = (ms: number) => (gateway.clock as FakeClock).advance(ms);
  const instant = (ms: number) => new Date(ms).toISOString();
  const as = (who: string) => ({ key: key.get(who)! });
  const post = async (who: string, path: string, body: object = {}) => {
    const { status, json } = await ask(`${api}${path}`, { method: 'POST', body, ...as(who) });
    return { status, json };
  };
  const get = async (who: string, path: string) => (await ask(`${api}${path}`, as(who))).json;

  let made = 0;
  /** A meter of ada's that sends generation. */
  async function adasMeter(more: object = {}): Promise<TestDevice> {
    const device = new TestDevice(`solar-${(made += 1)}`);
    const stored = device.stored('active', { accountId: 'ada', ...more });
    await gateway.services.store.meters.register(stored, unjournaled);
    return device;
  }

  async function send(device: TestDevice, endsMs: number, more: object = {}): Promise<string> {
    const amounts = { import_kwh: undefined, generation_kwh: '1' };
    const document = device.reading(endsMs, { ...amounts, ...more });
    const { json } = await ask(`${api}/readings`, { body: device.signed(document) });
    expect([json.verdict, json.reason]).toEqual(['accepted', undefined]);
    return json.id;
  }

  async function offered(device: TestDevice, more: object = {}, to = 'bob') {
    const { status, json } = await post('ada', `/meters/${device.meterId}/transfer`, {
      to_account: to,
      ...more,
    });
    expect([status, json.state]).toEqual([201, 'offered']);
    return { transfer_id: json.transfer_id as string };
  }

  const code = ({ status, json }: { status: number; json: { code?: string; state?: string } }) => [
    status,
    json.code ?? json.state,
  ];

  it('is registered with what it is, and the log says the same', async () => {
    const device = new SimulatedDevice('a described meter');
    const { nonce } = (await ask(`${api}/meters/challenge`, { method: 'POST' })).json;
    const what = {
      meter_id: `described-${host}`,
      rating_w: 5000,
      nameplate: { vendor: 'V', model: 'M', serial: '1' },
      registers: [
        { name: 'export', direction: 'generation' },
        { name: 'generation', direction: 'generation', credits: [] },
        { name: 'import', direction: 'consumption' },
      ],
      location: { latitude: 45.46427, longitude: -9.18951 },
    };
    const { status, json } = await post('ada', '/meters/register', {
      ...what,
      public_key: device.publicKey,
      alg: 'Ed25519',
      proof_of_possession: {
        nonce,
        signature: device.proveWith(gateway.services.origin, what.meter_id, nonce),
      },
    });
    const shown = {
      rating_w: 5000,
      nameplate: what.nameplate,
      registers: [
        { name: 'export', direction: 'generation', credits: ['energy', 'attribute'] },
        { name: 'generation', direction: 'generation', credits: [] },
        { name: 'import', direction: 'consumption', credits: [] },
      ],
      location: { latitude: 45.5, longitude: -9.2 },
      owners: [{ account_id: 'ada', owner: null, from: null, until: null }],
    };
    expect([status, json]).toMatchObject([201, shown]);
    expect(await get('ada', `/meters/${what.meter_id}`)).toMatchObject(shown);
    const entries = await get('ada', '/logs?type=audit');
    const said = JSON.parse(
      (await ask(`${api}/logs/${entries.at(-1).id}/preimage`, as('ada'))).text.slice(5),
    );
    expect(said).toMatchObject({
      action: 'meter.registered',
      subject: what.meter_id,
      detail: {
        account: 'ada',
        rating_w: 5000,
        serial: '1',
        latitude: 45.5,
        registers: 'export generation\ngeneration generation \nimport consumption',
      },
    });
  });

  it('changes hands at one millisecond: readings and energy before stay, those after go', async () => {
    const device = await adasMeter();
    const { meterId } = device;
    const endsMs = Math.floor(nowMs() / QUARTER_MS) * QUARTER_MS;
    const before = await send(device, endsMs);
    const effective_at = instant(endsMs + QUARTER_MS);
    await pass(endsMs + 1 - nowMs() > 0 ? endsMs + 1 - nowMs() : 0);
    const offer = await offered(device, { effective_at });
    const mine = await get('bob', '/meter-transfers');
    expect(mine).toMatchObject([{ ...offer, from_account: 'ada', to_account: 'bob' }]);
    const accepted = await post('bob', `/meters/${meterId}/transfer/accept`, {
      ...offer,
      owner: 'Bob',
    });
    expect([accepted.status, accepted.json]).toMatchObject([
      200,
      { state: 'accepted', effective_at },
    ]);
    // Until then it is ada's, and not hers to end.
    expect(code(await post('ada', `/meters/${meterId}/retire`))).toEqual([
      409,
      'transfer_conflict',
    ]);
    expect(code(await post('bob', `/meters/${meterId}/retire`))).toEqual([404, 'meter_not_found']);
    expect(await get('ada', `/meters/${meterId}`)).toMatchObject({ account_id: 'ada' });
    expect(await get('bob', `/meters/${meterId}`)).toMatchObject({ account_id: null });
    await pass(3 * QUARTER_MS);
    const last = await send(device, endsMs + QUARTER_MS);
    const first = await send(device, endsMs + 2 * QUARTER_MS);
    await gateway.settle();
    const ids = async (who: string) =>
      (await get(who, `/logs?meter_id=${meterId}`)).map(({ id }: { id: string }) => id);
    expect(await ids('ada')).toEqual([before, last]);
    expect(await ids('bob')).toEqual([first]);
    for (const [who, starts] of [
      ['ada', [endsMs - QUARTER_MS, endsMs]],
      ['bob', [endsMs + QUARTER_MS]],
    ] as const) {
      const { intervals } = await get(who, `/meters/${meterId}/energy`);
      const own = new Set(intervals.map(({ start }: { start: string }) => start));
      expect([who, [...own]]).toEqual([who, starts.map(instant)]);
      const health = await get(who, `/meters/${meterId}/health`);
      expect(health.readings).toEqual({ accepted: starts.length, flagged: 0, quarantined: 0 });
    }
    expect(await get('ada', `/meters/${meterId}`)).toMatchObject({
      account_id: null,
      owner: null,
      owners: [{ account_id: 'ada', from: null, until: effective_at }],
    });
    expect(await get('bob', `/meters/${meterId}`)).toMatchObject({
      account_id: 'bob',
      owner: 'Bob',
    });
    expect(await get('operators', `/meters/${meterId}`)).toMatchObject({
      owners: [{ account_id: 'ada' }, { account_id: 'bob', owner: 'Bob', from: effective_at }],
    });
    const listed = async (who: string) =>
      (await get(who, '/meters')).map(({ meter_id }: { meter_id: string }) => meter_id);
    for (const who of ['ada', 'bob']) expect(await listed(who)).toContain(meterId);
    expect(code(await post('ada', `/meters/${meterId}/retire`))).toEqual([404, 'meter_not_found']);
    expect(code(await post('bob', `/meters/${meterId}/retire`))).toEqual([200, 'retired']);
  });

  it('is accepted once, by one of many at once', async () => {
    const device = await adasMeter();
    const offer = await offered(device);
    const path = `/meters/${device.meterId}/transfer/accept`;
    const answers = await Promise.all(Array.from({ length: 5 }, () => post('bob', path, offer)));
    expect(answers.map(code).toSorted()).toEqual([
      [200, 'accepted'],
      ...Array.from({ length: 4 }, () => [409, 'transfer_closed']),
    ]);
  });

  it('is given away by its owner, and taken by who it is offered to, alone', async () => {
    const device = await adasMeter();
    const at = `/meters/${device.meterId}/transfer`;
    expect(code(await post('bob', at, { to_account: 'bob' }))).toEqual([404, 'meter_not_found']);
    expect(code(await post('auditors', at, { to_account: 'bob' }))).toEqual([403, 'reader_only']);
    const offer = await offered(device);
    const accept = async (who: string, body: object = offer) =>
      code(await post(who, `${at}/accept`, body));
    expect(await accept('ada')).toEqual([403, 'transfer_not_yours']);
    for (const who of ['carl', 'operators'])
      expect([who, await accept(who)]).toEqual([who, [404, 'transfer_not_found']]);
    expect(await accept('bob', { transfer_id: 'transfer_0' })).toEqual([404, 'transfer_not_found']);
    const other = await adasMeter();
    const wrong = await post('bob', `/meters/${other.meterId}/transfer/accept`, offer);
    expect(code(wrong)).toEqual([404, 'transfer_not_found']);
    expect(code(await post('ada', at, { to_account: 'carl' }))).toEqual([409, 'transfer_conflict']);
    const withdraw = async (who: string) =>
      code(await ask(`${api}${at}`, { method: 'DELETE', ...as(who) }));
    expect(await withdraw('carl')).toEqual([404, 'transfer_not_found']);
    expect(await withdraw('auditors')).toEqual([403, 'reader_only']);
    expect(await withdraw('bob')).toEqual([200, 'withdrawn']);
    expect(await withdraw('ada')).toEqual([404, 'transfer_not_found']);
    expect(await accept('bob')).toEqual([409, 'transfer_closed']);
    // An operator offers for the owner.
    expect(code(await post('operators', at, { to_account: 'carl' }))).toEqual([201, 'offered']);
  });

  it('does not change hands while it is suspended, too late, or while its energy is promised', async () => {
    const device = await adasMeter({ ratingW: 8000 });
    const at = `/meters/${device.meterId}/transfer`;
    const offer = await offered(device);
    const accept = async () => code(await post('bob', `${at}/accept`, offer));
    const { energyLedger } = gateway.services;
    await energyLedger.hold({
      key: `order of ${device.meterId}`,
      meterId: device.meterId,
      class: 'energy',
      startsMs: nowMs() + DAY_MS,
      endsMs: nowMs() + DAY_MS + QUARTER_MS,
      energyUWh: 1n,
    });
    expect(await accept()).toEqual([409, 'transfer_conflict']);
    await energyLedger.closeHold(`order of ${device.meterId}`, 'release');
    await post('operators', `/admin/meters/${device.meterId}/suspend`);
    expect(await accept()).toEqual([409, 'meter_state_conflict']);
    expect(code(await post('ada', at, { to_account: 'bob' }))).toEqual([
      409,
      'meter_state_conflict',
    ]);
    expect(code(await post('ada', `/meters/${device.meterId}/retire`))).toEqual([
      409,
      'meter_state_conflict',
    ]);
    await post('operators', `/admin/meters/${device.meterId}/approve`);
    await pass(7 * DAY_MS);
    expect(await accept()).toEqual([409, 'transfer_expired']);
    // The expired offer makes room.
    const late = await offered(device, { effective_at: instant(nowMs() + 1000) });
    await pass(1001);
    expect(code(await post('bob', `${at}/accept`, late))).toEqual([409, 'transfer_expired']);
  });

  it.each([
    ['no account', {}, 400, 'transfer_invalid'],
    ['an account that is a number', { to_account: 7 }, 400, 'transfer_invalid'],
    ['an account of 257 bytes', { to_account: 'a'.repeat(257) }, 400, 'transfer_invalid'],
    ['an unknown member', { to_account: 'bob', price: 1 }, 400, 'transfer_invalid'],
    ['a body that is a list', [], 400, 'transfer_invalid'],
    ['an account nobody has', { to_account: 'nobody' }, 422, 'account_unknown'],
    ['its own account', { to_account: 'ada' }, 422, 'transfer_to_self'],
    ['a word as time', { to_account: 'bob', effective_at: 'soon' }, 400, 'transfer_invalid'],
    [
      'a hand-over in the past',
      { to_account: 'bob', effective_at: '2001-01-01T00:00:00Z' },
      400,
      'transfer_invalid',
    ],
    [
      'an end in the past',
      { to_account: 'bob', expires_at: '2001-01-01T00:00:00Z' },
      400,
      'transfer_invalid',
    ],
    ['9 KiB', { to_account: 'bob', effective_at: 'x'.repeat(9000) }, 413, 'message_too_large'],
  ])('is not offered with %s', async (_what, body, status, error) => {
    const device = await adasMeter();
    const answer = await post('ada', `/meters/${device.meterId}/transfer`, body);
    expect(code(answer)).toEqual([status, error]);
    const accepted = await post('bob', `/meters/${device.meterId}/transfer/accept`, body);
    expect([400, 413]).toContain(accepted.status);
    expect(code(await post('ada', '/meters/unknown/transfer', { to_account: 'bob' }))).toEqual([
      404,
      'meter_not_found',
    ]);
  });

  it('tells what was missing, page by page, to whom it concerns', async () => {
    const device = await adasMeter();
    const lastMs = Math.floor(nowMs() / QUARTER_MS) * QUARTER_MS;
    const ago = [40, 39, 36, 35, 34, 30, 29, 2, 1];
    for (const [i, quarters] of ago.entries())
      await send(device, lastMs - quarters * QUARTER_MS, { seq: i < 4 ? i : i + 7 });
    const health = `/meters/${device.meterId}/health`;
    const whole = await get('ada', health);
    expect(whole).toMatchObject({
      state: 'active',
      last_seen: instant(nowMs()),
      last_interval_end: instant(lastMs - QUARTER_MS),
      readings: { accepted: ago.length, flagged: 0, quarantined: 0 },
      missing_numbers: [{ key_id: device.key.keyId, missing: '7' }],
    });
    expect(whole.gaps.map(({ missing }: { missing: number }) => missing)).toEqual([2, 3, 26]);
    expect(whole.gaps[0]).toEqual({
      register: 'generation',
      from: instant(lastMs - 39 * QUARTER_MS),
      to: instant(lastMs - 37 * QUARTER_MS),
      missing: 2,
    });
    const pages: unknown[] = [];
    for (let url = `${api}${health}?limit=1`; url !== '';) {
      const page = await ask(url, as('ada'));
      pages.push(...page.json.gaps);
      const next = /<([^>]*)>/.exec(page.headers.get('link') ?? '')?.[1];
      url = next === undefined ? '' : gateway.url + next;
    }
    expect(pages).toEqual(whole.gaps);
    expect(code(await ask(`${api}${health}`, as('bob')))).toEqual([404, 'meter_not_found']);
    for (const [query, error] of [
      ['?from=2020-01-01T00:00:00Z', 'range_invalid'],
      ['?to=2020-01-01T00:00:00Z&from=2020-01-01T00:00:00Z', 'range_invalid'],
      ['?from=yesterday', 'query_invalid'],
      ['?limit=0', 'query_invalid'],
      ['?cursor=x', 'cursor_invalid'],
      ['?cursor=g1.x', 'cursor_invalid'],
    ])
      expect([query, code(await ask(`${api}${health}${query}`, as('ada')))]).toEqual([
        query,
        [400, error],
      ]);
  });

  it('is registered with members as long as they may be, every character escaped', async () => {
    const device = new SimulatedDevice('a long meter');
    const { nonce } = (await ask(`${api}/meters/challenge`, { method: 'POST' })).json;
    const long = (letter: string, bytes = 256) => letter.repeat(bytes);
    const meter_id = long(host === 'fastify' ? 'f' : 'e');
    const body = {
      meter_id,
      device_id: long('d'),
      site_id: long('s'),
      owner: long('o'),
      nameplate: { vendor: long('v'), model: long('m'), serial: long(meter_id[0]!) },
      registers: Array.from({ length: 16 }, (_, i) => ({
        name: `${long('r', 62)}${String(i).padStart(2, '0')}`,
        direction: 'consumption',
        credits: [],
      })),
      location: { zone: long('z', 64) },
      rating_w: 1_000_000_000_000,
      public_key: device.publicKey,
      alg: 'Ed25519',
      key_id: device.keyId,
      proof_of_possession: {
        nonce,
        signature: device.proveWith(gateway.services.origin, meter_id, nonce),
      },
    };
    const escaped = JSON.stringify(body).replaceAll(/[a-z]{62,}/g, (text) =>
      text.replaceAll(/./g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`),
    );
    expect(escaped.length).toBeGreaterThan(16_384);
    const answer = await ask(`${api}/meters/register`, { body: escaped, ...as('ada') });
    expect([answer.status, answer.json.state]).toEqual([201, 'active']);
  });

  it('is told when the log knows nothing of it', async () => {
    const { meterId } = await adasMeter();
    const { entries, differences, unsettled } = await get('operators', '/admin/meter-audit');
    expect(unsettled).toBe(false);
    expect(entries).toBeGreaterThan(2);
    expect(differences).toContainEqual({ meter_id: meterId, what: 'unsaid' });
    // What was registered as everybody does it is not among them.
    const told = differences.map(({ meter_id }: { meter_id: string }) => meter_id);
    expect(told).not.toContain(`described-${host}`);
    expect((await ask(`${api}/admin/meter-audit`, as('ada'))).status).toBe(403);
  });

  it('keeps the meaning of a register that has readings', async () => {
    const device = await adasMeter();
    const at = `/admin/meters/${device.meterId}/registers`;
    const set = async (...registers: object[]) => code(await post('operators', at, { registers }));
    const generation = { name: 'generation', direction: 'generation' };
    const battery = { name: 'battery', direction: 'storage' };
    expect(await set({ ...generation, direction: 'consumption' })).toEqual([200, 'active']);
    expect(await set(generation)).toEqual([200, 'active']);
    await send(device, nowMs());
    expect(await set({ ...generation, direction: 'consumption' })).toEqual([
      409,
      'register_in_use',
    ]);
    expect(await set({ ...generation, credits: [] })).toEqual([409, 'register_in_use']);
    expect(await set(battery)).toEqual([409, 'register_in_use']);
    expect(await set(generation, battery)).toEqual([200, 'active']);
    expect(await get('ada', `/meters/${device.meterId}`)).toMatchObject({
      registers: [generation, { ...battery, credits: ['energy'] }],
    });
    expect(await set()).toEqual([400, 'body_invalid']);
    expect(await set({ name: 'x' })).toEqual([400, 'body_invalid']);
    expect(await set({ name: 'x', direction: 'up' })).toEqual([400, 'register_direction_unknown']);
    expect(await set(generation, battery, battery)).toEqual([400, 'register_duplicate']);
    expect(await set(generation, { name: 'gross', direction: 'generation' })).toEqual([
      400,
      'register_credits_twice',
    ]);
    expect(await set({ ...battery, credits: ['attribute'] })).toEqual([
      400,
      'register_credits_invalid',
    ]);
    expect(
      code(await post('operators', '/admin/meters/unknown/registers', { registers: [battery] })),
    ).toEqual([404, 'meter_not_found']);
  });
});
