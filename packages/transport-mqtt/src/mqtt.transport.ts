import type {
  CommandPort,
  DeviceCommand,
  Health,
  Ingest,
  PluginContext,
  Transport,
} from '@wattproof/core/spi';
import { BrokerLink } from './broker/broker-link.js';
import { ClientConfig } from './client/client.config.js';
import { ClientLink } from './client/client-link.js';
import type { Timers } from './client/timers.js';
import type { Link } from './link.js';
import type { MqttConfig } from './mqtt.config.js';
import { commandPayload, orderOf } from './payloads/command-payload.js';
import { Reception } from './reception/reception.js';
import { ReceiptPost } from './reception/receipt-post.js';
import { SentOrders } from './reception/sent-orders.js';
import { StrangerLetters } from './reception/stranger-letters.js';
import { TopicMaps } from './topics/topic-maps.js';
import { mapsOf } from './topics/topics.config.js';

/** Locks whose answers may still come: about a megabyte of them. */
const MAX_ORDERS = 10_000;

/** Readings over MQTT, acknowledged after commit: from a broker (`url`), or as the broker itself (`listen`). */
export class MqttTransport implements Transport {
  readonly #maps: TopicMaps;
  readonly #link: Link;
  readonly #receipts: ReceiptPost;
  readonly #orders = new SentOrders(MAX_ORDERS);
  #reception: Reception | undefined;
  readonly commands: CommandPort = {
    send: (command, signal) => this.#send(command, signal),
  };

  constructor(
    private readonly config: MqttConfig,
    private readonly context: PluginContext,
    private readonly timers: Timers,
    random: () => number,
  ) {
    this.#maps = new TopicMaps(mapsOf(config));
    this.#link =
      config.url === undefined
        ? new BrokerLink(config.listen!, this.#maps, context, config.maxMessageBytes, timers)
        : new ClientLink(
            config.url,
            config.client ?? ClientConfig.parse({}),
            this.#maps.filters,
            context,
            timers,
            random,
          );
    this.#receipts = new ReceiptPost(this.#link, config.maxReceipts, context.logger);
  }

  async start(ingest: Ingest): Promise<void> {
    const { maxMessageBytes, strangerLettersPerMinute, topicsAreAuthenticated } = this.config;
    const { clock, logger } = this.context;
    const reception = new Reception({
      maps: this.#maps,
      ingest,
      desk: this.context.desk!,
      callers: this.context.callers,
      receipts: this.#receipts,
      orders: this.#orders,
      strangerLetters: new StrangerLetters(strangerLettersPerMinute, this.timers),
      clock,
      logger,
      limits: { maxMessageBytes },
      topicsAreAuthenticated,
    });
    this.#reception = reception;
    await this.#link.open((message) => reception.take(message));
  }

  stop(): Promise<void> {
    return this.#link.close();
  }

  async health(): Promise<Health> {
    const health = this.#link.health();
    return {
      ...health,
      facts: { ...health.facts, ...this.#reception?.facts, ...this.#receipts.facts },
    };
  }

  /** On every topic that the device may read: which firmware it has is not known. */
  async #send(command: DeviceCommand, signal: AbortSignal): Promise<'sent' | 'unreachable'> {
    const topics = this.#maps.commandTopics(command.name, command.device);
    if (topics.some(({ shape }) => shape !== 'command'))
      this.#orders.remember(command.device, orderOf(command), command.id);
    const sending = topics.map(async ({ topic, shape }) =>
      this.#link.publish(topic, commandPayload(command, shape), { qos: 1, signal }),
    );
    const outcomes = await Promise.allSettled(sending);
    if (outcomes.some((one) => one.status === 'fulfilled' && one.value === 'sent')) return 'sent';
    // A body that one firmware cannot be told may do for another: it fails only when nobody was told.
    const failed = outcomes.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return 'unreachable';
  }
}
