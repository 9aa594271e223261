import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import {
  createFleet,
  type FleetMember,
  GatewayClient,
  readingDocument,
} from '@wattproof/core/simulator';
import { askGateway, startTestGateway, type TestGateway } from '@wattproof/core/testing';
import plugin from '../../src/index.js';
import { eventually } from './running-broker.js';

/** The gateway as operators run it, with its broker, and devices that log in to it. */
describe('a gateway that is its own broker', () => {
  let gateway: TestGateway;
  let member: FleetMember;
  let origin: string;
  const clients: MqttClient[] = [];

  beforeEach(async () => {
    gateway = await startTestGateway({
      config: {
        anchors: {},
        devices: { registration: 'open' },
        transports: { mqtt: { use: 'mqtt', listen: { port: 0, websocket: { path: '/mqtt' } } } },
      },
      plugins: { mqtt: plugin },
    });
    member = createFleet({ seed: 3, size: 1 })[0]!;
    const registrar = new GatewayClient(gateway.url, { apiKey: gateway.adminKey });
    origin = await registrar.origin();
    await registrar.register(member, origin);
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
    await gateway.stop();
  });

  async function connect(url: string, options: object): Promise<MqttClient> {
    const client = await connectAsync(url, { reconnectPeriod: 0, ...options });
    client.on('error', () => {});
    clients.push(client);
    return client;
  }
  async function brokerUrl(): Promise<string> {
    const answer = await askGateway(gateway, '/plugins');
    const { plugins } = (await answer.json()) as {
      readonly plugins: readonly {
        readonly instance: string;
        readonly health: { readonly facts: Readonly<Record<string, number>> };
      }[];
    };
    const { facts } = plugins.find(({ instance }) => instance === 'mqtt')!.health;
    return `mqtt://127.0.0.1:${facts['mqttPort']}`;
  }
  function document(sequence: number): object {
    const endsMs = gateway.clock.nowMs() - sequence * 900_000;
    return readingDocument(member.meter, member.meter.interval(endsMs - 900_000, endsMs), sequence);
  }
  const topic = (kind: string): string => `wattproof/v1/${member.meter.meterId}/${kind}`;

  test('a device that signs its connection and its reading reads the receipt', async () => {
    const { device } = member;
    const challenge = `${gateway.clock.nowMs()}.${randomBytes(16).toString('hex')}`;
    const signed = {
      username: device.keyId,
      password: `${challenge}.${device.signConnect(origin, challenge)}`,
    };
    const client = await connect(await brokerUrl(), signed);
    const receipts: { readonly items: readonly object[] }[] = [];
    client.on('message', (_topic, bytes) => receipts.push(JSON.parse(bytes.toString()) as never));
    await client.subscribeAsync(topic('receipts'), { qos: 1 });
    const reading = JSON.stringify(device.signReading('reading/1', document(1)));
    for (let time = 0; time < 2; time += 1)
      await client.publishAsync(topic('readings'), reading, { qos: 1 });
    await eventually(() => receipts.length === 2);
    expect(receipts.flatMap(({ items }) => items)).toMatchObject([
      { verdict: 'accepted', duplicate: false },
      { verdict: 'duplicate', duplicate: true },
    ]);
    const logs = (await (await askGateway(gateway, '/logs')).json()) as readonly object[];
    expect(logs.filter((log) => (log as { type?: string }).type === 'reading')).toHaveLength(1);
    // The same signature opens no second connection.
    await expect(connect(await brokerUrl(), signed)).rejects.toThrow();
  });

  test("the operator's key speaks for every meter, and no other text is a key", async () => {
    const url = await brokerUrl();
    for (const password of [`${gateway.adminKey}x`, 'x'.repeat(2_000)])
      await expect(connect(url, { username: 'admin', password })).rejects.toMatchObject({
        code: 4,
      });
    const client = await connect(url, { username: 'admin', password: gateway.adminKey });
    const receipts: unknown[] = [];
    client.on('message', (_topic, bytes) => receipts.push(JSON.parse(bytes.toString())));
    expect(await client.subscribeAsync(topic('receipts'), { qos: 1 })).toMatchObject([{ qos: 1 }]);
    const reading = JSON.stringify(member.device.signReading('reading/1', document(1)));
    await client.publishAsync(topic('readings'), reading, { qos: 1 });
    await eventually(() => receipts.length === 1);
    expect(receipts).toMatchObject([{ items: [{ verdict: 'accepted' }] }]);
  });

  test('a device key stands behind unsigned readings of its meter until it is revoked', async () => {
    const created = await fetch(`${gateway.url}/api/v1/api-keys`, {
      method: 'POST',
      headers: { 'x-api-key': gateway.adminKey, 'content-type': 'application/json' },
      body: JSON.stringify({ meter_id: member.meter.meterId }),
    });
    const { id, key } = (await created.json()) as { readonly id: string; readonly key: string };
    const client = await connect(`${gateway.url.replace('http', 'ws')}/mqtt`, {
      username: member.meter.meterId,
      password: key,
      protocolVersion: 5,
    });
    const unsigned = (sequence: number): string =>
      JSON.stringify({ format: 'reading/1', document: document(sequence) });
    const verdicts: unknown[] = [];
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'puback') verdicts.push(packet.properties?.userProperties?.['verdict']);
    });
    await client.publishAsync(topic('readings'), unsigned(1), { qos: 1 });
    expect(verdicts).toEqual(['accepted']);
    await expect(
      client.publishAsync('wattproof/v1/another/readings', unsigned(2), { qos: 1 }),
    ).rejects.toMatchObject({ code: 0x87 });
    await askGateway(gateway, `/api-keys/${id}`, 'DELETE');
    const told = new Promise<{ reasonCode?: number }>((resolve) =>
      client.on('disconnect', (packet) => resolve(packet)),
    );
    client.publish(topic('readings'), unsigned(3), { qos: 1 });
    expect((await told).reasonCode).toBe(0x87);
  });
});
