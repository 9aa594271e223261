import { connect, errors, type NatsConnection } from '@nats-io/transport-node';
import { SUBMIT_READINGS, type SubmitAnswer } from '@wattproof/core/messages';
import {
  describeTransport,
  type SendOutcome,
  type TransportClient,
  type TransportSuiteOptions,
} from '@wattproof/core/testing';
import { connect as connectSocket } from 'node:net';
import { type Broker, startNats } from './broker-process.js';
import { HUNG_MS, theKitSees } from './faulty-transport.js';
import { messagesTransport } from './messages-transport.js';

/** A device that requests: the answer is its acknowledgement. */
class NatsDevice implements TransportClient {
  private constructor(
    private readonly servers: string,
    private readonly connection: NatsConnection,
  ) {}

  static async connect(servers: string): Promise<NatsDevice> {
    return new NatsDevice(servers, await connect({ servers, reconnect: false }));
  }

  async send(bytes: Uint8Array): Promise<SendOutcome> {
    try {
      const message = await this.connection.request(SUBMIT_READINGS, bytes, { timeout: 60_000 });
      const answer = message.json<{ readonly response?: SubmitAnswer; readonly err?: unknown }>();
      // An error is nobody's fault but the gateway's.
      if (answer.response === undefined) return 'retry';
      return answer.response.kind === 'items' ? 'ack' : answer.response.kind;
    } catch (error) {
      // The server says at the start how much it takes, and ends the connection of who sends more; the library does not.
      return error instanceof errors.InvalidArgumentError ? 'refused' : 'closed';
    }
  }
  /** To the server what is not NATS, and to the gateway what Nest would not send. */
  async sendGarbage(): Promise<void> {
    this.connection.publish(SUBMIT_READINGS, '{"pattern":"no.such.subject","id":"1","data":{}}');
    await this.connection.flush();
    const { hostname, port } = new URL(this.servers);
    const socket = connectSocket(Number(port), hostname).resume();
    const closed = new Promise((resolve) => socket.on('error', () => {}).once('close', resolve));
    socket.write(Uint8Array.of(0xf7, 0xff, 0xff, 0x0d, 0x0a));
    await closed;
  }
  cut(): void {
    void this.connection.close();
  }
  async close(): Promise<void> {
    await this.connection.drain();
  }
}

describe('NATS, by the answer to a request', () => {
  const servers: Broker[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.remove()));
  });

  const options: TransportSuiteOptions = {
    plugin: messagesTransport('nats'),
    async config() {
      const server = await startNats();
      servers.push(server);
      return { nats: { servers: [server.url] } };
    },
    refusedConfigs: [{ nats: { servers: [] } }, { nats: { queue: '' } }],
    oversizedBytes: 1_048_577,
    patienceMs: HUNG_MS,
    client: {
      async connect({ transport }) {
        const { facts } = await transport.health();
        return NatsDevice.connect(String(facts?.['url']));
      },
    },
  };
  describeTransport(options);
  theKitSees(options);
});
