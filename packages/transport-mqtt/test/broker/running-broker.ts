import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { FakeClock, silentLogger, TransportHost } from '@wattproof/core/testing';
import type { Clock, PluginContext } from '@wattproof/core/spi';
import { BrokerConfig } from '../../src/broker/broker.config.js';
import { BrokerLink } from '../../src/broker/broker-link.js';
import type { LinkMessage, Outcome } from '../../src/link.js';
import { TopicMaps } from '../../src/topics/topic-maps.js';
import { PRESETS } from '../../src/topics/presets.js';

export const ACCEPTED: Outcome = { kind: 'acknowledge', reasonCode: 0x00 };
export const STORE_DOWN: Outcome = {
  kind: 'withhold',
  why: 'store_unavailable',
  retryAfterMs: 1,
};

/** A message the broker has handed over, which waits for what the test says of it. */
export interface Arrived {
  readonly message: LinkMessage;
  readonly text: string;
  answer(outcome: Outcome): void;
}

/** The broker with fakes around it: callers, a desk, and commits that happen when the test says. */
export class RunningBroker {
  readonly arrived: Arrived[] = [];
  /** What becomes of messages at once; undefined: the test answers them. */
  rule: ((message: LinkMessage) => Outcome | undefined) | undefined;
  #looked = 0;
  #changed = Promise.withResolvers<void>();
  readonly #clients: MqttClient[] = [];

  private constructor(
    readonly link: BrokerLink,
    readonly host: TransportHost,
    /** Of durations. */
    readonly clock: FakeClock,
    /** Of the time of day. */
    readonly wallClock: FakeClock,
  ) {}

  static async start(
    config: object = {},
    { maxMessageBytes = 1_048_576 } = {},
  ): Promise<RunningBroker> {
    const host = await TransportHost.open();
    const { callers, desk, http } = host;
    const clock = new FakeClock(5_000);
    const wallClock = new FakeClock();
    const context: PluginContext = {
      instanceId: 'mqtt',
      origin: 'test.example/log',
      logger: silentLogger,
      clock: wallClock as Clock,
      callers,
      desk,
      http,
    };
    const link = new BrokerLink(
      BrokerConfig.parse({ port: 0, ...config }),
      new TopicMaps([PRESETS.wattproof, PRESETS['los-tecnicos']]),
      context,
      maxMessageBytes,
      { monotonicMs: () => clock.nowMs() },
    );
    const broker = new RunningBroker(link, host, clock, wallClock);
    try {
      await link.open((message) => broker.#take(message));
    } catch (error) {
      await host.close();
      throw error;
    }
    return broker;
  }

  get port(): number {
    return Number(this.fact('mqttPort'));
  }
  fact(name: string): string | number | undefined {
    return this.link.health().facts?.[name];
  }

  /** A device with the key, as mqtt.js speaks; it does not come back by itself. */
  async device(meter: string, options: IClientOptions = {}): Promise<MqttClient> {
    this.host.callers.knowDevice(keyOf(meter), meter);
    return this.connect({ username: meter, password: keyOf(meter), ...options });
  }
  async connect(options: IClientOptions = {}): Promise<MqttClient> {
    const client = await connectAsync(`mqtt://127.0.0.1:${this.port}`, {
      reconnectPeriod: 0,
      ...options,
    });
    client.on('error', () => {});
    this.#clients.push(client);
    return client;
  }

  /** Resolves when the predicate holds, looked at whenever a message has come in. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await this.#changed.promise;
  }
  /** The next message that no test has looked at. */
  async next(): Promise<Arrived> {
    await this.until(() => this.arrived.length > this.#looked);
    return this.arrived[(this.#looked += 1) - 1]!;
  }

  async stop(): Promise<void> {
    for (const { answer } of this.arrived) answer(ACCEPTED);
    await Promise.all(this.#clients.map((client) => client.endAsync(true)));
    await this.link.close();
    await this.host.close();
  }

  #take(message: LinkMessage): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const outcome = this.rule?.(message);
    if (outcome !== undefined) resolve(outcome);
    const text = Buffer.from(message.payload).toString();
    this.arrived.push({ message, text, answer: resolve });
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    return promise;
  }
}

/** A device key as the gateway makes them. */
export function keyOf(meter: string): string {
  return `wpk_0123456789abcdef.${Buffer.from(meter.padEnd(32, '.')).toString('base64url')}`;
}

/** Resolves once the condition holds; looks again as soon as the event loop has turned. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}
