import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { localLedgerVerifier } from '@wattproof/core/local-ledger';
import { askGateway, freePort, type TestGateway } from '@wattproof/core/testing';
import { type JsonObject, verifyProof } from '@wattproof/core/verify';
import { knownDevices } from '../transports/known-device.js';
import { gatewayWith } from '../transports/open-gateway.js';
import { type Broker, startMosquitto } from './broker-process.js';
import { pythonWithPaho, runProgram } from './run-program.js';

const BRIDGE = resolve(import.meta.dirname, '../../../../vectors/kwh_mqtt_bridge.json');
const { cases } = JSON.parse(readFileSync(BRIDGE, 'utf8')) as {
  readonly cases: readonly { topic: string; payload: JsonObject; canonical: JsonObject }[];
};
const [KWH] = cases as [(typeof cases)[number]];

/** As EnergyPulse's houses send it. */
const pulse = (atMs: number) => ({
  topic: 'energy/meters/IT001E12345678',
  payload: {
    meterId: 'IT001E12345678',
    timestamp: new Date(atMs).toISOString(),
    temperature: 21.5,
    consumptionKwh: 2.5,
  },
});

/** What unchanged clients need: no keys, no age. */
const OPEN = {
  devices: { unsigned: 'accept' },
  ingestion: { time: { maxAgeMs: 'none' } },
} as const;
const MAPS = ['kwh-btc-iot', 'energypulse', 'wattproof'];

interface Entry {
  readonly id: string;
  readonly meter_id?: string;
}

async function entriesOf(gateway: TestGateway, meter: string): Promise<readonly Entry[]> {
  const answer = await askGateway(gateway, `/logs?meter_id=${meter}`);
  return (await answer.json()) as readonly Entry[];
}

/** Sealed, and its proof holds. */
async function isProvable(gateway: TestGateway, { id }: Entry): Promise<boolean> {
  await gateway.settle();
  await askGateway(gateway, '/batches/flush', 'POST');
  await gateway.settle();
  const bundle = await gateway.services.proofs.bundle(id);
  const report = await verifyProof(bundle, {
    keys: [gateway.services.logKeys.checkpoint.vkey],
    require: 'operator',
    verifiers: [localLedgerVerifier],
  });
  return report.ok;
}

async function publishWithPaho(port: number, messages: readonly object[]): Promise<void> {
  const script = resolve(import.meta.dirname, 'publish.py');
  const input = messages.map((message) => `${JSON.stringify(message)}\n`).join('');
  const ran = await runProgram(await pythonWithPaho(), [script, '127.0.0.1', String(port)], input);
  expect(ran).toMatchObject({ code: 0 });
}

describe('clients that nobody of this project wrote, at the embedded broker,', () => {
  let gateway: TestGateway;
  let port: number;
  beforeAll(async () => {
    port = await freePort();
    gateway = await gatewayWith(
      { mqtt: { use: '@wattproof/transport-mqtt', listen: { port, anonymous: true }, maps: MAPS } },
      OPEN,
    );
  });
  afterAll(() => gateway.stop());

  it('paho publishes readings of kwh-btc-iot and of EnergyPulse; they are in the log and provable', async () => {
    await publishWithPaho(port, [KWH, pulse(gateway.clock.nowMs() - 60_000)]);
    const [kwh] = await entriesOf(gateway, 'MTR-001');
    expect(kwh).toMatchObject(KWH.canonical);
    expect(await isProvable(gateway, kwh!)).toBe(true);
    const [house] = await entriesOf(gateway, 'IT001E12345678');
    expect(house).toMatchObject({ document: { meter: 'IT001E12345678', import_kwh: '2.5' } });
    expect(await isProvable(gateway, house!)).toBe(true);
  });

  it('mosquitto_pub publishes one at QoS 1 and ends when it is in the log', async () => {
    const payload = JSON.stringify({
      ...KWH.payload,
      ts_start: '2025-12-01T10:15:00Z',
      ts_end: '2025-12-01T10:20:00Z',
    });
    const topic = 'energy/PLANT-01/gw-PLANT01-003/MTR-002';
    const args = ['-h', '127.0.0.1', '-p', String(port), '-q', '1', '-t', topic, '-m', payload];
    expect(await runProgram('mosquitto_pub', args)).toMatchObject({ code: 0 });
    expect(await entriesOf(gateway, 'MTR-002')).toHaveLength(1);
  });

  it('mosquitto_sub with the key of a device hears what became of its reading', async () => {
    const [device] = await knownDevices(gateway, 1);
    const { id, key } = device!;
    const login = ['-h', '127.0.0.1', '-p', String(port), '-u', id, '-P', key, '-q', '1'];
    const topic = `wattproof/v1/${id}`;
    const once = ['-C', '1', '-W', '120', '-t', `${topic}/receipts`];
    const hearing = runProgram('mosquitto_sub', [...login, ...once]);
    let heard = false;
    void hearing.then(() => (heard = true));
    // Each repetition has the same receipt; one of them comes when the subscription stands.
    const reading = device!.reading();
    while (!heard) {
      const args = [...login, '-t', `${topic}/readings`, '-m', reading];
      expect(await runProgram('mosquitto_pub', args)).toMatchObject({ code: 0 });
    }
    const { code, output } = await hearing;
    expect(code).toBe(0);
    const { items } = JSON.parse(output) as { readonly items: readonly object[] };
    expect(items).toMatchObject([{ receipt: { v: 'wattproof.receipt/1' } }]);
  });
});

describe('behind mosquitto,', () => {
  let broker: Broker;
  let gateway: TestGateway;
  beforeAll(async () => {
    broker = await startMosquitto();
    gateway = await gatewayWith(
      { mqtt: { use: '@wattproof/transport-mqtt', url: broker.url, maps: MAPS } },
      OPEN,
    );
  });
  afterAll(async () => {
    await gateway.stop();
    await broker.remove();
  });

  it('what paho publishes arrives, and is provable', async () => {
    const { port } = new URL(broker.url);
    await ready(gateway);
    await publishWithPaho(Number(port), [KWH, pulse(gateway.clock.nowMs() - 60_000)]);
    for (const meter of ['MTR-001', 'IT001E12345678']) {
      let entries = await entriesOf(gateway, meter);
      while (entries.length === 0) entries = await entriesOf(gateway, meter);
      expect(await isProvable(gateway, entries[0]!)).toBe(true);
    }
  });
});

/** The gateway's client has its session at the broker: what is published from then on is kept for it. */
async function ready(gateway: TestGateway): Promise<void> {
  for (;;) {
    const { status } = await fetch(`${gateway.url}/health/ready`);
    if (status === 200) return;
  }
}
