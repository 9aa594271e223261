import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import {
  describeTransport,
  type ReceivedCommand,
  type SendOutcome,
  type TransportClient,
} from '@wattproof/core/testing';
import plugin from '../../src/index.js';

/** A device as mqtt.js speaks; it does not come back by itself. */
class MqttDevice implements TransportClient {
  readonly #commands: ReceivedCommand[] = [];
  readonly #closed: Promise<'closed'>;
  #changed = Promise.withResolvers<void>();

  private constructor(
    private readonly client: MqttClient,
    private readonly device: string,
  ) {
    this.#closed = new Promise((resolve) => client.once('close', () => resolve('closed')));
    client.on('error', () => {});
    client.on('message', (_topic, payload) => {
      this.#commands.push(JSON.parse(payload.toString()) as ReceivedCommand);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    });
  }

  static async connect(url: string, device: string, options: IClientOptions): Promise<MqttDevice> {
    const client = await connectAsync(url, { reconnectPeriod: 0, username: device, ...options });
    const connected = new MqttDevice(client, device);
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
    this.client.stream.write(Buffer.from([0xf7, 0xff, 0xff, 0xff, 0xff, 0x00]));
    await this.#closed;
  }
  cut(): void {
    this.client.stream.destroy();
  }
  async close(): Promise<void> {
    await this.client.endAsync();
  }
  async nextCommand(): Promise<ReceivedCommand> {
    while (this.#commands.length === 0) await this.#changed.promise;
    return this.#commands.shift()!;
  }

  #publish(kind: string, bytes: Uint8Array): Promise<SendOutcome> {
    const topic = `wattproof/v1/${this.device}/${kind}`;
    const told = this.client.publishAsync(topic, Buffer.from(bytes), { qos: 1 }).then(
      () => 'ack' as const,
      // MQTT 5 has reasons; 3.1.1 acknowledges what is refused, which is a dead letter.
      (error: { code?: number }): SendOutcome => ((error.code ?? 0) >= 0x80 ? 'refused' : 'closed'),
    );
    return Promise.race([told, this.#closed]);
  }
}

for (const protocolVersion of [4, 5] as const)
  describeTransport({
    plugin,
    config: { listen: { port: 0 }, maxMessageBytes: 65_536 },
    refusedConfigs: [
      {},
      { url: 'mqtt://127.0.0.1', listen: {} },
      { listen: { port: -1 } },
      { listen: { websocket: {} } },
    ],
    oversizedBytes: 70_000,
    client: {
      async connect({ transport }, { device, credential }) {
        if (credential.kind !== 'api-key') throw new Error('the kit shows keys');
        const { facts } = await transport.health();
        const url = `mqtt://127.0.0.1:${facts?.['mqttPort'] ?? 1}`;
        return MqttDevice.connect(url, device, { protocolVersion, password: credential.key });
      },
    },
  });
