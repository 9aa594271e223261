import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import type { Caller } from '@wattproof/core/spi';
import { connectMessage } from '@wattproof/core/verify';
import { TestClient } from './test-client.js';
import { READING, WsScene } from './ws-scene.js';

let scene: WsScene;
afterEach(() => scene.end());

const refused = async (opening: Promise<TestClient>): Promise<unknown> => {
  const error = await opening.then(
    () => ({ status: 101, code: 'let in' }),
    (reason: unknown) => reason,
  );
  const { status, code } = error as { status?: number; code?: string };
  return [status, code];
};

describe('A key', () => {
  it.each([
    ['in X-API-Key', { headers: { 'x-api-key': 'key-1' } }],
    ['as a bearer token', { headers: { authorization: 'Bearer key-1' } }],
    ['as a subprotocol', { protocols: ['wattproof.v1', 'wattproof.key.key-1'] }],
  ])('%s says who connects, and is not repeated', async (_where, options) => {
    scene = await WsScene.start();
    const client = await TestClient.open(scene.url, options);
    const hello = await client.said('hello');
    expect(hello['caller']).toEqual({ kind: 'device', id: 'meter-1', meter_ids: ['meter-1'] });
    expect(client.socket.protocol).toBe('wattproof.v1');
    expect(JSON.stringify(client.heard)).not.toContain('key-1');
  });

  it.each([
    ['that nobody has', { headers: { 'x-api-key': 'key-9' } }, [401, 'key_invalid']],
    ['that is no bearer token', { headers: { authorization: 'Basic a2V5' } }, [401, 'key_invalid']],
    [
      'beside another',
      { headers: { 'x-api-key': 'key-1', authorization: 'Bearer key-2' } },
      [400, 'credentials_ambiguous'],
    ],
  ])('%s opens nothing', async (_what, options, outcome) => {
    scene = await WsScene.start();
    expect(await refused(TestClient.open(scene.url, options))).toEqual(outcome);
  });

  it('never stands in the address', async () => {
    scene = await WsScene.start();
    expect(await refused(TestClient.open(`${scene.url}?api_key=key-1`))).toEqual([
      400,
      'query_not_taken',
    ]);
  });

  it('opens nothing while it cannot be asked whose it is', async () => {
    scene = await WsScene.start();
    scene.host.callers.unavailable = new Error('the store is away');
    expect(await refused(scene.device())).toEqual([503, 'store_unavailable']);
  });

  it('may come in the first message', async () => {
    scene = await WsScene.start();
    const client = await TestClient.open(scene.url);
    expect((await client.said('hello'))['caller']).toBeNull();
    client.say({ type: 'auth', key: 'key-2' });
    expect((await client.said('authenticated'))['caller']).toMatchObject({ id: 'meter-2' });
    client.say({ type: 'auth', key: 'key-1' });
    expect(await client.said('nack')).toMatchObject({ code: 'already_authenticated' });
    scene.host.ingest.answerBy((arrival) => arrival.commit());
    expect(await client.ask({ type: 'readings', body: READING })).toMatchObject({ type: 'ack' });
    expect(scene.host.ingest.arrivals[0]!.message.caller?.id).toBe('meter-2');
  });
});

describe('Connections under one key', () => {
  const withMessage = async (key: string): Promise<TestClient> => {
    const client = await TestClient.open(scene.url);
    client.say({ type: 'auth', key });
    return client;
  };

  it('are held to a limit however the key is shown, and keep nobody else out', async () => {
    scene = await WsScene.start({ maxConnectionsPerKey: 2 });
    const first = await scene.device();
    await (await withMessage('key-1')).said('authenticated');
    await expect(scene.device()).rejects.toMatchObject({
      status: 429,
      code: 'key_connections_full',
      headers: { 'retry-after': '5' },
    });
    const third = await withMessage('key-1');
    expect(await third.closed).toEqual({ code: 1013, reason: 'key_connections_full' });
    expect(third.heard.map(({ type }) => type)).toEqual(['hello']);
    for (const key of ['key-2', 'owner-key']) await (await withMessage(key)).said('authenticated');
    await first.close();
    await scene.roundTrip();
    await (await scene.device()).said('hello');
    expect(await refused(scene.device())).toEqual([429, 'key_connections_full']);
  });

  it('that are refused take no place', async () => {
    scene = await WsScene.start({ maxConnectionsPerKey: 1 });
    // The library refuses this one, when the key is known already.
    const { hostname, port } = new URL(scene.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-API-Key: key-1\r\nSec-WebSocket-Protocol: wattproof.v1\r\n\r\n',
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 400 /);
    await (await scene.device()).said('hello');
  });
});

