import type { RunningTransport, TransportSuiteOptions } from '@wattproof/core/testing';
import plugin from '../../src/index.js';
import { BrokerTap } from './broker-tap.js';
import { DeviceBehindBroker, mqttReader } from './device-behind-broker.js';

export interface StartedBroker {
  /** `mqtt://127.0.0.1:PORT` */
  readonly url: string;
  remove(): Promise<void>;
}

/** The kit behind brokers that somebody else wrote: each instance of the gateway has one of its own. */
export class KitBehindBrokers {
  readonly #taps = new Map<string, { readonly tap: BrokerTap; readonly broker: StartedBroker }>();

  constructor(private readonly start: () => Promise<StartedBroker>) {}

  options(version: '5' | '3.1.1'): TransportSuiteOptions {
    const protocol = version === '5' ? 5 : 4;
    return {
      plugin,
      config: async () => {
        const broker = await this.start();
        const tap = await BrokerTap.listen(Number(new URL(broker.url).port), mqttReader(protocol));
        const url = `mqtt://127.0.0.1:${tap.port}`;
        this.#taps.set(url, { tap, broker });
        const client = { version, reconnectMinMs: 10, reconnectMaxMs: 100, ackOrderMs: 5 };
        return { url, client, maxMessageBytes: 65_536 };
      },
      oversizedBytes: 70_000,
      client: {
        peer: 'intermediary',
        connect: async ({ transport }: RunningTransport, { device }) => {
          const { facts } = await transport.health();
          const { tap, broker } = this.#taps.get(String(facts?.['url']))!;
          return DeviceBehindBroker.connect(tap, { url: broker.url, device });
        },
      },
    };
  }

  /** After each test. */
  async close(): Promise<void> {
    const taps = [...this.#taps.values()];
    this.#taps.clear();
    await Promise.all(taps.flatMap(({ tap, broker }) => [tap.close(), broker.remove()]));
  }
}
