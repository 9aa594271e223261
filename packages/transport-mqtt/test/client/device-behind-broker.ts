import { connectAsync, type MqttClient } from 'mqtt';
import { type Packet, parser } from 'mqtt-packet';
import type { ReceivedCommand, SendOutcome, TransportClient } from '@wattproof/core/testing';
import { BrokerTap, type Handed, type Reader, type TappedLink } from './broker-tap.js';

/** PUBLISH and PUBACK, in the words of the tap. */
export function mqttReader(version: 4 | 5): (link: TappedLink) => Reader {
  return (link) => {
    const [fromBroker, fromGateway] = [0, 1].map(() => parser({ protocolVersion: version }));
    fromBroker!.on('packet', (packet: Packet) => {
      if (packet.cmd === 'publish' && packet.qos === 1)
        link.delivered(String(packet.messageId), keyOf(packet.topic, Buffer.from(packet.payload)));
    });
    fromGateway!.on('packet', (packet: Packet) => {
      if (packet.cmd === 'puback')
        link.settled(
          String(packet.messageId),
          (packet.reasonCode ?? 0) >= 0x80 ? 'refused' : 'ack',
        );
    });
    return {
      fromBroker: (bytes) => void fromBroker!.parse(bytes),
      fromGateway: (bytes) => void fromGateway!.parse(bytes),
    };
  };
}

const keyOf = (topic: string, payload: Uint8Array): string =>
  `${topic} ${Buffer.from(payload).toString('base64')}`;

/** A device of a broker that is there. Its broker's PUBACK says nothing of the gateway: what counts is the one that the gateway gives the broker. */
export class DeviceBehindBroker implements TransportClient {
  readonly #handed: Handed[] = [];
  readonly #commands: ReceivedCommand[] = [];
  #changed = Promise.withResolvers<void>();

  private constructor(
    private readonly client: MqttClient,
    private readonly tap: BrokerTap,
    private readonly topic: string,
  ) {
    client.on('error', () => {});
    client.on('message', (_topic, payload) => {
      this.#commands.push(JSON.parse(payload.toString()) as ReceivedCommand);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    });
  }

  static async connect(
    tap: BrokerTap,
    { url, device }: { readonly url: string; readonly device: string },
  ): Promise<DeviceBehindBroker> {
    const client = await connectAsync(url, { reconnectPeriod: 0, protocolVersion: 4 });
    const connected = new DeviceBehindBroker(client, tap, `wattproof/v1/${device}`);
    await client.subscribeAsync(`wattproof/v1/${device}/commands`, { qos: 1 });
    return connected;
  }

  send(bytes: Uint8Array): Promise<SendOutcome> {
    return this.#publish('readings', bytes);
  }
  answer(bytes: Uint8Array): Promise<SendOutcome> {
    return this.#publish('answers', bytes);
  }
  async sendGarbage(): Promise<void> {
    await this.tap.link.inject(Uint8Array.of(0xf7, 0xff, 0xff, 0xff, 0xff, 0x00));
  }
  /** The device is gone, and so is the connection over which the gateway holds what it sent. */
  cut(): void {
    this.client.stream.destroy();
    for (const { isSettled, link } of this.#handed) if (!isSettled) link?.cut();
  }
  async close(): Promise<void> {
    await this.client.endAsync();
  }
  async nextCommand(): Promise<ReceivedCommand> {
    while (this.#commands.length === 0) await this.#changed.promise;
    return this.#commands.shift()!;
  }

  async #publish(kind: string, bytes: Uint8Array): Promise<SendOutcome> {
    const topic = `${this.topic}/${kind}`;
    const handed = this.tap.expect(keyOf(topic, bytes));
    this.#handed.push(handed);
    await this.client.publishAsync(topic, Buffer.from(bytes), { qos: 1 });
    return handed.told;
  }
}
