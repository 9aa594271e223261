import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import { connectAsync } from 'mqtt';
import type { Transport } from '@wattproof/core/spi';
import { createTransport, TransportHost } from '@wattproof/core/testing';
import plugin from '../../src/index.js';

describe("behind a broker that is somebody else's work", () => {
  let aedes: Aedes;
  let server: Server;
  let host: TransportHost;
  const url = () => `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;

  beforeEach(async () => {
    aedes = await Aedes.createBroker();
    server = createServer((socket) => aedes.handle(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    host = await TransportHost.open();
  });
  afterEach(async () => {
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    server.close();
    await host.close();
  });

  async function start(): Promise<Transport> {
    const config = { url: url(), maps: ['wattproof', 'energypulse'], client: { version: '3.1.1' } };
    const transport = await createTransport(plugin, config, host);
    await transport.start(host.ingest);
    return transport;
  }

  it('what a device publishes while no gateway is there waits for one, until its commit', async () => {
    const first = await start();
    const device = await connectAsync(url(), { protocolVersion: 4 });
    await device.publishAsync('energy/meters/h1', reading(1), { qos: 1 });
    // The first gateway goes before it has committed.
    await host.ingest.arrival('01.000Z');
    const stopped = first.stop();
    host.ingest.withText('01.000Z')[0]!.fail();
    await stopped;
    await device.publishAsync('energy/meters/h1', reading(2), { qos: 2 });

    host.ingest.answerBy((arrival) => arrival.commit());
    const second = await start();
    await Promise.all([host.ingest.arrival('01.000Z'), host.ingest.arrival('02.000Z')]);
    await device.endAsync();
    await second.stop();

    // Acknowledged now: a third gateway is told nothing of them.
    const before = host.ingest.arrivals.length;
    const third = await start();
    const probe = await connectAsync(url(), { protocolVersion: 4 });
    await probe.publishAsync('energy/meters/h1', reading(3), { qos: 1 });
    await host.ingest.arrival('03.000Z');
    expect(host.ingest.arrivals).toHaveLength(before + 1);
    await probe.endAsync();
    await third.stop();
  });

  it('a device reads its receipt, with the hash of what it sent', async () => {
    host.ingest.answerBy((arrival) => arrival.commit());
    const transport = await start();
    const device = await connectAsync(url(), { protocolVersion: 4 });
    await device.subscribeAsync('wattproof/v1/m1/receipts', { qos: 1 });
    const told = new Promise<[string, Buffer]>((resolve) =>
      device.once('message', (topic, payload) => resolve([topic, payload])),
    );
    await device.publishAsync('wattproof/v1/m1/readings', '{"n":1}', { qos: 1 });
    const [topic, payload] = await told;
    expect(topic).toBe('wattproof/v1/m1/receipts');
    expect(JSON.parse(payload.toString())).toMatchObject({
      message: '2bfd14f43d17fc7cea24e0917a8879b4b2f880b8baeec1b9d90fbaad655e71bd',
      items: [{ verdict: 'accepted' }],
    });
    await device.endAsync();
    await transport.stop();
  });

  it('a retained status shows nobody alive, and is taken all the same', async () => {
    const device = await connectAsync(url(), { protocolVersion: 4 });
    const will = '{"state":"offline","will":true}';
    await device.publishAsync('wattproof/v1/m1/status', will, { qos: 1, retain: true });
    const transport = await start();
    await host.desk.until(({ presences }) => presences[0]);
    expect(host.desk.presences).toMatchObject([{ device: 'm1', state: 'offline', why: 'will' }]);
    expect(host.desk.signsOfLife).toEqual([]);
    await device.endAsync();
    await transport.stop();
  });
});

function reading(second: number): string {
  const timestamp = `2026-01-15T10:00:0${second}Z`;
  return JSON.stringify({ meterId: 'h1', timestamp, temperature: 20, consumptionKwh: 1 });
}
