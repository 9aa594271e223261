import mqtt from 'mqtt';
import type { Transport } from '@wattproof/core/spi';
import { createTransport, TransportHost } from '@wattproof/core/testing';
import plugin from '@wattproof/transport-mqtt';
import { startMosquitto } from './broker-process.js';

const MESSAGES = 60;

describe.each(['3.1.1', '5'])('replicas of one group behind mosquitto, MQTT %s,', (version) => {
  it('divide what is published, and what one had not committed when it ended comes again', async () => {
    const broker = await startMosquitto();
    const taken = new Map<string, number>();
    const hosts = [await TransportHost.open(), await TransportHost.open()] as const;
    const start = async (at: 0 | 1): Promise<Transport> => {
      const client = { version, group: 'gateways', clientId: `gateway-${at}`, drainMs: 0 };
      const transport = await createTransport(plugin, { url: broker.url, client }, hosts[at]);
      await transport.start(hosts[at].ingest);
      while (!(await transport.health()).ready) await new Promise((turn) => setImmediate(turn));
      return transport;
    };
    const commits = (host: TransportHost): void =>
      host.ingest.answerBy((arrival) => {
        taken.set(arrival.text, (taken.get(arrival.text) ?? 0) + 1);
        arrival.commit();
      });
    commits(hosts[1]);
    const replicas = [await start(0), await start(1)] as const;

    const device = await mqtt.connectAsync(broker.url);
    const publish = async (from: number): Promise<void> => {
      for (let n = from; n < from + MESSAGES; n += 1)
        await device.publishAsync('wattproof/v1/m/readings', `{"n":${n}}`, { qos: 1 });
    };
    await publish(0);
    await hosts[0].ingest.arrival();
    await hosts[1].ingest.arrival();
    await replicas[0].stop();
    await publish(MESSAGES);
    commits(hosts[0]);
    const back = await start(0);
    while (taken.size < 2 * MESSAGES) await new Promise((turn) => setImmediate(turn));
    expect([...taken.values()].filter((times) => times > 1)).toEqual([]);

    await device.endAsync();
    await Promise.all([back.stop(), replicas[1].stop()]);
    await Promise.all([...hosts.map((host) => host.close()), broker.remove()]);
  }, 60_000);
});
