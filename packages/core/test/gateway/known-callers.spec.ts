import { afterEach, describe, expect, it } from '@jest/globals';
import type { Caller, Callers, Credential, InboundMessage, Ingest } from '../../src/spi/index.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import {
  startTestGateway,
  TEST_ADMIN_KEY,
  type TestGateway,
} from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { connectMessage } from '../../src/verify/device-signing.js';
import { TestDevice, TestKey } from '../ingestion/test-devices.js';
import { testTransport } from '../nest/test-transport.js';

const house = new TestDevice('house');
const neighbour = new TestDevice('neighbour');
const owner = { accountId: 'alice' };

describe('Callers', () => {
  let gateway: TestGateway | undefined;
  afterEach(() => gateway?.stop());

  /** A gateway with two registered meters, and what it lends a transport. */
  async function open(devices: object = {}) {
    const clock = new FakeClock();
    let callers: Callers | undefined;
    let quarter = 0;
    gateway = await startTestGateway({
      clock,
      config: { devices },
      parts: {
        plugins: [
          testTransport('lent', { callers: true }, (lent) => {
            callers = lent.callers;
          }),
        ],
      },
    });
    const { services } = gateway;
    await services.store.meters.register(house.stored('active', owner), unjournaled);
    await services.store.meters.register(neighbour.stored('active'), unjournaled);
    const ingest: Ingest = services.transportIngest;
    const issue = async (more: object) => {
      const request = { accountId: 'alice', role: 'owner' as const, ...more };
      return services.apiKeys.issue(request, 'admin');
    };
    return {
      clock,
      services,
      callers: callers!,
      issue,
      deviceKey: () => issue({ role: 'device', meterId: house.meterId }),
      byKey: async (key: string) => (await callers!.authenticate({ kind: 'api-key', key }))!,
      /** Verdict or reason of an unsigned reading of the next quarter of an hour, and what it is worth. */
      async send(meter: TestDevice, more: Partial<InboundMessage> = {}) {
        const document = meter.reading(clock.nowMs() - (quarter += 1) * 900_000);
        const answer = await ingest.accept({
          contentType: 'application/json',
          bytes: Buffer.from(JSON.stringify({ format: 'reading/1', document })),
          assurance: 'unsigned',
          ...more,
        });
        if (answer.kind !== 'items') return [answer.kind, answer.code];
        const [item] = answer.items;
        const entry = item?.id == null ? undefined : await services.store.entries.get(item.id);
        return [item?.reason ?? item?.verdict, entry?.assurance];
      },
      /** The credential of a device that signs for its connection. */
      signed(key: TestKey, challenge: string, origin = services.origin): Credential {
        const signature = key.sign(connectMessage(origin, key.keyId, challenge));
        return { kind: 'device-signature', keyId: key.keyId, challenge, signature };
      },
    };
  }

  it('with a device key send unsigned readings of their meter and of no other', async () => {
    const { deviceKey, byKey, send, callers, services } = await open();
    const garage = new TestDevice('garage');
    await services.store.meters.register(garage.stored('active', owner), unjournaled);
    const caller = await byKey((await deviceKey()).key);
    expect(caller).toMatchObject({ kind: 'device', id: 'house', meterIds: ['house'], ...owner });
    expect(await send(house, { caller })).toEqual(['accepted', 'transport']);
    expect(await send(house)).toEqual(['device_signature_required', undefined]);
    expect(await callers.maySpeakFor(caller, 'house')).toBe(true);
    // Not even for another one of the same account.
    for (const other of [neighbour, garage]) {
      expect(await send(other, { caller })).toEqual(['meter_mismatch', undefined]);
      expect(await callers.maySpeakFor(caller, other.meterId)).toBe(false);
    }
    (caller.scopes as string[]).push('backfill');
    (caller.meterIds as string[]).push('neighbour');
    expect(await callers.maySpeakFor(caller, 'neighbour')).toBe(false);
  });

  it('whose key is revoked are refused at the next message', async () => {
    const { deviceKey, byKey, send, callers, services } = await open();
    const { key, stored } = await deviceKey();
    const caller = await byKey(key);
    expect(await callers.isValid(caller)).toBe(true);
    await services.apiKeys.revoke(stored.id, 'admin');
    expect(await callers.isValid(caller)).toBe(false);
    expect(await send(house, { caller })).toEqual(['refused', 'caller_invalid']);
    expect(await byKey(key)).toBeUndefined();
  });

  it('that a plugin made up are nobody', async () => {
    const { deviceKey, byKey, send, callers } = await open({ unsigned: 'accept' });
    const copy: Caller = { ...(await byKey((await deviceKey()).key)) };
    expect(await callers.isValid(copy)).toBe(false);
    expect(await callers.maySpeakFor(copy, 'house')).toBe(false);
    expect(await send(house, { caller: copy })).toEqual(['refused', 'caller_invalid']);
    const made = { device: { meterId: 'house', ...owner }, ...owner, everyAccount: true };
    expect(await send(house, made as object)).toEqual(['device_signature_required', undefined]);
    const signed = { assurance: 'device-signature', vouchesFor: ['house'] };
    expect(await send(house, signed as object)).toEqual(['device_signature_required', undefined]);
  });

  it('are known by the signature of a device key over a challenge, once', async () => {
    const { callers, signed, send, clock } = await open();
    for (const challenge of [await callers.challenge(), `${clock.nowMs()}.${'ab'.repeat(16)}`]) {
      const credential = signed(house.key, challenge);
      const caller = (await callers.authenticate(credential))!;
      expect(caller).toMatchObject({ kind: 'device', id: house.key.keyId, meterIds: ['house'] });
      expect(await send(house, { caller })).toEqual(['accepted', 'transport']);
      expect(await send(neighbour, { caller })).toEqual(['meter_mismatch', undefined]);
      expect(await callers.authenticate(credential)).toBeUndefined();
    }
  });

  it.each(['suspended', 'retired'] as const)(
    'of a meter that is %s are valid no more',
    async (state) => {
      const { deviceKey, byKey, callers, services, signed, send, clock } = await open();
      const { key } = await deviceKey();
      const credential = signed(house.key, await callers.challenge());
      const known = [await byKey(key), (await callers.authenticate(credential))!];
      // As another process would: seen as soon as what is remembered is that old.
      await services.store.meters.setState('house', 'active', state, unjournaled);
      await clock.advance(200);
      for (const caller of known) {
        expect(await callers.isValid(caller)).toBe(false);
        expect(await callers.maySpeakFor(caller, 'house')).toBe(false);
        expect(await send(house, { caller })).toEqual([`meter_${state}`, undefined]);
      }
      expect(await byKey(key)).toBeUndefined();
      const again = signed(house.key, await callers.challenge());
      expect(await callers.authenticate(again)).toBeUndefined();
    },
  );

  it('are valid until their key expires, their user is disabled or their device key is revoked', async () => {
    const { issue, byKey, callers, services, signed, clock, send } = await open();
    const user = await services.users.create(
      { displayName: 'Alice', role: 'owner', accounts: ['alice'], wallets: [] },
      'admin',
    );
    const bound = { role: 'device', meterId: 'house' };
    const expiring = await byKey(
      (await issue({ ...bound, expiresAtMs: clock.nowMs() + 1000 })).key,
    );
    const of = await byKey((await issue({ ...bound, userId: user.id })).key);
    const own = (await callers.authenticate(signed(house.key, await callers.challenge())))!;
    const valid = async () => [
      await callers.isValid(expiring),
      await callers.isValid(of),
      await callers.isValid(own),
    ];
    expect(await valid()).toEqual([true, true, true]);
    await clock.advance(1000);
    expect(await valid()).toEqual([false, true, true]);
    await services.users.disable(user.id, 'admin');
    expect(await valid()).toEqual([false, false, true]);
    const admin = { id: 'admin', accountId: 'admin', role: 'admin' };
    await services.keys.revoke('house', house.key.keyId, 'stolen', admin);
    expect(await valid()).toEqual([false, false, false]);
    for (const caller of [expiring, of, own])
      expect(await send(house, { caller })).toEqual(['refused', 'caller_invalid']);
  });

  it('with the key of a former owner are valid no more, and its device hears nothing of that time', async () => {
    const { deviceKey, byKey, callers, services, issue } = await open();
    const { key } = await deviceKey();
    const before = await byKey(key);
    const { clock } = services;
    const offered = await services.meterTransfers.offer(
      'house',
      { to_account: (await issue({ accountId: 'bob' })).stored.accountId },
      { actor: 'a', accountId: 'alice' },
    );
    const taken = { actor: 'b', accountId: 'bob' };
    await services.meterTransfers.accept('house', { transfer_id: offered.id }, taken);
    expect(await callers.isValid(before)).toBe(false);
    expect(await byKey(key)).toBeUndefined();
    const bound = { accountId: 'bob', role: 'device', meterId: 'house' };
    const after = await byKey((await issue(bound)).key);
    const hears = (account: string) => {
      const data = { meter: 'house', account };
      const event = { id: '1', type: 'reading.accepted', atMs: clock.nowMs(), data };
      return callers.mayHear(after, event);
    };
    expect([await hears('bob'), await hears('alice')]).toEqual([true, false]);
  });

  it('are known by a certificate whose key is one of a meter, while both are valid', async () => {
    const { callers, clock, send } = await open();
    const nowMs = clock.nowMs();
    const present = (publicKey: Uint8Array, fromMs = nowMs, untilMs = nowMs + 5000) =>
      callers.authenticate({ kind: 'certificate', publicKey, fromMs, untilMs });
    const caller = (await present(house.key.spki))!;
    expect(caller).toMatchObject({ kind: 'device', id: house.key.keyId, meterIds: ['house'] });
    expect(await send(house, { caller })).toEqual(['accepted', 'transport']);
    expect(await send(neighbour, { caller })).toEqual(['meter_mismatch', undefined]);
    expect(await present(new TestKey('nobody').spki)).toBeUndefined();
    expect(await present(house.key.spki.subarray(1))).toBeUndefined();
    expect(await present(house.key.spki, nowMs + 1)).toBeUndefined();
    expect(await present(house.key.spki, nowMs - 2, nowMs - 1)).toBeUndefined();
    await clock.advance(5001);
    expect(await callers.isValid(caller)).toBe(false);
  });

  it('are not known by a signature that is not the key’s over this connection', async () => {
    const { callers, signed, clock, services } = await open();
    const challenge = await callers.challenge();
    const { keyId } = house.key;
    const wrong: readonly Credential[] = [
      signed(new TestKey('nobody'), challenge),
      signed(house.key, challenge, 'other.example/log'),
      { ...(signed(neighbour.key, challenge) as object), keyId } as Credential,
      { ...(signed(house.key, await callers.challenge()) as object), challenge } as Credential,
      signed(house.key, `${clock.nowMs() - 300_001}.${'0'.repeat(32)}`),
      signed(house.key, 'f'.repeat(32)),
    ];
    for (const credential of wrong) expect(await callers.authenticate(credential)).toBeUndefined();
    // Whoever guessed did not use it up.
    expect(await callers.authenticate(signed(house.key, challenge))).toBeDefined();
    // A challenge of `POST /api/v1/meters/challenge` is as good.
    const { nonce } = await services.meters.challenge();
    expect(await callers.authenticate(signed(house.key, nonce))).toBeDefined();
  });

  it('never go by the id of another: of a key that is called like somebody’s meter', async () => {
    const { callers, services, signed, clock } = await open();
    const { keyId } = house.key;
    const connect = async () => callers.authenticate(signed(house.key, await callers.challenge()));
    const own = house.stored('active', { ...owner, meterId: keyId, fingerprint: Buffer.alloc(32) });
    await services.store.meters.register(own, unjournaled);
    await clock.advance(200);
    expect(await connect()).toMatchObject({ id: keyId, meterIds: [keyId, 'house'] });
    const { keyId: taken } = neighbour.key;
    const squatter = new TestDevice(taken);
    await services.store.meters.register(squatter.stored('pending'), unjournaled);
    await clock.advance(200);
    const caught = signed(neighbour.key, await callers.challenge());
    expect(await callers.authenticate(caught)).toBeUndefined();
    // A claim that was turned down holds nothing.
    await services.store.meters.setState(taken, 'pending', 'retired', unjournaled);
    await clock.advance(200);
    const free = signed(neighbour.key, await callers.challenge());
    expect(await callers.authenticate(free)).toMatchObject({ id: taken });
  });

  it('cost no query for a message once they are known', async () => {
    const { deviceKey, byKey, callers, services } = await open();
    const { accounts, meters } = services.store;
    const caller = await byKey((await deviceKey()).key);
    expect(await callers.isValid(caller)).toBe(true);
    const real = [accounts.apiKey, accounts.keyRevision, meters.find, meters.get, meters.revision];
    const refuse = () => Promise.reject(new Error('the store was asked'));
    Object.assign(accounts, { apiKey: refuse, keyRevision: refuse });
    Object.assign(meters, { find: refuse, get: refuse, revision: refuse });
    expect(await callers.isValid(caller)).toBe(true);
    expect(await callers.maySpeakFor(caller, 'house')).toBe(true);
    const [apiKey, keyRevision, find, get, revision] = real;
    Object.assign(accounts, { apiKey, keyRevision });
    Object.assign(meters, { find, get, revision });
  });

  it('are told to come back when the store cannot say who they are', async () => {
    const { deviceKey, byKey, send, services, clock } = await open();
    const caller = await byKey((await deviceKey()).key);
    const { accounts } = services.store;
    const { keyRevision } = accounts;
    const gone = Object.assign(new Error('gone'), { code: 'store_unavailable' });
    accounts.keyRevision = () => Promise.reject(gone);
    await clock.advance(1000);
    expect(await send(house, { caller })).toEqual(['retry', 'store_unavailable']);
    accounts.keyRevision = keyRevision;
    expect(await send(house, { caller })).toEqual(['accepted', 'transport']);
  });

  it('speak for and hear of what is theirs', async () => {
    const { issue, byKey, callers } = await open();
    const as = async (more: object) => byKey((await issue(more)).key);
    const who = {
      device: await as({ role: 'device', meterId: 'house' }),
      alice: await as({}),
      bob: await as({ accountId: 'bob' }),
      operator: await as({ accountId: 'o', role: 'operator' }),
      auditor: await as({ accountId: 'o', role: 'auditor' }),
      ingestOnly: await as({ scopes: ['ingest'] }),
      plainDevice: await as({ role: 'device' }),
    };
    const names = Object.keys(who) as (keyof typeof who)[];
    const those = async (asked: (caller: Caller) => Promise<boolean>) => {
      const found = [];
      for (const name of names) if (await asked(who[name])) found.push(name);
      return found;
    };
    expect(who.plainDevice.kind).toBe('api-key');
    expect(await those((one) => callers.maySpeakFor(one, 'house'))).toEqual([
      'device',
      'alice',
      'operator',
      'ingestOnly',
      'plainDevice',
    ]);
    expect(await those((one) => callers.maySpeakFor(one, 'nobodys'))).toEqual(['operator']);
    const hear = (data: Record<string, string>) =>
      those((one) => callers.mayHear(one, { id: '1', type: 'x.y', atMs: 0, data }));
    expect(await hear({ account: 'alice', meter: 'house' })).toEqual([
      'device',
      'alice',
      'operator',
      'auditor',
      'plainDevice',
    ]);
    expect(await hear({ account: 'alice', meter: 'another of hers' })).toEqual([
      'alice',
      'operator',
      'auditor',
      'plainDevice',
    ]);
    expect(await hear({ account: 'bob' })).toEqual(['bob', 'operator', 'auditor']);
    expect(await hear({ batch: '1' })).toEqual(names.filter((name) => name !== 'ingestOnly'));
    const admin = (await callers.authenticate({ kind: 'api-key', key: TEST_ADMIN_KEY }))!;
    expect(admin.kind).toBe('admin-key');
    expect([await callers.isValid(admin), await callers.maySpeakFor(admin, 'house')]).toEqual([
      true,
      true,
    ]);
  });

  it('vouch for what they import when they are operators, and for nothing else', async () => {
    const { issue, byKey, send } = await open();
    const operator = await byKey((await issue({ accountId: 'o', role: 'operator' })).key);
    const alice = await byKey((await issue({})).key);
    expect(await send(house, { caller: operator, assurance: 'import' })).toEqual([
      'accepted',
      'import',
    ]);
    const refused = ['device_signature_required', undefined];
    expect(await send(house, { caller: operator, assurance: 'reader' })).toEqual(refused);
    expect(await send(house, { caller: operator })).toEqual(refused);
    expect(await send(house, { caller: alice, assurance: 'import' })).toEqual(refused);
    expect(await send(house, { assurance: 'import' })).toEqual(refused);
  });

  it('are not needed where the configuration vouches for a meter, and for that one alone', async () => {
    const { send, issue, byKey, deviceKey } = await open();
    for (const assurance of ['transport', 'reader', 'import'] as const) {
      const vouched = { assurance, vouchesFor: ['house'] };
      expect(await send(house, vouched)).toEqual(['accepted', assurance]);
      expect(await send(neighbour, vouched)).toEqual(['device_signature_required', undefined]);
    }
    const unregistered = new TestDevice('unregistered');
    const named = { assurance: 'reader', vouchesFor: ['unregistered'] } as const;
    expect(await send(unregistered, named)).toEqual(['device_signature_required', undefined]);
    // Somebody who is known speaks for their own, whatever the configuration says.
    const both = { assurance: 'transport', vouchesFor: ['house', 'neighbour'] } as const;
    const alice = await byKey((await issue({})).key);
    expect(await send(neighbour, { ...both, caller: alice })).toEqual([
      'meter_not_owned',
      undefined,
    ]);
    const device = await byKey((await deviceKey()).key);
    expect(await send(neighbour, { ...both, caller: device })).toEqual([
      'meter_mismatch',
      undefined,
    ]);
  });

  it('and what is vouched for are not held for review, nor counted as anybody’s unsigned readings', async () => {
    const rate = { perSecond: 1, burst: 1, sources: 10 };
    const { send, deviceKey, byKey } = await open({ unsigned: 'review', unsignedRate: rate });
    const caller = await byKey((await deviceKey()).key);
    for (let times = 0; times < 3; times += 1) {
      expect(await send(house, { caller })).toEqual(['accepted', 'transport']);
      const vouched = { assurance: 'reader', vouchesFor: ['house'] } as const;
      expect(await send(house, vouched)).toEqual(['accepted', 'reader']);
    }
    const nobodys = new TestDevice('nobodys');
    expect(await send(nobodys)).toEqual(['unsigned_review', 'unsigned']);
    expect(await send(nobodys)).toEqual(['retry', 'throttled']);
  });
});
