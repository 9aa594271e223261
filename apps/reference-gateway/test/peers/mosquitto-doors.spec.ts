import mqtt, { type IClientOptions } from 'mqtt';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createTransport, TransportHost } from '@wattproof/core/testing';
import plugin from '@wattproof/transport-mqtt';
import { startMosquitto } from './broker-process.js';

const folder = join(
  import.meta.dirname,
  '../../../../packages/core/test/nest/test-only-certificates',
);
const file = (name: string): string => join(folder, name);
const pem = (name: string): Promise<string> => readFile(file(name), 'utf8');

const encrypted = [`certfile ${file('server.pem')}`, `keyfile ${file('server.key.pem')}`];
const mutual = [...encrypted, `cafile ${file('authority.pem')}`, 'require_certificate true'];
const websockets = 'protocol websockets';

const DOORS = [
  ['TLS', 'mqtts', encrypted],
  ['mutual TLS', 'mqtts', mutual],
  ['WebSocket', 'ws', [websockets]],
  ['WebSocket over TLS', 'wss', [...encrypted, websockets]],
] as const;

describe.each(DOORS)('mosquitto behind %s', (_door, scheme, door) => {
  it.each(['3.1.1', '5'] as const)('is entered by MQTT %s', async (version) => {
    const broker = await startMosquitto(scheme, door);
    const [ca, cert, key] = await Promise.all(
      ['authority.pem', 'client.pem', 'client.key.pem'].map(pem),
    );
    const shown = door === mutual ? { cert: cert!, key: key! } : {};
    const tls = scheme === 'ws' ? {} : { tls: { ca: ca!, ...shown } };
    const host = await TransportHost.open();
    const settings = { url: broker.url, client: { version, ...tls } };
    const transport = await createTransport(plugin, settings, host);
    await transport.start(host.ingest);
    while (!(await transport.health()).ready) await wait(10);

    const options: IClientOptions = { ca: ca!, ...shown };
    const device = await mqtt.connectAsync(broker.url, options);
    await device.publishAsync('wattproof/v1/m/readings', '{"n":1}', { qos: 1 });
    const arrival = await host.ingest.arrival();
    expect(arrival.text).toBe('{"n":1}');
    arrival.commit();

    await device.endAsync();
    await transport.stop();
    await Promise.all([host.close(), broker.remove()]);
  });
});

describe.each(DOORS.filter(([, scheme]) => scheme !== 'ws'))(
  'mosquitto behind %s',
  (_door, scheme, door) => {
    it('is not entered by who does not trust it, or whom it does not trust', async () => {
      const broker = await startMosquitto(scheme, door);
      const host = await TransportHost.open();
      const [authority, stranger, key] = await Promise.all(
        ['authority.pem', 'stranger.pem', 'client.key.pem'].map(pem),
      );
      const wrong =
        door === mutual ? { ca: authority!, cert: stranger!, key: key! } : { ca: stranger! };
      const client = { reconnectMinMs: 10, reconnectMaxMs: 100 };
      const settings = { url: broker.url, client: { ...client, tls: wrong } };
      const transport = await createTransport(plugin, settings, host);
      await transport.start(host.ingest);
      let health = await transport.health();
      while (!/certificate|alert|closed|reset/i.test(health.detail ?? '')) {
        await wait(10);
        health = await transport.health();
      }
      expect(health.ready).toBe(false);
      await transport.stop();
      await Promise.all([host.close(), broker.remove()]);
    });
  },
);