describe('Whoever has not said who they are', () => {
  it('is sent away when the first message is wrong, or another one', async () => {
    scene = await WsScene.start();
    const wrong = await TestClient.open(scene.url);
    wrong.say({ type: 'auth', key: 'key-9' });
    expect(await wrong.closed).toEqual({ code: 1008, reason: 'auth_failed' });
    const early = await TestClient.open(scene.url);
    expect(await early.ask({ type: 'readings', body: READING })).toMatchObject({
      type: 'nack',
      code: 'not_authenticated',
    });
    expect(await early.closed).toEqual({ code: 1008, reason: 'not_authenticated' });
    expect(scene.host.ingest.arrivals).toEqual([]);
  });

  it('has so much time and no more', async () => {
    scene = await WsScene.start({ authTimeoutMs: 5_000 });
    const [silent, known] = [await TestClient.open(scene.url), await scene.device()];
    await scene.passes(4_999);
    expect(silent.end).toBeUndefined();
    await scene.passes(1);
    expect(await silent.closed).toEqual({ code: 1008, reason: 'auth_timeout' });
    expect(known.end).toBeUndefined();
  });

  it('is told to come again when the store cannot be asked', async () => {
    scene = await WsScene.start();
    const client = await TestClient.open(scene.url);
    scene.host.callers.unavailable = new Error('the store is away');
    client.say({ type: 'auth', key: 'key-1' });
    expect((await client.closed).code).toBe(1013);
  });

  it('may send readings where that is configured, counted by address, and hears nothing', async () => {
    scene = await WsScene.start({ anonymous: true }, { source: '192.0.2.7' });
    const client = await TestClient.open(scene.url);
    expect(await client.said('hello')).toMatchObject({ caller: null, anonymous: true });
    scene.host.ingest.answerBy((arrival) => arrival.commit());
    expect(await client.ask({ type: 'readings', body: READING })).toMatchObject({ type: 'ack' });
    const { assurance, caller, source } = scene.host.ingest.arrivals[0]!.message;
    expect([assurance, caller, source]).toEqual(['unsigned', undefined, '192.0.2.7']);
    for (const type of ['subscribe', 'alert', 'status', 'answer'])
      expect(
        await client.ask({
          type,
          ...(type === 'subscribe' ? { types: ['reading.*'] } : { body: {} }),
        }),
      ).toMatchObject({ type: 'nack', code: 'not_authenticated' });
    await scene.passes(60_000);
    expect(client.end).toBeUndefined();
  });
});

describe('A device that signs', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const keyId = '0123456789abcdef';
  const caller: Caller = {
    kind: 'device',
    id: keyId,
    accountId: 'acc_1',
    meterIds: ['meter-7'],
    scopes: [],
  };
  const signed = (challenge: string, origin = 'suite.example/log') => ({
    type: 'auth',
    key_id: keyId,
    challenge,
    signature: sign(null, connectMessage(origin, keyId, challenge), privateKey).toString('base64'),
  });
  const start = async (): Promise<void> => {
    scene = await WsScene.start();
    scene.host.callers.knowSigner(keyId, caller, ({ challenge, signature }) =>
      verify(null, connectMessage('suite.example/log', keyId, challenge), publicKey, signature),
    );
  };

  it('is known by its answer to a challenge, once', async () => {
    await start();
    const client = await TestClient.open(scene.url);
    const { origin } = await client.said('hello');
    client.say({ type: 'challenge' });
    const { challenge } = await client.said('challenge');
    const answer = signed(challenge as string, origin as string);
    client.say(answer);
    expect(await client.said('authenticated')).toMatchObject({
      caller: { id: keyId, meter_ids: ['meter-7'] },
    });
    const again = await TestClient.open(scene.url);
    again.say(answer);
    expect(await again.closed).toEqual({ code: 1008, reason: 'auth_failed' });
  });

  it('may begin with a challenge of its own; other origins and bad signatures are nobody', async () => {
    await start();
    const own = (digit: string) => `1760000000000.${digit.repeat(32)}`;
    const client = await TestClient.open(scene.url);
    client.say(signed(own('a')));
    await client.said('authenticated');
    for (const wrong of [
      signed(own('b'), 'other.example/log'),
      { ...signed(own('c')), signature: Buffer.alloc(64).toString('base64') },
      { ...signed(own('d')), signature: 'not base64!' },
      { type: 'auth', key_id: keyId },
    ]) {
      const nobody = await TestClient.open(scene.url);
      nobody.say(wrong);
      expect(await nobody.closed).toEqual({ code: 1008, reason: 'auth_failed' });
    }
  });

  it('gets few challenges', async () => {
    await start();
    const client = await TestClient.open(scene.url);
    for (let asked = 0; asked < 4; asked += 1) client.say({ type: 'challenge' });
    expect(await client.closed).toEqual({ code: 1008, reason: 'too_many_challenges' });
    expect(client.heard.filter(({ type }) => type === 'challenge')).toHaveLength(3);
  });
});

