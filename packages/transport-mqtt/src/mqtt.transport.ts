import type {
  CommandPort,
  DeviceCommand,
  Health,
  Ingest,
  PluginContext,
  Transport,
} from '@wattproof/core/spi';
import { BrokerLink } from './broker/broker-link.js';
import { ClientLink } from './client/client-link.js';
import type { Link, LinkMessage, Outcome } from './link.js';
import type { MqttConfig } from './mqtt.config.js';
import { TopicMaps } from './topics/topic-maps.js';
import { mapsOf } from './topics/topics.config.js';

/** Readings over MQTT, acknowledged after commit: from a broker (`url`), or as the broker itself (`listen`). */
export class MqttTransport implements Transport {
  readonly #maps: TopicMaps;
  readonly #link: Link;
  readonly commands: CommandPort = {
    send: (command, signal) => this.#send(command, signal),
  };

  constructor(
    readonly config: MqttConfig,
    private readonly context: PluginContext,
  ) {
    this.#maps = new TopicMaps(mapsOf(config.maps));
    this.#link =
      config.listen === undefined
        ? new ClientLink(config.url!, config.client, this.#maps.filters, context)
        : new BrokerLink(config.listen, this.#maps, context);
  }

  start(ingest: Ingest): Promise<void> {
    return this.#link.open((message) => this.#take(message, ingest));
  }

  stop(): Promise<void> {
    return this.#link.close();
  }

  async health(): Promise<Health> {
    return this.#link.health();
  }

  async #take(message: LinkMessage, ingest: Ingest): Promise<Outcome> {
    await ingest.accept({
      contentType: 'application/json',
      bytes: message.payload,
      assurance: 'unsigned',
      source: message.source,
    });
    return { kind: 'acknowledge', reasonCode: 0x00 };
  }

  async #send(command: DeviceCommand, signal: AbortSignal): Promise<'sent' | 'unreachable'> {
    const topics = this.#maps.commandTopics(command.name, command.device);
    const sent = await Promise.all(
      topics.map(({ topic }) =>
        this.#link.publish(topic, JSON.stringify({ ...command }), { qos: 1, signal }),
      ),
    );
    this.context.logger.debug('A command was published.', { command: command.id });
    return sent.includes('sent') ? 'sent' : 'unreachable';
  }
}
