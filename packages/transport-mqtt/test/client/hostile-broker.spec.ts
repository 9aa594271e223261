import { ACCEPTED_ITEM, createTransport, TransportHost } from '@wattproof/core/testing';
import type { Transport } from '@wattproof/core/spi';
import mqtt from '../../src/index.js';
import { type Session, ScriptedBroker } from './scripted-broker.js';

describe.each(['5', '3.1.1'])('a broker that misbehaves, MQTT %s', (version) => {
  let broker: ScriptedBroker;
  let host: TransportHost;
  let transport: Transport;

  beforeEach(async () => {
    [broker, host] = await Promise.all([ScriptedBroker.listen(), TransportHost.open()]);
    host.ingest.answerBy((arrival) => arrival.commit([ACCEPTED_ITEM]));
    const config = {
      url: broker.url,
      client: { version, reconnectMinMs: 10, reconnectMaxMs: 100 },
      receipts: 'none',
    };
    transport = await createTransport(mqtt, config, host);
    await transport.start(host.ingest);
  });
  afterEach(async () => {
    await transport.stop();
    await Promise.all([broker.close(), host.close()]);
  });

  /** It goes on with a connection that serves, the old one or a new one. */
  async function serves(mark: string): Promise<Session> {
    for (;;) {
      const session = await broker.current();
      session.publish(77, `{"mark":"${mark}"}`);
      const taken = await broker.until(() =>
        session.acknowledged.includes(77) ? true : session.socket.destroyed ? false : undefined,
      );
      if (taken) return session;
    }
  }

  it.each<[string, (session: Session) => void]>([
    [
      'confirms what was never sent',
      (one) => one.send({ cmd: 'puback', messageId: 4_711, reasonCode: 0 }),
    ],
    [
      'releases what it never published',
      (one) => one.send({ cmd: 'pubrel', messageId: 4_711, reasonCode: 0 }),
    ],
    [
      'receives what was never sent',
      (one) => one.send({ cmd: 'pubrec', messageId: 4_711, reasonCode: 0 }),
    ],
    [
      'completes what was never sent',
      (one) => one.send({ cmd: 'pubcomp', messageId: 4_711, reasonCode: 0 }),
    ],
    [
      'grants what was never asked for',
      (one) => one.send({ cmd: 'suback', messageId: 4_711, granted: [1] }),
    ],
    [
      'revokes what was never asked for',
      (one) => one.send({ cmd: 'unsuback', messageId: 4_711, granted: [0] }),
    ],
    [
      'accepts twice',
      (one) => one.send({ cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: true }),
    ],
    [
      'subscribes',
      (one) =>
        one.send({ cmd: 'subscribe', messageId: 3, subscriptions: [{ topic: 'a', qos: 1 }] }),
    ],
    [
      'connects',
      (one) =>
        one.send({
          cmd: 'connect',
          clientId: 'x',
          protocolId: 'MQTT',
          protocolVersion: one.version,
          clean: true,
          keepalive: 0,
        }),
    ],
    ['pings', (one) => one.send({ cmd: 'pingreq' })],
    ['answers a ping that was not sent', (one) => one.send({ cmd: 'pingresp' })],
    [
      'publishes without an id',
      (one) =>
        void one.socket.write(
          Buffer.from(
            one.version === 5
              ? [0x32, 8, 0, 1, 0x74, 0, 0, 0, 0x7b, 0x7d]
              : [0x32, 7, 0, 1, 0x74, 0, 0, 0x7b, 0x7d],
          ),
        ),
    ],
    [
      'publishes on a topic that is no text',
      (one) =>
        void one.socket.write(
          Buffer.from(
            one.version === 5
              ? [0x32, 8, 0, 1, 0xff, 0, 9, 0, 0x7b, 0x7d]
              : [0x32, 7, 0, 1, 0xff, 0, 9, 0x7b, 0x7d],
          ),
        ),
    ],
    [
      'publishes on no topic',
      (one) =>
        void one.socket.write(
          Buffer.from(
            one.version === 5
              ? [0x32, 7, 0, 0, 0, 9, 0, 0x7b, 0x7d]
              : [0x32, 6, 0, 0, 0, 9, 0x7b, 0x7d],
          ),
        ),
    ],
    [
      'publishes with QoS 3',
      (one) => void one.socket.write(Buffer.from([0x36, 7, 0, 1, 0x74, 0, 9, 0x7b, 0x7d])),
    ],
    [
      'publishes on a topic with wildcards',
      (one) => one.publish(9, '{}', { topic: 'wattproof/v1/+/readings' }),
    ],
    [
      'ends in the middle of a packet',
      (one) => {
        one.socket.write(Buffer.from([0x32, 100, 0, 1]));
        one.socket.end();
      },
    ],
    ['says goodbye', (one) => void one.socket.write(Buffer.from([0xe0, 0]))],
    [
      'sends a length without end',
      (one) => void one.socket.write(Buffer.from([0x32, 0xff, 0xff, 0xff, 0xff, 0xff])),
    ],
  ])(
    'that %s is served, or connected to anew, and takes nothing down',
    async (_what, misbehave) => {
      const session = await broker.session(0);
      misbehave(session);
      await serves('after');
      expect(host.ingest.withText('after').length).toBeGreaterThan(0);
      expect((await transport.health()).live).toBe(true);
    },
  );
});
