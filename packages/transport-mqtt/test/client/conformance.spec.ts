import {
  describeTransport,
  type ReceivedCommand,
  type SendOutcome,
  type TransportClient,
} from '@wattproof/core/testing';
import plugin from '../../src/index.js';
import { ScriptedBroker, type Session } from './scripted-broker.js';

/** Brokers by their URL: each instance has one of its own. */
const brokers = new Map<string, ScriptedBroker>();

/** A device behind the broker. What the broker is told of its message is what counts here: the device was told by the broker. */
class DeviceBehindBroker implements TransportClient {
  static #ids = 0;
  #commands = 0;

  constructor(
    private readonly broker: ScriptedBroker,
    private readonly device: string,
  ) {}

  send(bytes: Uint8Array): Promise<SendOutcome> {
    return this.#publish('readings', bytes);
  }
  answer(bytes: Uint8Array): Promise<SendOutcome> {
    return this.#publish('answers', bytes);
  }
  async sendGarbage(): Promise<void> {
    const { socket } = await this.broker.current();
    socket.write(Buffer.from([0xf7, 0xff, 0xff, 0xff, 0xff, 0x00]));
    await this.broker.until(() => (socket.destroyed ? true : undefined));
  }
  cut(): void {
    this.broker.sessions.at(-1)?.socket.destroy();
  }
  async close(): Promise<void> {}

  nextCommand(): Promise<ReceivedCommand> {
    const topic = `wattproof/v1/${this.device}/commands`;
    return this.broker.until(() => {
      const sent = this.broker.sessions
        .flatMap(({ published }) => published)
        .filter((one) => one.topic === topic)[this.#commands];
      if (sent === undefined) return undefined;
      this.#commands += 1;
      return JSON.parse(String(sent.payload)) as ReceivedCommand;
    });
  }

  async #publish(kind: string, bytes: Uint8Array): Promise<SendOutcome> {
    const session: Session = await this.broker.current();
    const id = (DeviceBehindBroker.#ids += 1);
    const topic = `wattproof/v1/${this.device}/${kind}`;
    session.publish(id, Buffer.from(bytes), { topic });
    return this.broker.until(() => {
      const ack = session.packets.find((one) => one.cmd === 'puback' && one.messageId === id);
      if (ack?.cmd === 'puback') return (ack.reasonCode ?? 0) >= 0x80 ? 'refused' : 'ack';
      return session.socket.destroyed ? 'closed' : undefined;
    });
  }
}

for (const version of ['5', '3.1.1'])
  describe(`as a client of a broker, MQTT ${version}`, () => {
    afterEach(async () => {
      await Promise.all([...brokers.values()].map((broker) => broker.close()));
      brokers.clear();
    });

    describeTransport({
      plugin,
      async config() {
        const broker = await ScriptedBroker.listen();
        brokers.set(broker.url, broker);
        const client = { version, reconnectMinMs: 10, reconnectMaxMs: 100, ackOrderMs: 5 };
        return { url: broker.url, client, maxMessageBytes: 65_536 };
      },
      refusedConfigs: [
        {},
        { url: 'http://127.0.0.1' },
        { url: 'mqtt://127.0.0.1', listen: {} },
        { url: 'mqtt://127.0.0.1', client: { group: 'g' } },
      ],
      oversizedBytes: 70_000,
      client: {
        peer: 'intermediary',
        async connect({ transport }, { device }) {
          const { facts } = await transport.health();
          return new DeviceBehindBroker(brokers.get(String(facts?.['url']))!, device);
        },
      },
    });
  });
