import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, test } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import { WebSocket } from 'ws';
import { BrokerConfig } from '../../src/broker/broker.config.js';
import { ACCEPTED, eventually, keyOf, RunningBroker } from './running-broker.js';
import { Wire } from './wire.js';

describe('doors of the embedded broker', () => {
  let broker: RunningBroker;
  const clients: MqttClient[] = [];
  const wires: Wire[] = [];
  afterEach(async () => {
    for (const wire of wires.splice(0)) wire.socket.destroy();
    await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
    await broker.stop();
  });

  async function at(url: string, options: object = {}): Promise<MqttClient> {
    broker.host.callers.knowDevice(keyOf('meter-1'), 'meter-1');
    const known = { username: 'meter-1', password: keyOf('meter-1') };
    const client = await connectAsync(url, { reconnectPeriod: 0, ...known, ...options });
    clients.push(client);
    return client;
  }

  describe('with TLS', () => {
    const read = (name: string): string =>
      readFileSync(new URL(`test-only-certificates/${name}.pem`, import.meta.url), 'utf8');
    const tls = (more: object = {}): object => ({
      tls: { port: 0, cert: read('server'), key: read('server.key'), ...more },
    });
    const secure = (): object => ({ ca: read('server'), servername: 'localhost' });

    /** How many bytes a client hears before it is cut off. */
    async function heardOf(port: number, options: object): Promise<number> {
      const socket = connectTls({ port, host: '127.0.0.1', ...options });
      let heard = 0;
      socket.on('data', (bytes) => (heard += bytes.length));
      socket.on('error', () => {});
      await new Promise((resolve) => socket.once('close', resolve));
      return heard;
    }

    test('a device connects with its key, and the port without TLS can be left out', async () => {
      broker = await RunningBroker.start({ port: null, ...tls() });
      broker.rule = () => ACCEPTED;
      const device = await at(`mqtts://127.0.0.1:${broker.fact('mqttsPort')}`, secure());
      await device.publishAsync('wattproof/v1/meter-1/readings', '{}', { qos: 1 });
      expect(broker.fact('mqttPort')).toBeUndefined();
    });

    test.each([
      ['a certificate', { cert: 'no certificate' }],
      ['a key of another certificate', { key: read('device.key') }],
      ['an authority', { clientCa: 'no authority' }],
    ])('%s that cannot be used is an error with a code, and no door opens', async (_, wrong) => {
      broker = await RunningBroker.start();
      const failure: unknown = await RunningBroker.start(tls(wrong)).catch((error) => error);
      expect(failure).toMatchObject({ code: 'tls_unusable' });
    });

    test('a certificate says who the device is; without one of the authority nobody gets in', async () => {
      broker = await RunningBroker.start({
        port: null,
        ...tls({ clientCa: read('authority') }),
      });
      const shown: string[] = [];
      broker.host.callers.know(
        (credential) => {
          if (credential.kind === 'certificate')
            shown.push(Buffer.from(credential.publicKey).toString('hex'));
          return credential.kind === 'certificate';
        },
        { kind: 'device', id: 'meter-9', accountId: 'acc_1', meterIds: ['meter-9'], scopes: [] },
      );
      const url = `mqtts://127.0.0.1:${broker.fact('mqttsPort')}`;
      const nobody = { ...secure(), username: undefined, password: undefined };
      const device = await at(url, {
        ...nobody,
        cert: read('device'),
        key: read('device.key'),
      });
      const published = device.publishAsync('wattproof/v1/meter-9/readings', '{}', { qos: 1 });
      const message = await broker.next();
      expect(message.message.caller?.id).toBe('meter-9');
      message.answer(ACCEPTED);
      await published;
      const { publicKey } = new X509Certificate(read('device'));
      expect(shown).toEqual([publicKey.export({ type: 'spki', format: 'der' }).toString('hex')]);
      const stranger = { cert: read('stranger'), key: read('stranger.key') };
      const port = Number(broker.fact('mqttsPort'));
      expect(await heardOf(port, { ...secure(), ...stranger })).toBe(0);
      expect(await heardOf(port, secure())).toBe(0);
      await eventually(() => broker.fact('connections') === 1);
    });

    test('where certificates are optional one of a stranger says nothing', async () => {
      const optional = { clientCa: read('authority'), clientCertificate: 'optional' };
      broker = await RunningBroker.start({ port: null, ...tls(optional) });
      broker.host.callers.know(({ kind }) => kind === 'certificate', {
        kind: 'device',
        id: 'meter-9',
        accountId: 'acc_1',
        scopes: [],
      });
      const url = `mqtts://127.0.0.1:${broker.fact('mqttsPort')}`;
      const stranger = { ...secure(), cert: read('stranger'), key: read('stranger.key') };
      await expect(
        at(url, { ...stranger, username: undefined, password: undefined }),
      ).rejects.toThrow();
      await at(url, stranger);
    });
  });

  test.each([4, 5] as const)(
    "MQTT %i over WebSocket: on the gateway's own server, and on a port",
    async (protocolVersion) => {
      broker = await RunningBroker.start({ websocket: { path: '/mqtt', port: 0 } });
      broker.rule = () => ACCEPTED;
      const path = `${broker.host.http.url.replace('http', 'ws')}/mqtt`;
      for (const url of [path, `ws://127.0.0.1:${broker.fact('wsPort')}/anything`]) {
        const device = await at(url, { protocolVersion });
        await device.publishAsync('wattproof/v1/meter-1/readings', '{}', { qos: 1 });
        await device.endAsync();
      }
      expect(broker.arrived).toHaveLength(2);
      await eventually(() => broker.fact('connections') === 0);
    },
  );

  test('pages of other sites connect only when their origin is named; who is no page says none', async () => {
    const allowedOrigins = ['https://app.example.org'];
    broker = await RunningBroker.start({ websocket: { path: '/mqtt', port: 0, allowedOrigins } });
    const host = `127.0.0.1:${broker.fact('wsPort')}`;
    const doors = [`${broker.host.http.url.replace('http', 'ws')}/mqtt`, `ws://${host}/mqtt`];
    for (const url of doors) {
      /** 101 when it is let in. */
      const from = (origin: string): Promise<number | undefined> =>
        new Promise((resolve) => {
          const socket = new WebSocket(url, 'mqtt', { headers: { origin } });
          const answered = (status: number | undefined): void => {
            resolve(status);
            socket.terminate();
          };
          socket.on('error', () => {});
          socket.on('open', () => answered(101));
          socket.on('unexpected-response', (_, { statusCode }) => answered(statusCode));
        });
      const own = new URL(url.replace('ws', 'http')).origin;
      for (const origin of ['https://app.example.org', own, own.replace('http', 'https')])
        expect(await from(origin)).toBe(101);
      const lookalike = 'https://app.example.org.evil.example';
      for (const origin of [
        'https://evil.example',
        'null',
        'http://app.example.org',
        lookalike,
        '',
      ])
        expect(await from(origin)).toBe(403);
    }
    expect(broker.fact('count_origin_not_allowed')).toBe(10);
    await eventually(() => broker.fact('connections') === 0);
    expect(BrokerConfig.safeParse({ websocket: { port: 0, allowedOrigins: ['*'] } }).success).toBe(
      false,
    );
  });

  test('a port that is taken is an error with a code, or another port where that is allowed', async () => {
    broker = await RunningBroker.start();
    await expect(RunningBroker.start({ port: broker.port })).rejects.toMatchObject({
      code: 'port_taken',
    });
    const other = await RunningBroker.start({ port: broker.port, whenTaken: 'free-port' });
    expect(other.port).not.toBe(broker.port);
    await other.stop();
  });

  test('who opens the port for WebSocket and asks for nothing is given up as at the other doors', async () => {
    broker = await RunningBroker.start({ websocket: { port: 0 }, limits: { handshakeMs: 50 } });
    const socket = connect(Number(broker.fact('wsPort')), '127.0.0.1');
    let said = '';
    socket.on('data', (bytes) => (said += bytes.toString()));
    await new Promise((resolve) => socket.once('close', resolve));
    expect(said).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('a start that fails leaves no door open', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    broker = await RunningBroker.start();
    await expect(RunningBroker.start({ websocket: { port } })).rejects.toMatchObject({
      code: 'port_taken',
    });
    await new Promise((resolve) => taken.close(resolve));
  });

  test('connections that come too fast are told to come later, and the bound of connections holds', async () => {
    broker = await RunningBroker.start({
      limits: { connectsPerSecond: 2, connections: 3 },
    });
    broker.host.callers.knowDevice(keyOf('meter-1'), 'meter-1');
    const answers: object[] = [];
    for (let count = 0; count < 5; count += 1) {
      const wire = await Wire.open(broker.port, count === 4 ? 5 : 4);
      wires.push(wire);
      wire.connect({
        clientId: String(count),
        username: 'm',
        password: Buffer.from(keyOf('meter-1')),
      });
      const { returnCode, reasonCode } = ((await wire.next('connack')) ?? {}) as never;
      answers.push({ returnCode, reasonCode });
    }
    expect(answers).toMatchObject([
      { returnCode: 0 },
      { returnCode: 0 },
      { returnCode: 0 },
      // There is no room: not a word.
      { returnCode: undefined },
      { returnCode: undefined },
    ]);
    for (const wire of wires.splice(0, 2)) wire.socket.destroy();
    await eventually(() => broker.fact('connections') === 1);
    const next = async (version: 4 | 5): Promise<object | undefined> => {
      const wire = await Wire.open(broker.port, version);
      wires.push(wire);
      wire.connect({
        clientId: `late${version}`,
        username: 'm',
        password: Buffer.from(keyOf('meter-1')),
      });
      return wire.next('connack');
    };
    expect(await next(4)).toMatchObject({ returnCode: 0 });
    expect(await next(4)).toMatchObject({ returnCode: 3 });
    expect(await next(5)).toMatchObject({ reasonCode: 0x9f });
    await broker.clock.advance(1_000);
    expect(await next(5)).toMatchObject({ reasonCode: 0 });
  });

  test('one key has so many connections and no more; who takes over its own, and others, get in', async () => {
    broker = await RunningBroker.start({ limits: { connectionsPerCaller: 2 } });
    const join = async (meter: string, clientId: string, version: 4 | 5): Promise<unknown> => {
      broker.host.callers.knowDevice(keyOf(meter), meter);
      const wire = await Wire.open(broker.port, version);
      wires.push(wire);
      wire.connect({ clientId, username: 'm', password: Buffer.from(keyOf(meter)) });
      const { returnCode, reasonCode } = (await wire.next('connack')) as never;
      return version === 5 ? reasonCode : returnCode;
    };
    // Asked for at once: the bound holds among those that are on their way in, too.
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((id) => join('meter-1', id, 5)));
    expect(answers.toSorted()).toEqual([0, 0, 0x97, 0x97].toSorted());
    const inside = answers.flatMap((code, at) => (code === 0 ? ['abcd'[at]!] : []));
    expect(await join('meter-1', 'e', 4)).toBe(3);
    expect(await join('meter-1', inside[0]!, 5)).toBe(0);
    expect(await join('meter-2', 'a', 5)).toBe(0);
    expect(broker.fact('count_too_many_connections')).toBe(3);
    for (const wire of wires.splice(0)) wire.socket.destroy();
    await eventually(() => broker.fact('connections') === 0);
    expect(await join('meter-1', 'e', 5)).toBe(0);
  });

  test('a storm of 500 connects is bounded, and who was there is served meanwhile', async () => {
    broker = await RunningBroker.start({ limits: { connectsPerSecond: 50 } });
    broker.rule = () => ACCEPTED;
    const device = await broker.device('meter-0');
    broker.host.callers.knowDevice(keyOf('meter-1'), 'meter-1');
    const password = Buffer.from(keyOf('meter-1'));
    const storm = Array.from({ length: 500 }, async (_, index) => {
      const wire = await Wire.open(broker.port);
      wires.push(wire);
      wire.connect({ clientId: String(index), username: 'm', password });
      return ((await wire.next('connack')) as { returnCode?: number } | undefined)?.returnCode;
    });
    const during = Array.from({ length: 20 }, (_, index) =>
      device.publishAsync('wattproof/v1/meter-0/readings', `{"n":${index}}`, { qos: 1 }),
    );
    await Promise.all(during);
    const answers = await Promise.all(storm);
    expect(answers.filter((code) => code === 0)).toHaveLength(99);
    expect(answers.filter((code) => code === 3)).toHaveLength(401);
    await eventually(() => broker.fact('connections') === 100);
  });

  test('a thousand connections that say nothing are held, and who speaks is served', async () => {
    broker = await RunningBroker.start({ limits: { connectsPerSecond: 1_000 } });
    broker.rule = () => ACCEPTED;
    broker.host.callers.knowDevice(keyOf('meter-1'), 'meter-1');
    const password = Buffer.from(keyOf('meter-1'));
    for (let count = 0; count < 1_000; count += 1) {
      const wire = await Wire.open(broker.port);
      wires.push(wire);
      wire.connect({ clientId: String(count), username: 'm', password });
    }
    await Promise.all(wires.map((wire) => wire.next('connack')));
    const device = await broker.device('meter-2');
    await device.publishAsync('wattproof/v1/meter-2/readings', '{}', { qos: 1 });
    await broker.clock.advance(60_000);
    broker.link.check();
    await device.publishAsync('wattproof/v1/meter-2/readings', '{"n":2}', { qos: 1 });
    expect(broker.fact('connections')).toBe(1_001);
    expect(wires.some(({ closed }) => closed)).toBe(false);
  });

  test('a configuration says which doors there are', () => {
    const problems = (config: object): unknown =>
      BrokerConfig.safeParse(config).error?.issues.map(({ path }) => path.join('.'));
    expect(problems({})).toBeUndefined();
    expect(BrokerConfig.parse({})).toMatchObject({
      host: '127.0.0.1',
      port: 1883,
      anonymous: false,
    });
    expect(problems({ websocket: {} })).toEqual(['websocket']);
    expect(problems({ websocket: { port: 1, tls: true } })).toEqual(['websocket.tls']);
    expect(problems({ prot: 1 })).toEqual(['']);
  });
});
