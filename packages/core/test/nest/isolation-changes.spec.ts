import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RouteRule, ROUTES } from '../../src/nest/http/routes.js';
import type { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { recoverMessage, rotateMessage } from '../../src/verify/device-signing.js';
import { TestDevice, TestKey } from '../ingestion/test-devices.js';
import { ask, type Answer } from './hosts.js';

type Changing = readonly [string, RouteRule];

/** Every route that changes something; those of an `:id` say whose. */
const CHANGES: readonly Changing[] = Object.entries<RouteRule>(ROUTES).filter(
  ([name, { method }]) => method !== 'GET' && name !== 'meterChallenge',
);
const OF_AN_OWNER = CHANGES.filter(
  ([name, { access, path }]) => access === 'owner' && (/:/.test(path) || name === 'createApiKey'),
);

/** Who may not: alice's own keys that are worth nothing any more or too little, and others who are good for themselves. */
const STRANGERS = ['nobody', 'expired', 'revoked', 'unscoped', 'device', 'auditor', 'bob'] as const;
type Stranger = (typeof STRANGERS)[number];

describe('What is somebody else’s', () => {
  let gateway: TestGateway;
  const key = new Map<string, string>();
  let webhook: string;
  let made = 0;

  beforeAll(async () => {
    gateway = await startTestGateway({ parts: { plugins: [] } });
    const soon = new Date(gateway.clock.nowMs() + 1000).toISOString();
    const issue = async (name: string, accountId: string, role: string, more: object = {}) => {
      const { json } = await ask(`${gateway.url}/api/v1/admin/api-keys`, {
        body: { account_id: accountId, role, ...more },
        key: gateway.adminKey,
      });
      key.set(name, json.key);
      return json.id;
    };
    await issue('alice', 'alice', 'owner');
    await issue('carl', 'carl', 'owner');
    await issue('bob', 'bob', 'owner');
    await issue('auditor', 'auditors', 'auditor');
    await issue('device', 'alice', 'device');
    await issue('unscoped', 'alice', 'owner', { scopes: ['nothing'] });
    await issue('expired', 'alice', 'owner', { expires_at: soon });
    const revoked = await issue('revoked', 'alice', 'owner');
    await ask(`${gateway.url}/api/v1/admin/api-keys/${revoked}`, {
      method: 'DELETE',
      key: gateway.adminKey,
    });
    const { json } = await ask(`${gateway.url}/api/v1/webhooks`, {
      body: { url: 'https://hooks.example/alice' },
      key: key.get('alice')!,
    });
    webhook = json.id;
    expect(webhook).toEqual(expect.any(String));
    await (gateway.clock as FakeClock).advance(1000);
  });
  afterAll(() => gateway.stop());

  const send = (rule: RouteRule, path: string, body: object, who: string): Promise<Answer> => {
    const as = key.get(who);
    return ask(gateway.url + path, {
      method: rule.method,
      ...(rule.method === 'DELETE' ? {} : { body }),
      ...(as === undefined ? {} : { key: as }),
    });
  };

  /** A meter of alice's that she has offered to carl, and what each route about it takes. */
  async function alices() {
    const device = new TestDevice(`alice-${(made += 1)}`);
    const { store, origin } = gateway.services;
    await store.meters.register(device.stored('active', { accountId: 'alice' }), unjournaled);
    const offered = `${gateway.url}/api/v1/meters/${device.meterId}/transfer`;
    const offer = await ask(offered, { body: { to_account: 'carl' }, key: key.get('alice')! });
    const deviceKey = await ask(`${gateway.url}/api/v1/api-keys`, {
      body: { meter_id: device.meterId },
      key: key.get('alice')!,
    });
    const fresh = new TestKey(`new key of ${device.meterId}`);
    const { json } = await ask(`${gateway.url}/api/v1/meters/challenge`, { body: {} });
    const newKey = { public_key: fresh.spki.toString('base64'), alg: 'Ed25519', nonce: json.nonce };
    const base64 = (signer: TestKey, message: Uint8Array) =>
      signer.sign(message).toString('base64');
    const bob = new TestKey('bob');
    const bodiesOf = (meterId: string): Readonly<Record<string, object>> => {
      const recover = recoverMessage(origin, meterId, fresh.keyId, json.nonce);
      const rotate = rotateMessage(origin, meterId, device.key.keyId, fresh.keyId, json.nonce);
      return {
        offerMeter: { to_account: 'bob' },
        acceptMeter: { transfer_id: offer.json.transfer_id },
        askKeyRecovery: { ...newKey, signature: base64(fresh, recover), reason: 'it was lost' },
        rotateMeterKey: {
          ...newKey,
          old_key_id: device.key.keyId,
          // Not the old key's: bob holds the new one only.
          signatures: { old: base64(bob, rotate), new: base64(fresh, rotate) },
        },
        createApiKey: { meter_id: meterId },
        clearAlert: { reason: 'it was looked at' },
        replayWebhook: { from: '2020-01-01T00:00:00Z', to: '2020-01-02T00:00:00Z' },
      };
    };
    return {
      device,
      deviceKeyId: deviceKey.json.id as string,
      bodyOf: (name: string, meterId = device.meterId) => bodiesOf(meterId)[name] ?? {},
      pathOf: ({ path }: RouteRule, meterId = device.meterId) =>
        path
          .replace('/webhooks/:id', `/webhooks/${webhook}`)
          .replace('/api-keys/:id', `/api-keys/${deviceKey.json.id}`)
          .replace(':key_id', device.key.keyId)
          .replace(':id', meterId)
          .replaceAll(/:\w+/g, 'none'),
    };
  }

  /** All that requests can change, as text. */
  async function everything(): Promise<string> {
    const { meters, accounts, entries, keys } = gateway.services.store;
    const limit = 1000;
    const found = [
      await meters.list({ limit }),
      await meters.transfers({ limit }),
      await keys.recoveries({ limit }),
      await accounts.listUsers({ limit }),
      await accounts.listApiKeys({ limit }),
      (await entries.list({ limit })).items.map(({ id, verdict }) => [id, verdict]),
      (await ask(`${gateway.url}/api/v1/webhooks`, { key: key.get('alice')! })).text,
    ];
    return JSON.stringify(found, (_name, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
  }

  /** What a stranger is told at a route of this class. */
  const told: Readonly<Record<RouteRule['access'], Readonly<Record<Stranger, readonly number[]>>>> =
    (() => {
      const invalid = { expired: [401], revoked: [401] };
      const refused = {
        ...invalid,
        nobody: [401],
        unscoped: [403],
        device: [403],
        auditor: [400, 403, 404],
      };
      // There the message itself says who may: without it, nobody.
      const unsigned = [400, 401, 403, 404];
      const open = { nobody: unsigned, device: unsigned, auditor: unsigned, bob: unsigned };
      return {
        public: { ...invalid, ...open, unscoped: unsigned },
        device: { ...invalid, ...open, unscoped: [403] },
        meter: { ...refused, device: [404], bob: [404] },
        owner: { ...refused, bob: [404] },
        operator: { ...refused, bob: [403] },
        admin: { ...refused, bob: [403] },
      };
    })();

  let shared: ReturnType<typeof alices> | undefined;
  it.each(CHANGES)('is not changed by %s', async (name, rule) => {
    shared ??= alices();
    const { bodyOf, pathOf } = await shared;
    const before = await everything();
    // Without an id an owner's route is about what is the caller's own.
    const isAboutOthers = rule.access !== 'owner' || OF_AN_OWNER.some(([other]) => other === name);
    for (const who of STRANGERS) {
      if (who === 'bob' && !isAboutOthers) continue;
      const answer = await send(rule, pathOf(rule), bodyOf(name), who);
      expect([who, told[rule.access][who]]).toEqual([who, expect.arrayContaining([answer.status])]);
      expect([who, answer.text.includes('alice-')]).toEqual([who, false]);
    }
    expect(await everything()).toBe(before);
  });

  it.each(OF_AN_OWNER)('is told like what does not exist by %s', async (name, rule) => {
    const { bodyOf, pathOf, deviceKeyId } = await alices();
    const path = pathOf(rule);
    const others = await send(rule, path, bodyOf(name), 'bob');
    const nobodys = path.includes('/meters/')
      ? pathOf(rule, 'nobodys')
      : path.replace(webhook, 'nobodys').replace(deviceKeyId, 'nobodys');
    const unknown = await send(rule, nobodys, bodyOf(name, 'nobodys'), 'bob');
    expect([others.status, others.text]).toEqual([404, unknown.text]);
    // It was not the request that was wrong: whose it is can send it.
    const own = await send(rule, path, bodyOf(name), name === 'acceptMeter' ? 'carl' : 'alice');
    if (/\/(?:meters|api-keys)/.test(path))
      expect([name, [200, 201, 202, 409]]).toEqual([name, expect.arrayContaining([own.status])]);
  });
});
