import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Aedes } from 'aedes';
import { describeTransport } from '@wattproof/core/testing';
import { KitBehindBrokers, type StartedBroker } from './kit-behind-brokers.js';

async function startAedes(): Promise<StartedBroker> {
  const aedes = await Aedes.createBroker();
  const server = createServer((socket) => aedes.handle(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async remove() {
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      server.close();
    },
  };
}

// It speaks no MQTT 5.
const kit = new KitBehindBrokers(startAedes);

describe('behind aedes, MQTT 3.1.1', () => {
  afterEach(() => kit.close());
  describeTransport(kit.options('3.1.1'));
});