describe('A client certificate', () => {
  const certificate = {
    kind: 'certificate',
    publicKey: Uint8Array.of(1),
    fromMs: 0,
    untilMs: 2 ** 45,
  } as const;

  it('says who connects, when the host knows it', async () => {
    scene = await WsScene.start({}, { certificate });
    scene.host.callers.know((shown) => shown === certificate, {
      kind: 'device',
      id: 'meter-5',
      accountId: 'acc_1',
      meterIds: ['meter-5'],
      scopes: [],
    });
    const client = await TestClient.open(scene.url);
    expect((await client.said('hello'))['caller']).toMatchObject({ id: 'meter-5' });
  });

  it('of somebody else leaves the other ways open', async () => {
    scene = await WsScene.start({}, { certificate });
    const client = await TestClient.open(scene.url);
    expect((await client.said('hello'))['caller']).toBeNull();
    client.say({ type: 'auth', key: 'key-1' });
    await client.said('authenticated');
  });
});

describe('A credential that is revoked', () => {
  it('ends connections that only listen, when it is looked at again', async () => {
    scene = await WsScene.start({ recheckMs: 10_000 });
    const caller = scene.host.callers.knowDevice('key-3', 'meter-3');
    const client = await TestClient.withKey(scene.url, 'key-3');
    await client.said('hello');
    scene.host.callers.revoke(caller);
    await scene.passes(9_999);
    expect(client.end).toBeUndefined();
    await scene.passes(1);
    expect(await client.closed).toEqual({ code: 1008, reason: 'credential_revoked' });
  });

  it('gets no command any more', async () => {
    scene = await WsScene.start();
    const caller = scene.host.callers.knowDevice('key-3', 'meter-3');
    const client = await TestClient.withKey(scene.url, 'key-3');
    await client.said('hello');
    scene.host.callers.revoke(caller);
    const command = { id: 'c', nonce: '0'.repeat(32), device: 'meter-3', name: 'lock', body: {} };
    const { signal } = new AbortController();
    expect(await scene.transport.commands.send({ ...command, deadlineMs: 2 ** 42 }, signal)).toBe(
      'unreachable',
    );
    expect(await client.closed).toEqual({ code: 1008, reason: 'credential_revoked' });
  });
});

describe('A page of a browser', () => {
  const from = (origin: string): Promise<TestClient> =>
    TestClient.open(scene.url, { headers: { origin } });

  it('may connect from the own host and from origins that are allowed, and from nowhere else', async () => {
    scene = await WsScene.start({ allowedOrigins: ['https://app.example.org'] });
    const own = new URL(scene.url).host;
    for (const origin of [`http://${own}`, `https://${own}`, 'https://app.example.org'])
      await (await from(origin)).said('hello');
    for (const origin of [
      'null',
      'https://evil.example',
      `http://${own}.evil.example`,
      'https://app.example.org:8443',
      `file://${own}/`,
    ])
      expect([origin, await refused(from(origin))]).toEqual([origin, [403, 'origin_not_allowed']]);
  });
});
