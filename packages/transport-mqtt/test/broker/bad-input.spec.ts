import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { generate, type Packet } from 'mqtt-packet';
import { SeededRandom } from '@wattproof/core/simulator';
import { ACCEPTED, eventually, keyOf, RunningBroker } from './running-broker.js';
import { Wire } from './wire.js';

describe('bad input at the embedded broker', () => {
  let broker: RunningBroker;
  const wires: Wire[] = [];
  afterEach(async () => {
    for (const wire of wires.splice(0)) wire.socket.destroy();
    await broker.stop();
  });

  async function wire(version: 4 | 5 = 4): Promise<Wire> {
    const opened = await Wire.open(broker.port, version);
    wires.push(opened);
    return opened;
  }
  /** A device that is connected, as bytes on a socket. */
  async function joined(meter = 'meter-1', version: 4 | 5 = 4, options = {}): Promise<Wire> {
    broker.host.callers.knowDevice(keyOf(meter), meter);
    const device = await wire(version);
    device.connect({ username: meter, password: Buffer.from(keyOf(meter)), ...options });
    await device.next('connack');
    return device;
  }

  test('random bytes end the connection and nothing else', async () => {
    broker = await RunningBroker.start();
    broker.rule = () => ACCEPTED;
    const good = await broker.device('meter-2');
    for (let round = 0; round < 20; round += 1) {
      const garbage = await wire();
      garbage.bytes(randomBytes(256));
      garbage.socket.end();
      await garbage.untilClosed();
    }
    const inside = await joined();
    inside.bytes(Buffer.from([0xf0, 0x00]));
    await inside.untilClosed();
    const unreadable = await joined();
    unreadable.bytes(Buffer.from([0x32, 0x03, 0x00, 0x09, 0x61]));
    await unreadable.untilClosed();
    await good.publishAsync('wattproof/v1/meter-2/readings', '{}', { qos: 1 });
    expect(broker.fact('connections')).toBe(1);
  });

  test('a packet that is too large is refused by the length it states', async () => {
    broker = await RunningBroker.start({ limits: { maxPacketBytes: 1024 } });
    const device = await joined('meter-1', 5);
    // 1 MiB is announced; not one byte of it has come.
    device.bytes(Buffer.from([0x30, 0x80, 0x80, 0x40]));
    expect(await device.next('disconnect')).toMatchObject({ reasonCode: 0x95 });
    await device.untilClosed();
    const old = await joined('meter-1', 4);
    old.bytes(Buffer.from([0x30, 0x80, 0x80, 0x40]));
    await old.untilClosed();
    expect(old.packets).toEqual([]);
    expect(broker.fact('count_packet_too_large')).toBe(2);
    expect(broker.arrived).toEqual([]);
  });

  test.each([4, 5] as const)(
    'MQTT %i: what is larger than a message passes by, is told of and answered, and what follows is read',
    async (version) => {
      broker = await RunningBroker.start({}, { maxMessageBytes: 10_000 });
      broker.rule = () => ACCEPTED;
      const device = await joined('meter-1', version);
      const properties = version === 5 ? { properties: { contentType: 'text/plain' } } : {};
      const large = generate(
        {
          cmd: 'publish',
          topic: 'wattproof/v1/meter-1/readings',
          payload: Buffer.alloc(60_000, 'x'),
          qos: 1,
          messageId: 7,
          dup: false,
          retain: false,
          ...properties,
        },
        { protocolVersion: version },
      );
      for (const cut of [1, 3, 9, 40, 400, 50_000]) {
        device.bytes(large.subarray(0, cut));
        await eventually(() => Number(broker.fact('partialBytes')) >= Math.min(cut, 256));
        expect(broker.fact('partialBytes')).toBeLessThan(500);
        device.bytes(large.subarray(cut));
        expect(await device.next('puback')).toMatchObject({ messageId: 7 });
        expect(broker.fact('partialBytes')).toBe(0);
      }
      device.bytes(Buffer.concat([large, large.subarray(0, 20_000)]));
      device.bytes(large.subarray(20_000));
      device.publish('wattproof/v1/meter-1/readings', 'y'.repeat(10_000), 8);
      expect(await device.next('puback')).toMatchObject({ messageId: 7 });
      expect(await device.next('puback')).toMatchObject({ messageId: 7 });
      expect(await device.next('puback')).toMatchObject({ messageId: 8 });
      const [first] = broker.arrived;
      expect(first!.text).toBe('x'.repeat(256));
      expect(first!.message.payloadBytes).toBe(60_000);
      expect(broker.arrived.at(-1)!.message.payloadBytes).toBeUndefined();
      expect(broker.arrived.at(-1)!.text).toHaveLength(10_000);
    },
  );

  test('a version there is not is refused as such', async () => {
    broker = await RunningBroker.start();
    for (const level of [2, 6]) {
      const device = await wire();
      const connect = [0x10, 0x0d, 0x00, 0x04, 0x4d, 0x51, 0x54, 0x54, level, 0x02, 0x00, 0x00];
      device.bytes(Buffer.from([...connect, 0x00, 0x01, 0x61]));
      expect(await device.next('connack')).toMatchObject({ returnCode: 1 });
      await device.untilClosed();
    }
  });

  test('packets with random bytes changed end at most their own connection', async () => {
    broker = await RunningBroker.start({ anonymous: true });
    broker.rule = () => ACCEPTED;
    const good = await broker.device('meter-2');
    const packets: readonly Packet[] = [
      {
        cmd: 'publish',
        topic: 'a/b',
        payload: '{}',
        qos: 1,
        messageId: 9,
        dup: false,
        retain: false,
      },
      { cmd: 'subscribe', messageId: 3, subscriptions: [{ topic: 'a/+', qos: 1 }] },
      { cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['a/b'] },
      { cmd: 'puback', messageId: 5 },
      { cmd: 'pubrel', messageId: 6 },
      { cmd: 'pingreq' },
      { cmd: 'disconnect', properties: { sessionExpiryInterval: 9 } },
    ];
    const random = new SeededRandom(7);
    for (const version of [4, 5] as const)
      for (let round = 0; round < 150; round += 1) {
        const device = await wire(version);
        device.connect({ clientId: `${version}-${round}` });
        const bytes = Buffer.concat(
          packets.map((packet) => generate(packet, { protocolVersion: version })),
        );
        for (let change = 0; change <= round % 5; change += 1)
          bytes[Math.floor(random.between(0, bytes.length))] = Math.floor(random.between(0, 256));
        device.bytes(bytes);
        device.socket.end();
        await device.untilClosed();
      }
    expect(broker.fact('count_unspecified')).toBeUndefined();
    await good.publishAsync('wattproof/v1/meter-2/readings', '{}', { qos: 1 });
    await eventually(() => broker.fact('connections') === 1);
    expect(broker.fact('partialBytes')).toBe(0);
  });

  test('a property that may be given once and is given twice ends the connection, and is no message', async () => {
    broker = await RunningBroker.start();
    broker.rule = () => ACCEPTED;
    const text = (word: string) => [0, word.length, ...Buffer.from(word)];
    const device = await joined('meter-1', 5);
    const properties = [0x03, ...text('a/b'), 0x03, ...text('c/d')];
    const body = [...text('wattproof/v1/meter-1/readings'), 0, 1, properties.length, ...properties];
    device.bytes(Buffer.from([0x32, body.length + 2, ...body, ...Buffer.from('{}')]));
    expect(await device.next('disconnect')).toMatchObject({ reasonCode: 0x82 });
    expect(broker.arrived).toEqual([]);
    const connecting = await wire(5);
    const doubled = [0x11, 0, 0, 0, 5, 0x11, 0, 0, 0, 9];
    const connect = [...text('MQTT'), 5, 2, 0, 0, doubled.length, ...doubled, ...text('id')];
    connecting.bytes(Buffer.from([0x10, connect.length, ...connect]));
    await connecting.untilClosed();
    expect(broker.fact('count_protocol_error')).toBe(2);
    expect(broker.fact('count_unspecified')).toBeUndefined();
  });

  test('connections that end over a malformed packet leave the count of incomplete bytes as it was', async () => {
    broker = await RunningBroker.start();
    for (const meter of ['meter-1', 'meter-2']) {
      const device = await joined(meter);
      device.bytes(Buffer.from([0x30]));
      await eventually(() => broker.fact('partialBytes') === 1);
      device.bytes(Buffer.alloc(1_000, 0xff));
      await device.untilClosed();
      expect(broker.fact('partialBytes')).toBe(0);
    }
  });

  test('a length of five bytes is no length', async () => {
    broker = await RunningBroker.start();
    const device = await joined();
    device.bytes(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01]));
    await device.untilClosed();
    expect(broker.fact('count_malformed_packet')).toBe(1);
  });

  test('packets that come byte by byte are read as any others', async () => {
    broker = await RunningBroker.start();
    broker.rule = () => ACCEPTED;
    const device = await joined();
    const payload = 'x'.repeat(300);
    const packet = Buffer.concat([
      Buffer.from([0x32, 0xb2, 0x02, 0x00, 0x01]),
      Buffer.from('a'),
      Buffer.from([0x00, 0x07]),
      Buffer.from(payload),
      Buffer.alloc(1),
    ]);
    for (const byte of packet) {
      device.bytes(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await device.next('puback')).toMatchObject({ messageId: 7 });
    expect(broker.arrived[0]!.message.payload).toHaveLength(301);
  });

  test('a packet that stays incomplete, a CONNECT that does not come and a silent device are given up', async () => {
    broker = await RunningBroker.start();
    const silent = await joined('meter-1', 4, { clientId: 'a', keepalive: 10 });
    const partial = await joined('meter-1', 4, { clientId: 'b' });
    const nobody = await wire();
    partial.bytes(Buffer.from([0x30, 0x10, 0x00]));
    await eventually(() => broker.fact('connections') === 3 && broker.fact('partialBytes') === 3);
    await broker.clock.advance(9_999);
    broker.link.check();
    expect([silent, partial, nobody].map(({ closed }) => closed)).toEqual([false, false, false]);
    await broker.clock.advance(1);
    broker.link.check();
    await nobody.untilClosed();
    await broker.clock.advance(5_000);
    broker.link.check();
    await silent.untilClosed();
    expect(partial.closed).toBe(false);
    await broker.clock.advance(15_000);
    broker.link.check();
    await partial.untilClosed();
    expect(broker.fact('count_handshake_timeout')).toBe(1);
    expect(broker.fact('count_keep_alive_timeout')).toBe(1);
    expect(broker.fact('count_packet_timeout')).toBe(1);
    expect(broker.host.desk.presences.map(({ state, why }) => `${state} ${why}`)).toEqual([
      'online connected',
      'offline timeout',
    ]);
  });

  test('a clock that is set forward or back cuts nobody off, and lets nobody stay for longer', async () => {
    broker = await RunningBroker.start();
    const device = await joined('meter-1', 4, { keepalive: 10 });
    const [nobody, partial] = [await wire(), await joined('meter-1', 4, { clientId: 'b' })];
    partial.bytes(Buffer.from([0x30, 0x10, 0x00]));
    await eventually(() => broker.fact('partialBytes') === 3);
    for (const stepMs of [86_400_000, -172_800_000]) {
      await broker.wallClock.advance(stepMs);
      broker.link.check();
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect([device, nobody, partial].map(({ closed }) => closed)).toEqual([false, false, false]);
    await broker.clock.advance(30_000);
    broker.link.check();
    for (const one of [device, nobody, partial]) await one.untilClosed();
  });

  test('a message sent twice on one connection is answered once; another with its number is none', async () => {
    broker = await RunningBroker.start();
    const device = await joined();
    device.publish('wattproof/v1/meter-1/readings', '{"a":1}', 5);
    const first = await broker.next();
    device.publish('wattproof/v1/meter-1/readings', '{"a":1}', 5, true);
    device.publish('wattproof/v1/meter-1/readings', '{"a":2}', 6);
    const second = await broker.next();
    expect(second.text).toBe('{"a":2}');
    first.answer(ACCEPTED);
    expect(await device.next('puback')).toMatchObject({ messageId: 5 });
    device.publish('wattproof/v1/meter-1/readings', '{"a":3}', 6);
    await device.untilClosed();
    expect(device.packets).toEqual([]);
    expect(broker.arrived).toHaveLength(2);
  });

  test('topics with wildcards, packets of servers and a second CONNECT end the connection', async () => {
    broker = await RunningBroker.start();
    const wildcard = await joined('meter-1', 5);
    wildcard.publish('wattproof/v1/+/readings', '{}', 1);
    expect(await wildcard.next('disconnect')).toMatchObject({ reasonCode: 0x90 });
    const server = await joined('meter-1', 5);
    server.send({ cmd: 'suback', messageId: 1, granted: [0] });
    expect(await server.next('disconnect')).toMatchObject({ reasonCode: 0x82 });
    const twice = await joined();
    twice.connect();
    await twice.untilClosed();
    const early = await wire();
    early.publish('wattproof/v1/meter-1/readings', '{}', 1);
    await early.untilClosed();
    expect(broker.arrived).toEqual([]);
  });

  test.each([
    ['PUBLISH', { cmd: 'publish', topic: 'a/b', payload: '', qos: 1, messageId: 1 }, 0x82],
    [
      'SUBSCRIBE',
      { cmd: 'subscribe', subscriptions: [{ topic: 'a', qos: 0 }], messageId: 1 },
      0x82,
    ],
    ['UNSUBSCRIBE', { cmd: 'unsubscribe', unsubscriptions: ['a'], messageId: 1 }, 0x82],
  ])('%s without a packet identifier ends the connection', async (_, packet, reasonCode) => {
    broker = await RunningBroker.start();
    const device = await joined('meter-1', 5);
    const bytes = generate(packet as Packet, { protocolVersion: 5 });
    // The identifier stands before the properties, of which there are none.
    bytes[bytes.indexOf(Buffer.from([0, 1, 0])) + 1] = 0;
    device.bytes(bytes);
    expect(await device.next('disconnect')).toMatchObject({ reasonCode });
    expect(broker.arrived).toEqual([]);
  });

  test('a topic that is no UTF-8 ends the connection: what is written in its place may be the name of another', async () => {
    broker = await RunningBroker.start({ anonymous: true });
    const device = await joined('meter-1', 5);
    device.bytes(Buffer.from([0x32, 8, 0, 3, 0x61, 0xff, 0xfe, 0, 5, 0]));
    expect(await device.next('disconnect')).toMatchObject({ reasonCode: 0x90 });
    expect(broker.arrived).toEqual([]);
  });

  test.each(['receiveMaximum', 'maximumPacketSize'])(
    'a device that would take nothing (%s 0) is refused, and told why',
    async (name) => {
      broker = await RunningBroker.start();
      broker.host.callers.knowDevice(keyOf('meter-1'), 'meter-1');
      const device = await wire(5);
      const password = Buffer.from(keyOf('meter-1'));
      device.connect({ username: 'meter-1', password, properties: { [name]: 0 } });
      expect(await device.next('connack')).toMatchObject({ reasonCode: 0x82 });
      await device.untilClosed();
    },
  );

  test('incomplete packets of all connections together have a bound', async () => {
    broker = await RunningBroker.start({ limits: { partialBytes: 65_536 } });
    const slow = await joined('meter-1', 4, { clientId: 'a' });
    const greedy = await joined('meter-1', 4, { clientId: 'b' });
    slow.bytes(Buffer.concat([Buffer.from([0x30, 0x80, 0x80, 0x10]), Buffer.alloc(40_000)]));
    greedy.bytes(Buffer.concat([Buffer.from([0x30, 0x80, 0x80, 0x10]), Buffer.alloc(40_000)]));
    await eventually(() => slow.closed || greedy.closed);
    expect(broker.fact('count_quota_exceeded')).toBe(1);
  });

  test('a device that asks and does not read the answers is not asked for more, and given up', async () => {
    broker = await RunningBroker.start({ limits: { queuedBytes: 65_536 } });
    const detail = 'x'.repeat(60_000);
    broker.rule = () => ({ kind: 'acknowledge', reasonCode: 0x99, properties: { detail } });
    const device = await joined('meter-1', 5);
    device.socket.pause();
    for (let id = 1; id <= 1_000; id += 1)
      device.publish('wattproof/v1/meter-1/readings', `{"n":${id}}`, id);
    while (broker.fact('count_slow_reader') === undefined) {
      await broker.clock.advance(30_000);
      broker.link.check();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(broker.arrived.length).toBeLessThan(500);
  });

  test('who does not read what is sent is disconnected; others get theirs', async () => {
    broker = await RunningBroker.start({ limits: { queuedBytes: 65_536 } });
    const slow = await joined('meter-1');
    const quick = await broker.device('meter-2');
    slow.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: 'wattproof/v1/meter-1/receipts', qos: 0 }],
    });
    await slow.next('suback');
    await quick.subscribeAsync('wattproof/v1/meter-2/receipts');
    slow.socket.pause();
    const payload = Buffer.alloc(16_384, 'r');
    let sent: string;
    do sent = await broker.link.publish('wattproof/v1/meter-1/receipts', payload, { qos: 0 });
    while (sent === 'sent');
    expect(broker.fact('count_slow_reader')).toBe(1);
    const receipt = new Promise((resolve) =>
      quick.on('message', (_, bytes) => resolve(bytes.length)),
    );
    await broker.link.publish('wattproof/v1/meter-2/receipts', payload, { qos: 0 });
    expect(await receipt).toBe(16_384);
  });
});
