import { afterEach, describe, expect, test } from '@jest/globals';
import { ACCEPTED, eventually, keyOf, RunningBroker } from './running-broker.js';
import { Wire } from './wire.js';

describe('who may do what at the embedded broker', () => {
  let broker: RunningBroker;
  const wires: Wire[] = [];
  afterEach(async () => {
    for (const wire of wires.splice(0)) wire.socket.destroy();
    await broker.stop();
  });

  async function answerTo(options: object, version: 4 | 5 = 4): Promise<object | undefined> {
    const wire = await Wire.open(broker.port, version);
    wires.push(wire);
    wire.connect(options);
    return wire.next('connack');
  }

  test('a device is known by its key or by its signature; anybody else is refused, and told how', async () => {
    broker = await RunningBroker.start();
    const { callers } = broker.host;
    const caller = callers.knowDevice(keyOf('meter-1'), 'meter-1');
    const seen: unknown[] = [];
    callers.knowSigner('ab12', { ...caller }, ({ challenge, signature }) => {
      seen.push([challenge, Buffer.from(signature).toString('hex')]);
      return true;
    });
    const signature = Buffer.alloc(64, 7);
    const challenge = `1700000000000.${'0f'.repeat(16)}`;
    const key = Buffer.from(keyOf('meter-1'));
    const signed = Buffer.from(`${challenge}.${signature.toString('base64url')}`);
    expect(await answerTo({ username: 'anything', password: key })).toMatchObject({
      returnCode: 0,
    });
    expect(await answerTo({ username: 'ab12', password: signed })).toMatchObject({ returnCode: 0 });
    expect(seen).toEqual([[challenge, signature.toString('hex')]]);
    const wrong = { username: 'meter-1', password: Buffer.from(keyOf('meter-2')) };
    expect(await answerTo(wrong)).toMatchObject({ returnCode: 4 });
    expect(await answerTo(wrong, 5)).toMatchObject({ reasonCode: 0x86 });
    expect(await answerTo({ username: 'meter-1', password: Buffer.from('guess') })).toMatchObject({
      returnCode: 4,
    });
    expect(await answerTo({})).toMatchObject({ returnCode: 5 });
    expect(await answerTo({}, 5)).toMatchObject({ reasonCode: 0x87 });
    expect(await answerTo({ properties: { authenticationMethod: 'SCRAM' } }, 5)).toMatchObject({
      reasonCode: 0x8c,
    });
    callers.unavailable = new Error('no store');
    expect(await answerTo({ username: 'meter-1', password: key })).toMatchObject({ returnCode: 3 });
    expect(await answerTo({ username: 'meter-1', password: key }, 5)).toMatchObject({
      reasonCode: 0x88,
    });
    callers.unavailable = undefined;
  });

  test('where anonymous devices are allowed they publish, as nobody, and read nothing', async () => {
    broker = await RunningBroker.start({ anonymous: true });
    broker.rule = () => ACCEPTED;
    const device = await broker.connect();
    await device.publishAsync('wattproof/v1/meter-1/readings', '{}', { qos: 1 });
    expect(broker.arrived[0]!.message.caller).toBeUndefined();
    expect(broker.arrived[0]!.message.source).toBe('127.0.0.1');
    await expect(device.subscribeAsync('wattproof/v1/meter-1/receipts')).rejects.toThrow();
    await expect(
      broker.connect({ username: 'meter-1', password: keyOf('unknown') }),
    ).rejects.toThrow();
  });

  test('a device reads what is said to itself, and nothing else', async () => {
    broker = await RunningBroker.start();
    const device = await broker.device('meter-1');
    const granted = async (...filters: string[]): Promise<number[]> => {
      const packet = new Promise<{ granted: number[] }>((resolve) => {
        device.once('packetreceive', (received) => resolve(received as never));
      });
      device.subscribe(filters, { qos: 1 }, () => {});
      return (await packet).granted;
    };
    expect(
      await granted(
        'wattproof/v1/meter-1/receipts',
        'wattproof/v1/meter-2/receipts',
        'wattproof/v1/meter-1/commands',
        'energy/donor/meter-1/lock',
        'energy/lock/meter-1',
        'wattproof/v1/meter-1/#',
      ),
    ).toEqual([1, 0x80, 1, 1, 1, 1]);
    expect(
      await granted(
        '#',
        '+/v1/meter-1/receipts',
        'wattproof/v1/+/receipts',
        'wattproof/v1/#',
        'wattproof/#',
        'energy/donor/+/lock',
        '$SYS/#',
        '$SYS/broker/clients',
        '$share/g/wattproof/v1/meter-1/receipts',
        'wattproof/v1/meter-2/#',
        'wattproof/v1/meter-1/readings',
      ),
    ).toEqual(Array(11).fill(0x80));
    const heard: string[] = [];
    device.on('message', (topic) => heard.push(topic));
    expect(await broker.link.publish('wattproof/v1/meter-2/receipts', '{}', { qos: 1 })).toBe(
      'unreachable',
    );
    await broker.link.publish('wattproof/v1/meter-1/receipts', '{}', { qos: 1 });
    await eventually(() => heard.length > 0);
    expect(new Set(heard)).toEqual(new Set(['wattproof/v1/meter-1/receipts']));
  });

  test.each([4, 5] as const)(
    'what a device says for another is a dead letter, acknowledged, and never taken (version %i)',
    async (protocolVersion) => {
      broker = await RunningBroker.start();
      broker.rule = () => ACCEPTED;
      const device = await broker.device('meter-1', { protocolVersion });
      const puback = new Promise<{ reasonCode?: number }>((resolve) => {
        device.on('packetreceive', (packet) => packet.cmd === 'puback' && resolve(packet));
      });
      device.publish('wattproof/v1/meter-2/readings', '{"a":1}', { qos: 1 });
      expect((await puback).reasonCode).toBe(protocolVersion === 5 ? 0x87 : undefined);
      await device.publishAsync('energy/donor/meter-1/status', '{}', { qos: 1 });
      expect(broker.arrived.map(({ message }) => message.topic)).toEqual([
        'energy/donor/meter-1/status',
      ]);
      expect(broker.host.desk.deadLetters).toMatchObject([
        {
          source: 'wattproof/v1/meter-2/readings',
          device: 'meter-1',
          code: 'not_the_device',
          bytes: Buffer.from('{"a":1}'),
        },
      ]);
    },
  );

  test('what was refused is not kept for the device either, though its session lasts', async () => {
    broker = await RunningBroker.start();
    const session = { clientId: 'one', clean: false };
    const device = await broker.device('meter-1', session);
    device.subscribe(['wattproof/v1/meter-2/commands', 'wattproof/v1/meter-1/commands'], {
      qos: 1,
    });
    await new Promise((resolve) => device.once('packetreceive', resolve));
    await device.endAsync(true);
    await eventually(() => broker.fact('connections') === 0);
    expect(await broker.link.publish('wattproof/v1/meter-2/commands', '{}', { qos: 1 })).toBe(
      'unreachable',
    );
    expect(await broker.link.publish('wattproof/v1/meter-1/commands', '{}', { qos: 1 })).toBe(
      'sent',
    );
  });

  test('an account reads what concerns the meters it speaks for, each by its name', async () => {
    broker = await RunningBroker.start();
    const key = keyOf('account');
    broker.host.callers.know((shown) => shown.kind === 'api-key' && shown.key === key, {
      kind: 'api-key',
      id: 'wpk_1',
      accountId: 'acc_1',
      meterIds: ['meter-7'],
      scopes: [],
    });
    const account = await broker.connect({ username: 'x', password: key });
    await account.subscribeAsync('wattproof/v1/meter-7/receipts');
    await expect(account.subscribeAsync('wattproof/v1/meter-8/receipts')).rejects.toThrow();
    await expect(account.subscribeAsync('wattproof/v1/+/receipts')).rejects.toThrow();
    expect(broker.host.desk.presences).toEqual([]);
  });

  test('subscriptions of one session have a bound', async () => {
    broker = await RunningBroker.start({ sessions: { subscriptions: 2 } });
    const device = await broker.device('meter-1');
    await device.subscribeAsync('wattproof/v1/meter-1/receipts');
    await device.subscribeAsync('wattproof/v1/meter-1/commands');
    await device.subscribeAsync('wattproof/v1/meter-1/receipts');
    await expect(device.subscribeAsync('wattproof/v1/meter-1/#')).rejects.toThrow();
    await device.unsubscribeAsync('wattproof/v1/meter-1/commands');
    await device.subscribeAsync('wattproof/v1/meter-1/#');
  });

  test('the next message of a revoked key is not taken, and the connection ends', async () => {
    broker = await RunningBroker.start();
    broker.rule = () => ACCEPTED;
    const caller = broker.host.callers.knowDevice(keyOf('meter-1'), 'meter-1');
    const device = await broker.device('meter-1', { protocolVersion: 5 });
    await device.publishAsync('wattproof/v1/meter-1/readings', '{"a":1}', { qos: 1 });
    broker.host.callers.revoke(caller);
    const told = new Promise((resolve) => device.on('disconnect', resolve));
    device.publish('wattproof/v1/meter-1/readings', '{"a":2}', { qos: 1 });
    expect(await told).toMatchObject({ reasonCode: 0x87 });
    expect(broker.arrived).toHaveLength(1);
    const key = Buffer.from(keyOf('meter-1'));
    expect(await answerTo({ username: 'meter-1', password: key })).toMatchObject({ returnCode: 4 });
  });

  test('the connection of a revoked key that says nothing ends within a minute', async () => {
    broker = await RunningBroker.start();
    const caller = broker.host.callers.knowDevice(keyOf('meter-1'), 'meter-1');
    const device = await broker.device('meter-1', { keepalive: 0 });
    const other = await broker.device('meter-2', { keepalive: 0 });
    broker.host.callers.revoke(caller);
    for (let second = 0; second < 60; second += 1) broker.link.check();
    await eventually(() => !device.connected);
    expect(other.connected).toBe(true);
  });

  test('a key that cannot be checked for a while keeps nothing from being stored afterwards', async () => {
    broker = await RunningBroker.start();
    broker.rule = () => ACCEPTED;
    const device = await broker.device('meter-1');
    broker.host.callers.unavailable = new Error('no store');
    const published = device.publishAsync('wattproof/v1/meter-1/readings', '{}', { qos: 1 });
    await eventually(() => broker.fact('count_withheld') === 1);
    expect(broker.arrived).toEqual([]);
    broker.host.callers.unavailable = undefined;
    await published;
  });

  test('nobody takes over the session of another by its client id', async () => {
    broker = await RunningBroker.start();
    const first = await broker.device('meter-1', { clientId: 'same' });
    const second = await broker.device('meter-2', { clientId: 'same' });
    await first.subscribeAsync('wattproof/v1/meter-1/receipts');
    expect([first.connected, second.connected]).toEqual([true, true]);
    const again = await broker.device('meter-1', { clientId: 'same' });
    await eventually(() => !first.connected);
    expect([second.connected, again.connected]).toEqual([true, true]);
    // It never was away.
    expect(broker.host.desk.presences.filter(({ device }) => device === 'meter-1')).toHaveLength(1);
  });
});
