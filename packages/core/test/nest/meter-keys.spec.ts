import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { verifyEcdsa } from '../../src/verify/ecdsa.js';
import { verifyProof } from '../../src/verify/index.js';
import { recoverMessage, registerMessage, rotateMessage } from '../../src/verify/device-signing.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { TestDevice, TestKey } from '../ingestion/test-devices.js';
import { ask, HOSTS } from './hosts.js';

describe.each(HOSTS)('Keys of a meter on %s', (host) => {
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
    for (const [name, account, role] of [
      ['owner', 'house', 'owner'],
      ['neighbour', 'next door', 'owner'],
      ['own admin', 'house', 'admin'],
      ['other admin', 'operators', 'admin'],
      ['auditor', 'house', 'auditor'],
    ] as const) {
      const body = { account_id: account, role };
      const issued = await ask(`${api}/admin/api-keys`, { body, key: gateway.adminKey });
      key.set(name, issued.json.key);
    }
  });
  afterAll(() => gateway.stop());

  const nonce = async (): Promise<string> =>
    (await ask(`${api}/meters/challenge`, { method: 'POST' })).json.nonce;
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

  async function register(meterId: string, first: TestKey): Promise<number> {
    const challenge = await nonce();
    const { origin } = gateway.services;
    const message = registerMessage(origin, meterId, first.keyId, challenge);
    const answer = await ask(`${api}/meters/register`, {
      key: key.get('owner')!,
      body: {
        meter_id: meterId,
        public_key: base64(first.spki),
        alg: first.alg,
        proof_of_possession: { nonce: challenge, signature: base64(first.sign(message)) },
      },
    });
    return answer.status;
  }

  async function rotation(meterId: string, old: TestKey, next: TestKey): Promise<object> {
    const challenge = await nonce();
    const { origin } = gateway.services;
    const message = rotateMessage(origin, meterId, old.keyId, next.keyId, challenge);
    return {
      public_key: base64(next.spki),
      alg: next.alg,
      nonce: challenge,
      old_key_id: old.keyId,
      signatures: { old: base64(old.sign(message)), new: base64(next.sign(message)) },
    };
  }

  const send = async (by: TestDevice, endsMs: number) => {
    const { status, json } = await ask(`${api}/readings`, { body: by.signed(by.reading(endsMs)) });
    return [status, json.code ?? json.verdict];
  };

  it('of every algorithm register, sign, rotate over each other and are revoked', async () => {
    const keys = (['Ed25519', 'ES256', 'ES256K'] as const).map(
      (alg) => new TestKey(`${host} ${alg}`, alg),
    );
    const [first, second, third] = keys as [TestKey, TestKey, TestKey];
    const now = gateway.clock.nowMs();
    expect(await register('chain', first)).toBe(201);
    expect(await send(new TestDevice('chain', first), now)).toEqual([200, 'accepted']);
    for (const [at, old, next] of [
      [1, first, second],
      [2, second, third],
    ] as const) {
      const rotated = await ask(`${api}/meters/chain/keys`, {
        body: await rotation('chain', old, next),
      });
      expect([rotated.status, Object.keys(rotated.json)]).toEqual([
        201,
        ['meter_id', 'state', 'keys'],
      ]);
      expect(rotated.json.keys.at(-1)).toMatchObject({ key_id: next.keyId, epoch: at });
      const endsMs = now - at * 900_000;
      expect(await send(new TestDevice('chain', next), endsMs)).toEqual([200, 'accepted']);
    }
    const revoke = (id: string, by: string) =>
      ask(`${api}/meters/chain/keys/${id}?reason=sold`, { method: 'DELETE', key: key.get(by)! });
    expect([(await revoke(third.keyId, 'neighbour')).status]).toEqual([404]);
    expect((await revoke(third.keyId, 'auditor')).json.code).toBe('reader_only');
    const gone = await revoke(third.keyId, 'owner');
    expect([gone.status, gone.json.leading_key, gone.json.next]).toEqual([200, second.keyId, null]);
    expect(await send(new TestDevice('chain', third), now - 2_700_000)).toEqual([
      401,
      'key_revoked',
    ]);
    await revoke(second.keyId, 'owner');
    const last = await revoke(first.keyId, 'owner');
    expect(last.json).toMatchObject({
      leading_key: null,
      next: expect.stringContaining('recovered by owner and admin'),
    });
    expect((await revoke('0'.repeat(16), 'owner')).json.code).toBe('key_not_found');
  });

  it.each(['Ed25519', 'ES256', 'ES256K'] as const)(
    'of algorithm %s sign readings and batches whose bundles prove it without the gateway',
    async (alg) => {
      const meterId = `bundle ${alg}`;
      const one = new TestKey(`${host} ${meterId}`, alg);
      await register(meterId, one);
      const by = new TestDevice(meterId, one);
      const now = gateway.clock.nowMs();
      const single = await ask(`${api}/readings`, { body: by.signed(by.reading(now)) });
      const batch = by.batch([1, 2, 3].map((at) => by.reading(now - at * 900_000)));
      const many = await ask(`${api}/readings`, { body: batch });
      await ask(`${api}/batches/flush`, { method: 'POST', key: gateway.adminKey });
      for (const { id } of [single.json, ...many.json] as readonly { id: string }[]) {
        const bundle = await ask(`${api}/logs/${id}/proof?format=bundle`, {
          key: key.get('owner')!,
        });
        const codes = async (text: string, options: object) => {
          const { proven, notChecked, failures } = await verifyProof(text, options);
          return [proven, notChecked, failures].map((list) =>
            list.map(({ code }) => code).filter((code) => code.startsWith('device_signature')),
          );
        };
        const proven = [['device_signature'], [], []];
        expect(await codes(bundle.text, { ecdsa: verifyEcdsa })).toEqual(proven);
        expect(await codes(bundle.text, {})).toEqual(
          alg === 'Ed25519' ? proven : [[], ['device_signature_not_checked'], []],
        );
        const { value } = bundle.json.signature as { value: string };
        const forged = bundle.text.replace(value, base64(one.sign(Buffer.from('something else'))));
        expect(await codes(forged, { ecdsa: verifyEcdsa })).toEqual([[], [], ['device_signature']]);
      }
    },
  );

  it('that are lost are recovered by owner and admin together', async () => {
    const [lost, found] = [new TestKey(`${host} lost`), new TestKey(`${host} found`, 'ES256K')];
    await register('lake', lost);
    const recovery = async (more: object = {}) => {
      const challenge = await nonce();
      const { origin } = gateway.services;
      const message = recoverMessage(origin, 'lake', found.keyId, challenge);
      return {
        public_key: base64(found.spki),
        alg: found.alg,
        nonce: challenge,
        signature: base64(found.sign(message)),
        reason: 'fell into the lake',
        ...more,
      };
    };
    const asking = async (by: string, more: object = {}) =>
      ask(`${api}/meters/lake/keys/recovery`, { key: key.get(by)!, body: await recovery(more) });
    expect((await asking('neighbour')).status).toBe(404);
    expect((await asking('other admin')).json.code).toBe('recovery_not_owner');
    expect((await asking('owner', { alg: 'ES256' })).json.code).toBe('public_key_invalid');
    const asked = await asking('owner');
    expect([asked.status, asked.json.state, asked.json.decided_by]).toEqual([202, 'open', null]);
    const id = asked.json.recovery_id as string;
    const listed = async (by: string) =>
      (await ask(`${api}/key-recoveries?state=open`, { key: key.get(by)! })).json.map(
        ({ recovery_id: one }: { recovery_id: string }) => one,
      );
    expect(await listed('owner')).toEqual([id]);
    expect(await listed('neighbour')).toEqual([]);
    expect(await listed('other admin')).toContain(id);
    const decide = (what: string, by: string, of = id) =>
      ask(`${api}/admin/meters/lake/keys/recovery/${of}/${what}`, {
        key: key.get(by)!,
        body: {},
      });
    expect((await decide('approve', 'owner')).json.code).toBe('role_insufficient');
    expect((await decide('approve', 'own admin')).json.code).toBe('recovery_needs_another');
    expect((await decide('approve', 'other admin', 'rec_0')).json.code).toBe('recovery_closed');
    const approved = await decide('approve', 'other admin');
    expect([
      approved.status,
      approved.json.keys.map((one: { revoked_at: string | null }) => one.revoked_at === null),
    ]).toEqual([200, [false, true]]);
    expect((await decide('reject', 'other admin')).json.code).toBe('recovery_closed');
    const now = gateway.clock.nowMs();
    expect(await send(new TestDevice('lake', found), now)).toEqual([200, 'accepted']);
    expect(await send(new TestDevice('lake', lost), now - 900_000)).toEqual([401, 'key_revoked']);
    const { json } = await ask(`${api}/logs?type=device-key`, { key: key.get('owner')! });
    const events = json.map(({ document }: { document?: { event: string } }) => document?.event);
    expect(events.slice(-3)).toEqual(['registered', 'recovery-asked', 'recovery-approved']);
  });

  it('tell which of their numbers never came', async () => {
    const one = new TestKey(`${host} gaps`);
    await register('gaps', one);
    const by = new TestDevice('gaps', one);
    const now = gateway.clock.nowMs();
    const numbers = [5, 1, 2, 9];
    const body = numbers.map((seq, i) => by.signed(by.reading(now - i * 900_000, { seq })));
    await ask(`${api}/readings`, { body });
    const gaps = (query: string, name = 'owner') =>
      ask(`${api}/meters/gaps/gaps${query}`, { key: key.get(name)! });
    const all = await gaps('');
    expect(all.json).toEqual({
      meter_id: 'gaps',
      late_window: 4096,
      keys: [
        {
          key_id: one.keyId,
          epoch: 0,
          lowest: '1',
          highest: '9',
          seen: '4',
          missing: '5',
          gaps: [
            { first: '3', last: '4', count: '2', late: false },
            { first: '6', last: '8', count: '3', late: false },
          ],
          behind: null,
        },
      ],
    });
    const [page] = (await gaps(`?limit=1&key_id=${one.keyId}`)).json.keys;
    expect([page.gaps.length, page.behind]).toEqual([1, '4']);
    const [rest] = (await gaps(`?limit=1&key_id=${one.keyId}&behind=${page.behind}`)).json.keys;
    expect(rest.gaps).toMatchObject([{ first: '6' }]);
    expect((await gaps('', 'neighbour')).status).toBe(404);
    for (const query of ['?behind=3', '?behind=x&key_id=a', `?behind=${2n ** 63n}&key_id=a`])
      expect((await gaps(query)).json.code).toBe('query_invalid');
  });

  it.each([
    ['POST', 'meters/x/keys', '[1]'],
    ['POST', 'meters/x/keys', '{"alg":"Ed25519","alg":"ES256"}'],
    ['POST', 'meters/x/keys', '{}'],
    ['POST', 'meters/x/keys', JSON.stringify({ public_key: 'A'.repeat(17_000) })],
    ['POST', 'meters/x/keys/recovery', '{"reason":1}'],
    ['POST', 'admin/meters/x/keys/recovery/y/approve', '{"reason":""}'],
    ['POST', 'admin/meters/%00/keys/recovery/y/approve', '{}'],
    ['DELETE', 'meters/x/keys/y', undefined],
    ['DELETE', `meters/x/keys/y?reason=${'z'.repeat(300)}`, undefined],
    ['GET', 'key-recoveries?state=lost', undefined],
    ['GET', 'key-recoveries?cursor=zzz', undefined],
  ])('refuse bad input (%#: %s) with a problem', async (method, path, body) => {
    const answer = await ask(`${api}/${path}`, {
      method,
      key: gateway.adminKey,
      ...(body === undefined ? {} : { body }),
    });
    expect([400, 404, 413]).toContain(answer.status);
    expect(answer.json.code).toEqual(expect.any(String));
  });
});
