import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask, HOSTS } from './hosts.js';
import { SeedMeter } from './seed-meter.js';

describe.each(HOSTS)('Keys of devices on %s', (host) => {
  let gateway: TestGateway;
  let api: string;
  const key = new Map<string, string>();
  let made = 0;
  let quarter = 0;

  beforeAll(async () => {
    gateway = await startTestGateway({ host, parts: { plugins: [] } });
    api = `${gateway.url}/api/v1`;
    for (const [name, role] of [
      ['alice', 'owner'],
      ['bob', 'owner'],
      ['olga', 'operator'],
      ['otto', 'auditor'],
    ] as const) {
      const body = { account_id: name, role };
      key.set(name, (await ask(`${api}/admin/api-keys`, { body, key: gateway.adminKey })).json.key);
    }
  });
  afterAll(() => gateway.stop());

  /** A new meter of alice's. */
  async function meter(state: 'active' | 'suspended' = 'active'): Promise<TestDevice> {
    const device = new TestDevice(`house-${(made += 1)}`);
    const stored = device.stored(state, { accountId: 'alice' });
    await gateway.services.store.meters.register(stored, unjournaled);
    return device;
  }
  const issue = async (who: string, body: object) => {
    const as = who === 'admin' ? gateway.adminKey : key.get(who)!;
    const { status, json } = await ask(`${api}/api-keys`, { body, key: as });
    return { status, json, code: json.code as string | undefined };
  };
  const keyOf = async (device: TestDevice, more: object = {}): Promise<string> =>
    (await issue('alice', { meter_id: device.meterId, ...more })).json.key;
  /** Status, reason or verdict, and what it is worth, of an unsigned reading of the next quarter of an hour. */
  async function send(device: TestDevice, as: string, endsMs?: number) {
    const document = device.reading(endsMs ?? gateway.clock.nowMs() - (quarter += 1) * 900_000);
    const body = { format: 'reading/1', document };
    const { status, json } = await ask(`${api}/readings`, { body, key: as });
    const entry = json.id == null ? undefined : await gateway.services.store.entries.get(json.id);
    return [status, json.code ?? json.reason ?? json.verdict, entry?.assurance];
  }

  it('give unsigned readings of their meter the assurance of the transport, and no other meter’s', async () => {
    const [house, other] = [await meter(), await meter()];
    const deviceKey = await keyOf(house);
    expect(await send(house, deviceKey)).toEqual([200, 'accepted', 'transport']);
    expect(await send(other, deviceKey)).toEqual([403, 'meter_mismatch', undefined]);
    const { json, status } = await ask(`${api}/logs`, {
      body: house.emlog(gateway.clock.nowMs() - (quarter += 1) * 900_000),
      key: deviceKey,
    });
    const entry = await gateway.services.store.entries.get(json.id);
    expect([status, entry?.assurance, entry?.accountId]).toEqual([200, 'transport', 'alice']);
    // A key of the role alone says nothing of what was measured.
    const body = { account_id: 'alice', role: 'device' };
    const { json: plain } = await ask(`${api}/admin/api-keys`, { body, key: gateway.adminKey });
    expect(await send(house, plain.key)).toEqual([401, 'device_signature_required', undefined]);
  });

  it('are made by an operator and by the meter’s owner, for nobody else’s account, and are in the log', async () => {
    const house = await meter();
    const wanted = { meter_id: house.meterId };
    for (const who of ['alice', 'olga', 'admin']) {
      const { status, json } = await issue(who, wanted);
      expect([status, json.account_id, json.role, json.meter_id]).toEqual([
        201,
        'alice',
        'device',
        house.meterId,
      ]);
      const { items } = await gateway.services.store.entries.list({ source: 'system', limit: 500 });
      const said = items.map(({ bytes }) => Buffer.from(bytes).toString());
      expect(said.some((text) => text.includes(json.id) && text.includes(house.meterId))).toBe(
        true,
      );
    }
    const refusals: readonly (readonly [string, object, number, string])[] = [
      ['bob', wanted, 404, 'meter_not_found'],
      ['alice', { meter_id: 'nobodys' }, 404, 'meter_not_found'],
      ['otto', wanted, 403, 'reader_only'],
      ['alice', { ...wanted, role: 'owner' }, 400, 'body_invalid'],
      ['alice', { ...wanted, account_id: 'bob' }, 409, 'device_key_account'],
      ['alice', { ...wanted, scopes: ['ingest', 'backfill'] }, 403, 'scope_not_held'],
      ['alice', { account_id: 'alice', role: 'owner' }, 403, 'role_insufficient'],
      ['olga', { account_id: 'alice', role: 'owner' }, 403, 'role_insufficient'],
      ['admin', { role: 'owner' }, 400, 'body_invalid'],
    ];
    for (const [who, body, status, code] of refusals) {
      const answer = await issue(who, body);
      expect([who, body, answer.status, answer.code]).toEqual([who, body, status, code]);
    }
  });

  it('are listed and ended by the owner of their account, and open nothing from then on', async () => {
    const house = await meter();
    const { json } = await issue('alice', { meter_id: house.meterId });
    const listed = async (who: string) =>
      (await ask(`${api}/api-keys?meter_id=${house.meterId}`, { key: key.get(who)! })).json;
    expect(await listed('alice')).toMatchObject([{ id: json.id, meter_id: house.meterId }]);
    expect(await listed('bob')).toEqual([]);
    // Not the keys that people have.
    const all = (await ask(`${api}/api-keys`, { key: key.get('alice')! })).json as object[];
    expect(all.every((one) => 'meter_id' in one && one.meter_id !== null)).toBe(true);
    const end = async (who: string) =>
      (await ask(`${api}/api-keys/${json.id}`, { method: 'DELETE', key: key.get(who)! })).status;
    expect([await end('bob'), await end('otto')]).toEqual([404, 404]);
    expect(await send(house, json.key)).toEqual([200, 'accepted', 'transport']);
    expect([await end('alice'), await end('alice')]).toEqual([200, 404]);
    expect(await send(house, json.key)).toEqual([401, 'api_key_invalid', undefined]);
    const { items } = await gateway.services.store.accounts.listApiKeys({
      accountId: 'alice',
      limit: 50,
    });
    const own = items.find(({ role }) => role === 'owner')!;
    const others = await ask(`${api}/api-keys/${own.id}`, {
      method: 'DELETE',
      key: key.get('alice')!,
    });
    expect(others.status).toBe(404);
  });

  it('speak for no time in which the meter is another account’s', async () => {
    const house = await meter();
    const before = await keyOf(house);
    const old = gateway.clock.nowMs() - (quarter += 1) * 900_000;
    const offer = await ask(`${api}/meters/${house.meterId}/transfer`, {
      body: { to_account: 'bob' },
      key: key.get('alice')!,
    });
    await ask(`${api}/meters/${house.meterId}/transfer/accept`, {
      body: { transfer_id: offer.json.transfer_id },
      key: key.get('bob')!,
    });
    const later = gateway.clock.nowMs() + 900_000;
    await (gateway.clock as FakeClock).advance(900_000);
    for (const endsMs of [old, later])
      expect(await send(house, before, endsMs)).toEqual([403, 'meter_not_owned', undefined]);
    expect((await issue('alice', { meter_id: house.meterId })).code).toBe('meter_not_found');
    const { json } = await issue('bob', { meter_id: house.meterId });
    expect(await send(house, json.key, old)).toEqual([403, 'meter_not_owned', undefined]);
    expect(await send(house, json.key, later)).toEqual([200, 'accepted', 'transport']);
  });

  it('send nothing for a meter that is suspended, register none and read nothing', async () => {
    const house = await meter('suspended');
    const deviceKey = await keyOf(house);
    expect(await send(house, deviceKey)).toEqual([403, 'meter_suspended', undefined]);
    const register = await ask(`${api}/meters/register`, { body: {}, key: deviceKey });
    expect([register.status, register.json.code]).toEqual([403, 'device_key_limited']);
    for (const path of ['logs', 'meters', 'api-keys'])
      expect((await ask(`${api}/${path}`, { key: deviceKey })).status).toBe(403);
  });

  it('submit for the wallet of their meter’s owner, and are not told whose another meter is', async () => {
    const wallet = '7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU';
    const meters = ['a', 'b'].map((name) => new SeedMeter(`sun-${host}-${name}`, wallet));
    for (const one of meters) {
      const stored = one.stored('active', { accountId: 'alice', owner: wallet });
      await gateway.services.store.meters.register(stored, unjournaled);
    }
    const [sun, other] = meters as [SeedMeter, SeedMeter];
    const deviceKey = await keyOf(sun);
    const submit = async (by: SeedMeter, from = wallet) => {
      const endsMs = gateway.clock.nowMs() - (quarter += 1) * 900_000;
      const { meter_signature: _none, ...body } = by.body(endsMs, '5.000000', from);
      const { status, json } = await ask(`${api}/meters/submit`, { body, key: deviceKey });
      return [status, json.code ?? json.verdict];
    };
    expect(await submit(sun)).toEqual([200, 'accepted']);
    const stranger = wallet.replace('7x', '8x');
    expect(await submit(sun, stranger)).toEqual([403, 'meter_not_owned']);
    for (const from of [wallet, stranger])
      expect(await submit(other, from)).toEqual([403, 'meter_mismatch']);
  });

  it('do what their scopes name, until they expire', async () => {
    const house = await meter();
    const reading = await keyOf(house, { scopes: ['read'] });
    expect(await send(house, reading)).toEqual([403, 'scope_missing', undefined]);
    const soon = new Date(gateway.clock.nowMs() + 1000).toISOString();
    const expiring = await keyOf(house, { scopes: ['ingest'], expires_at: soon });
    expect(await send(house, expiring)).toEqual([200, 'accepted', 'transport']);
    await (gateway.clock as FakeClock).advance(1000);
    expect(await send(house, expiring)).toEqual([401, 'api_key_invalid', undefined]);
  });
});
