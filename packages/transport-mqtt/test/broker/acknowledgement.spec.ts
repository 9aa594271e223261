import { afterEach, describe, expect, test } from '@jest/globals';
import type { Packet } from 'mqtt-packet';
import { ACCEPTED, eventually, keyOf, RunningBroker, STORE_DOWN } from './running-broker.js';
import { Wire } from './wire.js';

describe('acknowledgements of the embedded broker', () => {
  let broker: RunningBroker;
  afterEach(() => broker.stop());

  test('PUBACK comes after the commit, not before', async () => {
    broker = await RunningBroker.start();
    const device = await broker.device('meter-1');
    let acknowledged = false;
    const published = device
      .publishAsync('wattproof/v1/meter-1/readings', '{"a":1}', { qos: 1 })
      .then(() => (acknowledged = true));
    const message = await broker.next();
    expect(message.message).toMatchObject({
      topic: 'wattproof/v1/meter-1/readings',
      qos: 1,
      duplicate: false,
      caller: { kind: 'device', id: 'meter-1' },
      source: 'meter-1',
    });
    // A round trip through the same connection: an acknowledgement before it would be here by now.
    await device.subscribeAsync('wattproof/v1/meter-1/receipts');
    expect(acknowledged).toBe(false);
    message.answer(ACCEPTED);
    await published;
  });

  test('many messages of one device are under way at once, and no more than the limit', async () => {
    broker = await RunningBroker.start({ limits: { inFlight: 20 } });
    const device = await broker.device('meter-1');
    const all = Array.from({ length: 50 }, (_, index) =>
      device.publishAsync('wattproof/v1/meter-1/readings', `{"n":${index}}`, { qos: 1 }),
    );
    await broker.until(() => broker.arrived.length === 20);
    const other = await broker.device('meter-2');
    const others = other.publishAsync('wattproof/v1/meter-2/readings', '{"other":1}', { qos: 1 });
    await broker.until(() => broker.arrived.length === 21);
    // Another device is not held up by the one that waits.
    broker.arrived[20]!.answer(ACCEPTED);
    await others;
    expect(broker.arrived).toHaveLength(21);
    broker.rule = () => ACCEPTED;
    for (const message of broker.arrived) message.answer(ACCEPTED);
    await Promise.all(all);
    expect(new Set(broker.arrived.map(({ text }) => text)).size).toBe(51);
  });

  test('PUBACKs go out in the order the messages came, and one that takes long holds up the others for a moment only', async () => {
    broker = await RunningBroker.start();
    broker.host.callers.knowDevice(keyOf('meter-1'), 'meter-1');
    const wire = await Wire.open(broker.port);
    wire.connect({ username: 'm', password: Buffer.from(keyOf('meter-1')) });
    await wire.next('connack');
    for (const id of [7, 3, 9, 5]) wire.publish('wattproof/v1/meter-1/readings', `{"n":${id}}`, id);
    const [seven, three, nine, five] = [
      await broker.next(),
      await broker.next(),
      await broker.next(),
      await broker.next(),
    ];
    three!.answer(ACCEPTED);
    nine!.answer(ACCEPTED);
    // Sent again meanwhile: its one acknowledgement is on its way.
    wire.publish('wattproof/v1/meter-1/readings', '{"n":3}', 3, true);
    wire.send({ cmd: 'pingreq' });
    await wire.next('pingresp');
    expect(wire.packets).toEqual([]);
    seven!.answer(ACCEPTED);
    const order: unknown[] = [];
    for (let count = 0; count < 3; count += 1) order.push((await wire.next('puback'))?.messageId);
    wire.publish('wattproof/v1/meter-1/readings', '{"n":2}', 2);
    (await broker.next()).answer(ACCEPTED);
    order.push((await wire.next('puback'))?.messageId);
    expect(order).toEqual([7, 3, 9, 2]);
    expect(broker.arrived).toHaveLength(5);
    five!.answer(ACCEPTED);
    await wire.next('puback');
    wire.socket.destroy();
  });

  test('a device that subscribes and publishes at once is subscribed when its message is taken', async () => {
    broker = await RunningBroker.start();
    broker.rule = () => ACCEPTED;
    broker.host.callers.knowDevice(keyOf('meter-1'), 'meter-1');
    const wire = await Wire.open(broker.port);
    wire.socket.cork();
    wire.connect({ username: 'm', password: Buffer.from(keyOf('meter-1')) });
    const topic = 'wattproof/v1/meter-1/receipts';
    wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] } as Packet);
    wire.publish('wattproof/v1/meter-1/readings', '{"n":1}', 2);
    wire.socket.uncork();
    await wire.next('puback');
    expect(wire.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'suback']);
    wire.socket.destroy();
  });

  test('a device that waits for its acknowledgements hears that the gateway is there, and is not taken for dead', async () => {
    broker = await RunningBroker.start({ limits: { inFlight: 2 } });
    broker.host.callers.knowDevice(keyOf('meter-1'), 'meter-1');
    const wire = await Wire.open(broker.port);
    wire.connect({ username: 'm', password: Buffer.from(keyOf('meter-1')), keepalive: 10 });
    await wire.next('connack');
    const publish = (id: number): void =>
      wire.publish('wattproof/v1/meter-1/readings', String(id).padEnd(1_000), id);
    const passes = async (ms: number): Promise<void> => {
      await broker.clock.advance(ms);
      broker.link.check();
    };
    for (const id of [1, 2]) publish(id);
    await broker.until(() => broker.arrived.length === 2);
    for (const id of [3, 4, 5]) {
      await passes(14_000);
      // The second time messages wait that came before it.
      wire.send({ cmd: 'pingreq' });
      expect(await wire.next('pingresp')).toBeDefined();
      publish(id);
    }
    // Of what waits no more is read than a little; then nothing can be heard of the device.
    for (let id = 6; id <= 200; id += 1) publish(id);
    await eventually(() => wire.socket.writableLength === 0 || wire.closed);
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    for (let count = 0; count < 5; count += 1) await passes(14_000);
    expect(wire.closed).toBe(false);
    expect(broker.arrived).toHaveLength(2);
    broker.rule = () => ACCEPTED;
    for (const message of broker.arrived.slice(0, 2)) message.answer(ACCEPTED);
    const order: unknown[] = [];
    while (order.length < 200) order.push((await wire.next('puback'))?.messageId);
    expect(order).toEqual(Array.from({ length: 200 }, (_, at) => at + 1));
    expect(broker.fact('readAheadBytes')).toBe(0);
    wire.socket.destroy();
  });

  test('of a large message of a device that waits only the first of it is read', async () => {
    broker = await RunningBroker.start({ limits: { inFlight: 1 } });
    broker.host.callers.knowDevice(keyOf('meter-1'), 'meter-1');
    const wire = await Wire.open(broker.port);
    wire.connect({ username: 'm', password: Buffer.from(keyOf('meter-1')) });
    await wire.next('connack');
    wire.publish('wattproof/v1/meter-1/readings', '1', 1);
    const first = await broker.next();
    wire.publish('wattproof/v1/meter-1/readings', 'x'.repeat(1_000_000), 2);
    await eventually(() => Number(broker.fact('partialBytes')) > 16_384);
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    expect(broker.fact('partialBytes')).toBeLessThan(300_000);
    expect(broker.fact('readAheadBytes')).toBe(0);
    first.answer(ACCEPTED);
    (await broker.next()).answer(ACCEPTED);
    expect(await wire.next('puback')).toMatchObject({ messageId: 1 });
    expect(await wire.next('puback')).toMatchObject({ messageId: 2 });
    wire.socket.destroy();
  });

  test('messages that wait for their commit have a bound in bytes, for one connection and for all', async () => {
    broker = await RunningBroker.start({
      limits: { inFlightBytes: 2_500, allInFlightBytes: 4_000 },
    });
    const [one, two] = [await broker.device('meter-1'), await broker.device('meter-2')];
    const publish = (device: typeof one, meter: string, mark: string) =>
      device.publishAsync(`wattproof/v1/${meter}/readings`, mark.padEnd(1_000), { qos: 1 });
    const published = ['a', 'b', 'c', 'd'].map((mark) => publish(one, 'meter-1', mark));
    await broker.until(() => broker.arrived.length === 3);
    published.push(publish(two, 'meter-2', 'e'));
    await broker.until(() => broker.arrived.length === 4);
    published.push(publish(two, 'meter-2', 'f'));
    // It has been written: what is not here after some turns waits.
    await eventually(() => two.stream.writableLength === 0);
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    const marks = () => broker.arrived.map(({ text }) => text.trim());
    expect(marks()).toEqual(['a', 'b', 'c', 'e']);
    expect(broker.fact('inFlightBytes')).toBe(4_000);
    broker.rule = () => ACCEPTED;
    for (const message of broker.arrived.slice(0, 3)) message.answer(ACCEPTED);
    await broker.until(() => marks().includes('d'));
    broker.link.check();
    await broker.until(() => marks().includes('f'));
    broker.arrived[3]!.answer(ACCEPTED);
    await Promise.all(published);
    expect(broker.fact('inFlightBytes')).toBe(0);
  });

  test('what was not acknowledged comes again on the next connection and is answered then', async () => {
    broker = await RunningBroker.start();
    const session = { clientId: 'one', clean: false, reconnectPeriod: 1 };
    const device = await broker.device('meter-1', session);
    const published = device.publishAsync('wattproof/v1/meter-1/readings', '{"a":1}', { qos: 1 });
    await broker.next();
    device.stream.destroy();
    const again = await broker.next();
    expect(again.text).toBe('{"a":1}');
    again.answer(ACCEPTED);
    await published;
  });

  test('QoS 0 is handed over and counted; QoS 2 is received after the commit', async () => {
    broker = await RunningBroker.start();
    const device = await broker.device('meter-1');
    await device.publishAsync('wattproof/v1/meter-1/readings', '{"q":0}', { qos: 0 });
    expect((await broker.next()).message.qos).toBe(0);
    expect(broker.fact('count_qos0')).toBe(1);
    let received = false;
    const exactly = device
      .publishAsync('wattproof/v1/meter-1/readings', '{"q":2}', { qos: 2 })
      .then(() => (received = true));
    const message = await broker.next();
    await device.subscribeAsync('wattproof/v1/meter-1/receipts');
    expect(received).toBe(false);
    message.answer(ACCEPTED);
    await exactly;
  });

  test('a device that says everything at once and leaves has been heard', async () => {
    broker = await RunningBroker.start();
    broker.rule = () => ACCEPTED;
    broker.host.callers.knowDevice(keyOf('meter-1'), 'meter-1');
    const wire = await Wire.open(broker.port);
    wire.socket.cork();
    wire.connect({ username: 'm', password: Buffer.from(keyOf('meter-1')) });
    const message = { topic: 'wattproof/v1/meter-1/readings', dup: false, retain: false } as const;
    for (const payload of ['1', '2', '3'])
      wire.send({ cmd: 'publish', ...message, payload, qos: 0 });
    wire.send({ cmd: 'disconnect' });
    wire.socket.end();
    wire.socket.uncork();
    await wire.untilClosed();
    expect(broker.arrived.map(({ text }) => text)).toEqual(['1', '2', '3']);
  });

  test('while nothing can be stored nothing is acknowledged; afterwards everything is', async () => {
    broker = await RunningBroker.start();
    broker.rule = () => STORE_DOWN;
    const device = await broker.device('meter-1');
    const all = Array.from({ length: 10 }, (_, index) =>
      device.publishAsync('wattproof/v1/meter-1/readings', `{"n":${index}}`, { qos: 1 }),
    );
    // The first was tried again, and again.
    await broker.until(() => broker.arrived.filter(({ text }) => text === '{"n":0}').length === 3);
    broker.rule = () => ACCEPTED;
    await Promise.all(all);
  });

  test('a device is disconnected when nothing could be stored for too long', async () => {
    broker = await RunningBroker.start({ withholdMs: 30_000 });
    broker.rule = () => STORE_DOWN;
    const device = await broker.device('meter-1');
    let acknowledged = false;
    device.publish('wattproof/v1/meter-1/readings', '{"a":1}', { qos: 1 }, (error) => {
      acknowledged = error === undefined || error === null;
    });
    await broker.until(() => broker.arrived.length === 2);
    await broker.clock.advance(30_000);
    broker.link.check();
    await eventually(() => !device.connected);
    expect(acknowledged).toBe(false);
    expect(broker.fact('count_server_busy')).toBe(1);
  });

  test('a message of MQTT 5 is answered with its reason, and where the reasons are wanted with properties', async () => {
    broker = await RunningBroker.start();
    const device = await broker.device('meter-1', { protocolVersion: 5 });
    device.publish('wattproof/v1/meter-1/readings', 'no', {
      qos: 1,
      properties: { contentType: 'text/plain' },
    });
    const message = await broker.next();
    expect(message.message.contentType).toBe('text/plain');
    const puback = new Promise((resolve) => {
      device.on('packetreceive', (packet) => packet.cmd === 'puback' && resolve(packet));
    });
    message.answer({ kind: 'acknowledge', reasonCode: 0x99, properties: { code: 'not_json' } });
    expect(await puback).toMatchObject({
      reasonCode: 0x99,
      properties: { userProperties: { code: 'not_json' } },
    });
  });

  test('a stop answers what is under way before the connection ends', async () => {
    broker = await RunningBroker.start();
    const device = await broker.device('meter-1', { protocolVersion: 5 });
    const told = new Promise((resolve) => device.on('disconnect', resolve));
    const published = device.publishAsync('wattproof/v1/meter-1/readings', '{}', { qos: 1 });
    const message = await broker.next();
    const stopped = broker.link.close();
    message.answer(ACCEPTED);
    await published;
    await stopped;
    expect(await told).toMatchObject({ reasonCode: 0x8b });
  });
});
