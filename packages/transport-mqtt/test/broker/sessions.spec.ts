import { afterEach, describe, expect, test } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import type { IPublishPacket } from 'mqtt-packet';
import { ACCEPTED, eventually, keyOf, RunningBroker } from './running-broker.js';
import { Wire } from './wire.js';

const COMMANDS = 'wattproof/v1/meter-1/commands';

describe('sessions of the embedded broker', () => {
  let broker: RunningBroker;
  afterEach(() => broker.stop());

  const send = (text: string) => broker.link.publish(COMMANDS, text, { qos: 1 });
  function listen(device: MqttClient): string[] {
    const heard: string[] = [];
    device.on('message', (_topic, payload) => heard.push(payload.toString()));
    return heard;
  }
  async function away(device: MqttClient): Promise<void> {
    await device.endAsync(true);
    await eventually(() => broker.fact('connections') === 0);
  }

  test.each([4, 5] as const)(
    'requests reach a device of version %i that is here, and wait for one with a session',
    async (protocolVersion) => {
      broker = await RunningBroker.start();
      expect(await send('nobody')).toBe('unreachable');
      const session = {
        protocolVersion,
        clientId: 'one',
        clean: false,
        ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
      };
      const device = await broker.device('meter-1', session);
      const heard = listen(device);
      await device.subscribeAsync(COMMANDS, { qos: 1 });
      expect(await send('here')).toBe('sent');
      await eventually(() => heard.length === 1);
      await away(device);
      expect(await send('away')).toBe('sent');
      const back = await broker.device('meter-1', {
        ...session,
        reconnectPeriod: 0,
        manualConnect: false,
      });
      const later = listen(back);
      await eventually(() => later.length === 1);
      expect([...heard, ...later]).toEqual(['here', 'away']);
      // Acknowledged, so it does not come again.
      await back.unsubscribeAsync(COMMANDS);
      expect(await send('unsubscribed')).toBe('unreachable');
    },
  );

  test('a device without a session that is away is unreachable', async () => {
    broker = await RunningBroker.start();
    const device = await broker.device('meter-1');
    await device.subscribeAsync(COMMANDS, { qos: 1 });
    await away(device);
    expect(await send('away')).toBe('unreachable');
    expect(broker.fact('sessions')).toBe(0);
  });

  test('what waits for one device has a bound, and then the device is unreachable', async () => {
    broker = await RunningBroker.start({ sessions: { queuedMessages: 2 } });
    const device = await broker.device('meter-1', { clientId: 'one', clean: false });
    await device.subscribeAsync(COMMANDS, { qos: 1 });
    await away(device);
    expect([await send('1'), await send('2'), await send('3')]).toEqual([
      'sent',
      'sent',
      'unreachable',
    ]);
    const heard = listen(await broker.device('meter-1', { clientId: 'one', clean: false }));
    await eventually(() => heard.length === 2);
    expect(heard).toEqual(['1', '2']);
  });

  test('what a device that is here does not acknowledge is kept up to the same bound', async () => {
    broker = await RunningBroker.start({ sessions: { queuedMessages: 2 } });
    broker.host.callers.knowDevice(keyOf('meter-1'), 'meter-1');
    const password = Buffer.from(keyOf('meter-1'));
    const join = async (): Promise<Wire> => {
      const wire = await Wire.open(broker.port);
      wire.connect({ username: 'm', password, clean: false });
      await wire.next('connack');
      return wire;
    };
    const silent = await join();
    silent.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: COMMANDS, qos: 1 }] });
    await silent.next('suback');
    for (const text of ['1', '2', '3', '4']) expect(await send(text)).toBe('sent');
    for (const text of ['1', '2', '3', '4'])
      expect(await silent.next('publish')).toMatchObject({ payload: Buffer.from(text) });
    silent.socket.destroy();
    const again = await join();
    for (const text of ['1', '2'])
      expect(await again.next('publish')).toMatchObject({ payload: Buffer.from(text), dup: true });
    again.send({ cmd: 'pingreq' });
    await again.next('pingresp');
    expect(again.packets).toEqual([]);
    expect(broker.fact('messagesNotQueued')).toBe(2);
    again.socket.destroy();
  });

  test('sessions end when nobody comes back, and the oldest makes room for others', async () => {
    broker = await RunningBroker.start({ sessions: { max: 2, expirySeconds: 60 } });
    for (const meter of ['meter-1', 'meter-2', 'meter-3']) {
      const device = await broker.device(meter, { clientId: 'one', clean: false });
      await device.subscribeAsync(`wattproof/v1/${meter}/commands`, { qos: 1 });
      await away(device);
    }
    expect(broker.fact('sessions')).toBe(2);
    expect(await send('gone')).toBe('unreachable');
    await broker.clock.advance(60_000);
    broker.link.check();
    expect(broker.fact('sessions')).toBe(0);
  });

  test('a device that begins anew has no old session', async () => {
    broker = await RunningBroker.start();
    const device = await broker.device('meter-1', { clientId: 'one', clean: false });
    await device.subscribeAsync(COMMANDS, { qos: 1 });
    await away(device);
    await send('old');
    const anew = await broker.device('meter-1', { clientId: 'one', clean: true });
    const heard = listen(anew);
    await anew.subscribeAsync('wattproof/v1/meter-1/receipts');
    await broker.link.publish('wattproof/v1/meter-1/receipts', 'new', { qos: 0 });
    await eventually(() => heard.length === 1);
    expect(heard).toEqual(['new']);
  });

  test('a last will is a message of the device, and its presence says so; a goodbye drops the will', async () => {
    broker = await RunningBroker.start();
    broker.rule = () => ACCEPTED;
    const will = {
      topic: 'wattproof/v1/meter-1/status',
      payload: Buffer.from('{"state":"gone"}'),
      qos: 1 as const,
    };
    const lost = await broker.device('meter-1', { clientId: 'one', will });
    lost.stream.destroy();
    const said = await broker.next();
    expect(said).toMatchObject({
      text: '{"state":"gone"}',
      message: { will: true, topic: will.topic, caller: { id: 'meter-1' } },
    });
    const polite = await broker.device('meter-1', { clientId: 'one', will });
    await polite.endAsync();
    await eventually(() => broker.host.desk.presences.length === 4);
    expect(
      broker.host.desk.presences.map(({ device, state, why }) => [device, state, why]),
    ).toEqual([
      ['meter-1', 'online', 'connected'],
      ['meter-1', 'offline', 'will'],
      ['meter-1', 'online', 'connected'],
      ['meter-1', 'offline', 'disconnected'],
    ]);
    expect(broker.arrived).toHaveLength(1);
  });

  test('what is larger than a device of MQTT 5 takes is not sent, now or later', async () => {
    broker = await RunningBroker.start();
    const small = {
      protocolVersion: 5,
      clientId: 'one',
      clean: false,
      properties: { maximumPacketSize: 128, sessionExpiryInterval: 60 },
    } as const;
    const device = await broker.device('meter-1', small);
    const heard = listen(device);
    await device.subscribeAsync(COMMANDS, { qos: 1 });
    await send('x'.repeat(200));
    await send('small');
    await eventually(() => heard.length === 1);
    await away(device);
    await send('later');
    const back = await broker.device('meter-1', small);
    const later = listen(back);
    await eventually(() => later.length === 1);
    expect([...heard, ...later]).toEqual(['small', 'later']);
    expect(broker.fact('count_packet_too_large')).toBe(1);
  });

  test('a device of MQTT 5 gets no more unacknowledged messages than it takes', async () => {
    broker = await RunningBroker.start();
    broker.host.callers.knowDevice(keyOf('meter-1'), 'meter-1');
    const wire = await Wire.open(broker.port, 5);
    const password = Buffer.from(keyOf('meter-1'));
    wire.connect({ username: 'm', password, properties: { receiveMaximum: 2 } });
    await wire.next('connack');
    wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: COMMANDS, qos: 1 }] });
    await wire.next('suback');
    for (const text of ['1', '2', '3', '4', '5']) await send(text);
    const heard: string[] = [];
    while (heard.length < 5) {
      const message = (await wire.next('publish')) as IPublishPacket;
      heard.push(message.payload.toString());
      wire.send({ cmd: 'pingreq' });
      await wire.next('pingresp');
      // At most one more is on its way.
      expect(wire.packets.length).toBeLessThanOrEqual(1);
      wire.send({ cmd: 'puback', messageId: message.messageId! });
    }
    expect(heard).toEqual(['1', '2', '3', '4', '5']);
    wire.socket.destroy();
  });
});
