import {
  type Arrival,
  createTransport,
  type HeldIngest,
  TransportHost,
} from '@wattproof/core/testing';
import type { Transport } from '@wattproof/core/spi';
import mqtt from '../../src/index.js';
import { ScriptedBroker } from './scripted-broker.js';

const FAST = { reconnectMinMs: 10, reconnectMaxMs: 100 };

describe.each(['5', '3.1.1'])('the client of a broker, MQTT %s', (version) => {
  let broker: ScriptedBroker;
  let host: TransportHost;
  let ingest: HeldIngest;
  const running: Transport[] = [];

  beforeEach(async () => {
    [broker, host] = await Promise.all([ScriptedBroker.listen(), TransportHost.open()]);
    ingest = host.ingest;
  });
  afterEach(async () => {
    for (const transport of running.splice(0)) await transport.stop();
    await Promise.all([broker.close(), host.close()]);
  });

  async function start(
    client: object = {},
    more: { url?: string; maxReceipts?: number; maps?: string[] } = {},
  ) {
    const url = more.url ?? broker.url;
    const config = { ...more, url, client: { version, ...FAST, ...client } };
    const transport = await createTransport(mqtt, config, host);
    running.push(transport);
    await transport.start(ingest);
    return transport;
  }
  const settled = (session: { acknowledged: number[] }, count: number) =>
    broker.until(() => (session.acknowledged.length >= count ? session.acknowledged : undefined));

  it('asks for a session that outlives the connection, and for QoS 1', async () => {
    await start();
    const { packets } = await broker.session(0);
    expect(packets[0]).toMatchObject({ cmd: 'connect', clean: false });
    expect((packets[0] as { clientId: string }).clientId).toMatch(/^wattproof[0-9a-f]{13}$/);
    if (version === '5')
      expect(packets[0]).toMatchObject({
        properties: { sessionExpiryInterval: 604_800, receiveMaximum: 512 },
      });
    const subscribe = packets.find(({ cmd }) => cmd === 'subscribe') as unknown as {
      subscriptions: { topic: string; qos: number; rh?: number }[];
    };
    expect(subscribe.subscriptions.map(({ topic }) => topic)).toContain('wattproof/v1/+/readings');
    expect(new Set(subscribe.subscriptions.map(({ qos }) => qos))).toEqual(new Set([1]));
  });

  it('acknowledges nothing before its commit, and many at once, in the order they came', async () => {
    await start({ ackOrderMs: 60_000 });
    const session = await broker.session(0);
    for (let id = 1; id <= 50; id += 1) session.publish(id, `{"n":${id}}`);
    const arrivals = [];
    for (let id = 1; id <= 50; id += 1) arrivals.push(await ingest.arrival(`{"n":${id}}`));
    expect(session.acknowledged).toEqual([]);
    // Commits end in any order; the last message is settled first.
    for (const arrival of arrivals.slice(1).toReversed()) arrival.commit();
    await new Promise(setImmediate);
    expect(session.acknowledged).toEqual([]);
    arrivals[0]!.commit();
    expect(await settled(session, 50)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  });

  it('takes a message that the broker sends twice on one connection once', async () => {
    await start();
    const session = await broker.session(0);
    session.publish(7, '{"n":7}');
    const arrival = await ingest.arrival('{"n":7}');
    session.publish(7, '{"n":7}', { dup: true });
    session.publish(8, '{"n":8}');
    (await ingest.arrival('{"n":8}')).commit();
    arrival.commit();
    expect(await settled(session, 2)).toEqual([7, 8]);
    expect(ingest.withText('{"n":7}')).toHaveLength(1);
  });

  it('takes the id again once it was acknowledged', async () => {
    ingest.answerBy((arrival) => arrival.commit());
    await start();
    const session = await broker.session(0);
    session.publish(7, '{"n":1}');
    await settled(session, 1);
    session.publish(7, '{"n":2}');
    expect(await settled(session, 2)).toEqual([7, 7]);
  });

  it('drops the acknowledgements of an old connection: its ids mean other messages now', async () => {
    await start();
    const first = await broker.session(0);
    first.publish(1, '{"old":1}');
    const old = await ingest.arrival('{"old":1}');
    first.socket.destroy();
    const second = await broker.session(1);
    second.publish(1, '{"new":1}');
    const fresh = await ingest.arrival('{"new":1}');
    old.commit();
    second.publish(2, '{"new":2}');
    (await ingest.arrival('{"new":2}')).commit();
    await new Promise(setImmediate);
    expect(second.acknowledged).toEqual([]);
    fresh.commit();
    expect(await settled(second, 2)).toEqual([1, 2]);
  });

  it.each<[string, (arrival: Arrival) => void]>([
    ['the store is down', (arrival) => arrival.retryLater()],
    ['nobody knows what became of it', (arrival) => arrival.fail()],
    [
      'it is throttled',
      (arrival) => arrival.answer({ kind: 'retry', code: 'throttled', retryAfterMs: 1 }),
    ],
  ])('holds a message and tries it again while %s', async (_, refuse) => {
    await start();
    const session = await broker.session(0);
    session.publish(1, '{"n":1}');
    refuse(await ingest.arrival('{"n":1}'));
    const again = await ingest.arrival('{"n":1}');
    expect(session.acknowledged).toEqual([]);
    again.commit();
    expect(await settled(session, 1)).toEqual([1]);
    expect(broker.sessions).toHaveLength(1);
  });

  it('cuts the connection when that takes too long, so that the broker sends it again', async () => {
    await start({ withholdMs: 0 });
    const first = await broker.session(0);
    first.publish(1, '{"n":1}');
    first.publish(2, '{"n":2}');
    const other = await ingest.arrival('{"n":2}');
    (await ingest.arrival('{"n":1}')).retryLater();
    const second = await broker.session(1);
    other.commit();
    second.publish(1, '{"n":1}', { dup: true });
    (await ingest.arrival('{"n":1}')).commit();
    expect(await settled(second, 1)).toEqual([1]);
    expect(first.acknowledged).toEqual([]);
    const bye = first.packets.find(({ cmd }) => cmd === 'disconnect');
    if (version === '5') expect(bye).toMatchObject({ reasonCode: 0x83 });
    else expect(bye).toBeUndefined();
  });

  it('lets acknowledgements pass one that takes long', async () => {
    await start({ ackOrderMs: 5 });
    const session = await broker.session(0);
    for (let id = 1; id <= 4; id += 1) session.publish(id, `{"n":${id}}`);
    const [first, third] = [await ingest.arrival('{"n":1}'), await ingest.arrival('{"n":3}')];
    (await ingest.arrival('{"n":2}')).commit();
    (await ingest.arrival('{"n":4}')).commit();
    expect(await settled(session, 2)).toEqual([2, 4]);
    first.commit();
    third.commit();
    expect(await settled(session, 4)).toEqual([2, 4, 1, 3]);
  });

  it('reads no more than it may hold, and goes on when there is room', async () => {
    await start({ maxInFlight: 3 });
    const session = await broker.session(0);
    for (let id = 1; id <= 6; id += 1) session.publish(id, `{"n":${id}}`);
    const third = await ingest.arrival('{"n":3}');
    await new Promise(setImmediate);
    expect(ingest.arrivals).toHaveLength(3);
    third.commit();
    (await ingest.arrival('{"n":4}')).commit();
    (await ingest.arrival('{"n":5}')).commit();
    (await ingest.arrival('{"n":6}')).commit();
    (await ingest.arrival('{"n":1}')).commit();
    (await ingest.arrival('{"n":2}')).commit();
    expect(await settled(session, 6)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('takes nothing that waited for room on a connection that has ended: it comes again', async () => {
    await start({ maxInFlight: 1 });
    const first = await broker.session(0);
    first.publish(1, '{"n":1}');
    const arrival = await ingest.arrival('{"n":1}');
    first.publish(2, '{"n":2}');
    first.socket.destroy();
    const second = await broker.session(1);
    arrival.commit();
    second.publish(1, '{"n":2}', { dup: true });
    (await ingest.arrival('{"n":2}')).commit();
    expect(await settled(second, 1)).toEqual([1]);
    expect(ingest.withText('{"n":2}')).toHaveLength(1);
  });

  it('counts bytes as well', async () => {
    await start({ maxInFlightBytes: 1_024 });
    const session = await broker.session(0);
    for (let id = 1; id <= 3; id += 1) session.publish(id, `{"n":${id}}`.padEnd(600));
    const first = await ingest.arrival('{"n":1}');
    await new Promise(setImmediate);
    expect(ingest.arrivals).toHaveLength(1);
    first.commit();
    (await ingest.arrival('{"n":2}')).commit();
    (await ingest.arrival('{"n":3}')).commit();
    await settled(session, 3);
  });

  it('takes QoS 0 at the risk of its sender, and says so when one is lost', async () => {
    const transport = await start({ withholdMs: 0 });
    const session = await broker.session(0);
    session.publish(0, '{"n":1}', { qos: 0, messageId: undefined as never });
    (await ingest.arrival('{"n":1}')).retryLater();
    session.publish(0, '{"n":2}', { qos: 0, messageId: undefined as never });
    (await ingest.arrival('{"n":2}')).commit();
    expect((await transport.health()).facts).toMatchObject({ lostQos0: 1, messages: 2 });
    expect(session.acknowledged).toEqual([]);
    expect(broker.sessions).toHaveLength(1);
  });

  it('completes QoS 2 only after the commit', async () => {
    await start();
    const session = await broker.session(0);
    session.publish(9, '{"n":9}', { qos: 2 });
    await broker.until(() => session.packets.find(({ cmd }) => cmd === 'pubrec'));
    session.send({ cmd: 'pubrel', messageId: 9 });
    const arrival = await ingest.arrival('{"n":9}');
    expect(session.packets.some(({ cmd }) => cmd === 'pubcomp')).toBe(false);
    arrival.commit();
    await broker.until(() => session.packets.find(({ cmd }) => cmd === 'pubcomp'));
  });

  it('starts without a broker, says that it is not ready, and connects when there is one', async () => {
    const { port, url } = broker;
    await broker.close();
    const transport = await start({}, { url });
    expect(await transport.health()).toMatchObject({ live: true, ready: false });
    broker = await ScriptedBroker.listen(port);
    await broker.session(0);
    for (;;) {
      const { ready } = await transport.health();
      if (ready) break;
      await new Promise(setImmediate);
    }
  });

  it('is not ready while the broker refuses it, and keeps trying', async () => {
    broker.connack = { returnCode: 5, reasonCode: 0x87 };
    const transport = await start();
    await broker.until(() => (broker.sessions.length > 2 ? true : undefined));
    const { ready, detail } = await transport.health();
    expect(ready).toBe(false);
    expect(detail).toMatch(/Not authorized/);
  });

  it.each([[0], [0x80]])('takes no subscription that is granted as %p', async (granted) => {
    broker.suback = (filters) => Array.from({ length: filters }, () => granted);
    const transport = await start();
    await broker.until(() => (broker.sessions.length > 2 ? true : undefined));
    expect((await transport.health()).ready).toBe(false);
  });

  it('subscribes as one of a group of replicas', async () => {
    await start({ group: 'gateways', clientId: 'gateway-1' });
    const { packets } = await broker.session(0);
    expect(packets[0]).toMatchObject({ clientId: 'gateway-1' });
    expect(packets[1]).toMatchObject({
      subscriptions: expect.arrayContaining([
        expect.objectContaining({ topic: '$share/gateways/wattproof/v1/+/readings' }),
      ]),
    });
  });

  it('answers what is under way when it stops, takes nothing new, and says goodbye', async () => {
    const transport = await start();
    const session = await broker.session(0);
    session.publish(1, '{"n":1}');
    const arrival = await ingest.arrival('{"n":1}');
    const stopped = transport.stop();
    session.publish(2, '{"n":2}');
    arrival.commit();
    await stopped;
    await broker.until(() => session.packets.find(({ cmd }) => cmd === 'disconnect'));
    expect(session.acknowledged).toEqual([1]);
    expect(ingest.withText('{"n":2}')).toHaveLength(0);
    await transport.stop();
  });

  it('stops while it is throttled, and leaves the message to the broker', async () => {
    const transport = await start();
    const session = await broker.session(0);
    session.publish(1, '{"n":1}');
    ingest.answerBy((one) => one.answer({ kind: 'retry', code: 'throttled', retryAfterMs: 9_999 }));
    (await ingest.arrival('{"n":1}')).answer({
      kind: 'retry',
      code: 'throttled',
      retryAfterMs: 9_999,
    });
    await transport.stop();
    expect(session.acknowledged).toEqual([]);
  });

  it('publishes the receipt of a reading on the topic of its device', async () => {
    await start();
    const session = await broker.session(0);
    session.publish(1, '{"n":1}');
    (await ingest.arrival('{"n":1}')).commit();
    const receipt = await broker.until(() => session.published[0]);
    expect(receipt).toMatchObject({ topic: 'wattproof/v1/m1/receipts', qos: 1 });
    expect(JSON.parse(String(receipt.payload))).toMatchObject({
      // SHA-256 of {"n":1}
      message: '2bfd14f43d17fc7cea24e0917a8879b4b2f880b8baeec1b9d90fbaad655e71bd',
      items: [{ verdict: 'accepted', id: 'log_1' }],
    });
  });

  it('sends no more of its own than the broker takes, and drops receipts beyond what may wait', async () => {
    broker.puback = undefined;
    if (version === '5') broker.connack = { properties: { receiveMaximum: 2 } };
    const transport = await start({ maxOutgoing: 2 }, { maxReceipts: 4 });
    ingest.answerBy((arrival) => arrival.commit());
    const session = await broker.session(0);
    for (let id = 1; id <= 8; id += 1) session.publish(id, `{"n":${id}}`);
    await settled(session, 8);
    expect(session.published).toHaveLength(2);
    expect((await transport.health()).facts).toMatchObject({ receiptsDropped: 4 });
    session.socket.destroy(); // nothing to wait for when it stops
  });

  it('sends a command to the device, and says when nobody is there', async () => {
    const transport = await start();
    const command = {
      id: 'cmd_1',
      nonce: '00'.repeat(16),
      device: 'm1',
      name: 'resend',
      body: {},
      deadlineMs: 0,
    };
    const { signal } = new AbortController();
    const send = () => transport.commands!.send(command, signal);
    const session = await broker.session(0);
    expect(await send()).toBe('sent');
    expect(session.published[0]).toMatchObject({ topic: 'wattproof/v1/m1/commands', qos: 1 });
    if (version === '5') {
      broker.puback = 0x10;
      expect(await send()).toBe('unreachable');
      broker.puback = 0x87;
      await expect(send()).rejects.toMatchObject({ code: 'publish_refused' });
    }
    broker.puback = undefined;
    const unanswered = send();
    await broker.until(() => session.published.at(version === '5' ? 3 : 1));
    session.socket.destroy();
    expect(await unanswered).toBe('unreachable');
    expect(await send()).toBe('unreachable'); // not connected
    await expect(
      transport.commands!.send(command, AbortSignal.abort(new Error('too late'))),
    ).rejects.toThrow('too late');
  });

  it('sends a lock in the words of every firmware, and knows its answer again', async () => {
    const transport = await start({}, { maps: ['wattproof', 'los-tecnicos'] });
    const session = await broker.session(0);
    const command = {
      id: 'cmd_1',
      nonce: '00'.repeat(16),
      device: 'esp32_a',
      name: 'lock',
      body: { order_id: 'ord-1', kwh_requested: 2 },
      deadlineMs: 0,
    };
    const { signal } = new AbortController();
    expect(await transport.commands!.send(command, signal)).toBe('sent');
    const lock = '{"order_id": "ord-1", "kwh_requested": 2.000000}';
    expect(session.published.map(({ topic, payload }) => [topic, String(payload)])).toEqual([
      ['wattproof/v1/esp32_a/commands', expect.stringContaining('"id":"cmd_1"')],
      ['energy/donor/esp32_a/lock', lock],
      ['energy/lock/esp32_a', lock],
    ]);
    const topic = 'energy/lock/esp32_a/response';
    session.publish(1, '{"order_id":"ord-1","status":"locked"}', { topic });
    const [answer] = await host.desk.until(({ answers }) => (answers[0] ? answers : undefined));
    expect(JSON.parse(Buffer.from(answer!.bytes).toString())).toEqual({
      id: 'cmd_1',
      body: { order_id: 'ord-1', status: 'locked' },
    });
    // A body without energy says nothing to that firmware, and enough to our own.
    const resent = { ...command, body: {} };
    expect(await transport.commands!.send(resent, signal)).toBe('sent');
  });

  it('goes on after a broker that speaks nonsense', async () => {
    await start();
    const session = await broker.session(0);
    session.socket.write(Buffer.from([0x00, 0xff, 0xff, 0xff, 0xff, 0xff]));
    await broker.session(1);
  });
});
