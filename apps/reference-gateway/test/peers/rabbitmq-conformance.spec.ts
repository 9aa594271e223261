import {
  describeTransport,
  type SendOutcome,
  type TransportClient,
  type TransportSuiteOptions,
} from '@wattproof/core/testing';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { randomUUID } from 'node:crypto';
import {
  BrokerTap,
  type Handed,
} from '../../../../packages/transport-mqtt/test/client/broker-tap.js';
import { amqpReader } from './amqp-reader.js';
import { type Broker, startRabbitmq } from './broker-process.js';
import { HUNG_MS, theKitSees } from './faulty-transport.js';
import { messagesTransport } from './messages-transport.js';

let rabbitmq: Broker;
let admin: ChannelModel;
/** By the URL that the gateway was given. */
const instances = new Map<string, Instance>();

/** One queue, with where its dead letters go. */
class Instance {
  readonly queue = `readings-${randomUUID()}`;
  readonly deadLetters = `dead-${randomUUID()}`;
  readonly #dead: Buffer[] = [];
  #changed = Promise.withResolvers<void>();

  private constructor(readonly tap: BrokerTap) {}

  static async open(): Promise<Instance> {
    const { port } = new URL(rabbitmq.url);
    const instance = new Instance(await BrokerTap.listen(Number(port), amqpReader));
    const { deadLetters } = instance;
    const channel = await admin.createChannel();
    await channel.assertExchange(deadLetters, 'fanout', { autoDelete: true });
    await channel.assertQueue(deadLetters, { exclusive: true });
    await channel.bindQueue(deadLetters, deadLetters, '');
    await channel.consume(deadLetters, (letter) => instance.#keep(letter!.content), {
      noAck: true,
    });
    return instance;
  }

  get url(): string {
    const url = new URL(rabbitmq.url);
    url.port = String(this.tap.port);
    return url.href;
  }
  /** Resolves when the broker has it where refused messages go. */
  async deadLetter(bytes: Uint8Array): Promise<void> {
    while (!this.#dead.some((dead) => dead.equals(bytes))) await this.#changed.promise;
  }
  #keep(bytes: Buffer): void {
    this.#dead.push(bytes);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** Publishes to the queue. The broker's confirmation says nothing of the gateway: what counts is what the gateway tells the broker. */
class RabbitmqDevice implements TransportClient {
  readonly #handed: Handed[] = [];

  private constructor(
    private readonly instance: Instance,
    private readonly connection: ChannelModel,
    private readonly channel: ConfirmChannel,
  ) {}

  static async connect(instance: Instance): Promise<RabbitmqDevice> {
    const connection = await connect(rabbitmq.url);
    return new RabbitmqDevice(instance, connection, await connection.createConfirmChannel());
  }

  async send(bytes: Uint8Array): Promise<SendOutcome> {
    const { queue, tap } = this.instance;
    const handed = tap.expect(Buffer.from(bytes).toString('base64'));
    this.#handed.push(handed);
    this.channel.sendToQueue(queue, Buffer.from(bytes), {
      persistent: true,
      contentType: 'application/json',
    });
    const told = await handed.told;
    if (told === 'refused') await this.instance.deadLetter(bytes);
    return told;
  }
  /** Of a frame whose end is not where it says. */
  async sendGarbage(): Promise<void> {
    await this.instance.tap.link.inject(Uint8Array.of(1, 0, 0, 0, 0, 0, 1, 0, 0));
  }
  /** The device is gone, and so is the connection over which the gateway holds what it sent. */
  cut(): void {
    void this.connection.close().catch(() => {});
    for (const { isSettled, link } of this.#handed) if (!isSettled) link?.cut();
  }
  async close(): Promise<void> {
    await this.connection.close();
  }
}

describe('RabbitMQ, by what becomes of the message in its queue', () => {
  beforeAll(async () => {
    rabbitmq = await startRabbitmq();
    admin = await connect(rabbitmq.url);
  }, 180_000);
  afterEach(async () => {
    await Promise.all([...instances.values()].map(({ tap }) => tap.close()));
    instances.clear();
  });
  afterAll(async () => {
    await admin.close();
    await rabbitmq.remove();
  });

  const options: TransportSuiteOptions = {
    plugin: messagesTransport('rabbitmq'),
    async config() {
      const instance = await Instance.open();
      const { url, queue, deadLetters } = instance;
      instances.set(url, instance);
      const system = { urls: [url], queue, deadLetterExchange: deadLetters };
      return { refused: 'reject', requeueDelayMs: 10, rabbitmq: system };
    },
    refusedConfigs: [{ rabbitmq: {} }, { rabbitmq: { urls: ['http://127.0.0.1'] } }],
    oversizedBytes: 1_048_577,
    patienceMs: HUNG_MS,
    client: {
      peer: 'intermediary',
      size: 'judged by the gateway',
      async connect({ transport }) {
        const { facts } = await transport.health();
        return RabbitmqDevice.connect(instances.get(String(facts?.['url']))!);
      },
    },
  };
  describeTransport(options);
  theKitSees(options);
});
