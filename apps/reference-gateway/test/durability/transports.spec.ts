import { freePort, startPostgres, type TestPostgres } from '@wattproof/core/testing';
import { type CampaignTransport, runCampaign } from './campaign.js';
import { httpLink } from './http-link.js';
import { expectNothingLost, nightly, report } from './judge.js';
import { MemoryBroker } from './memory-broker.js';
import { mqttLink, plainMqttLink } from './mqtt-link.js';
import { ADMIN_KEY } from './running-gateway.js';
import { wsLink } from './ws-link.js';

const KILLS = nightly ? 20 : 3;
const CUTS = nightly ? 40 : 4;
const BETWEEN = nightly ? ([100, 2000] as const) : ([50, 100] as const);

/**
 * By night the embedded store. By day a server, on which a gateway is back in half of the time; what the embedded store keeps when
 * its gateway is killed, durability.spec.ts shows by day, too.
 */
let postgres: TestPostgres | undefined;
beforeAll(async () => {
  if (!nightly) postgres = await startPostgres();
});
afterAll(() => postgres?.remove());

async function newStore(): Promise<string> {
  return (await postgres?.createDatabase()) ?? 'embedded://.wattproof/db';
}

async function embeddedBroker(version: 4 | 5): Promise<CampaignTransport> {
  const port = await freePort();
  const yaml = `transports:\n  mqtt: { use: "@wattproof/transport-mqtt", listen: { port: ${port} } }`;
  return { connect: mqttLink(version), port, yaml };
}

const TRANSPORTS: readonly (readonly [string, () => Promise<CampaignTransport>])[] = [
  ['HTTP', async () => ({ connect: httpLink })],
  ['MQTT 5 to the embedded broker', () => embeddedBroker(5)],
  ['MQTT 3.1.1 to the embedded broker', () => embeddedBroker(4)],
  [
    'WebSocket',
    async () => ({
      connect: wsLink,
      yaml: 'transports:\n  ws: { use: "@wattproof/transport-ws" }',
    }),
  ],
];

describe.each(TRANSPORTS)('a device that keeps what was not acknowledged, over %s,', (name, of) => {
  const counts = `killed ${KILLS}×, connections cut ${CUTS}×`;
  it(`loses nothing and doubles nothing: the gateway ${counts}, in a message or before its answer`, async () => {
    let fault = 0;
    const result = await runCampaign({
      storeUrl: await newStore(),
      transport: await of(),
      faults: KILLS + CUTS,
      between: BETWEEN,
      fault: (gateway, wire) => {
        fault += 1;
        if (fault <= KILLS) return gateway.kill();
        return wire.cut(fault % 2 === 0 ? 'answer' : 'message');
      },
    });
    expectNothingLost(`${name}, ${counts}`, result);
    expect(fault).toBe(KILLS + CUTS);
    expect(result.resent).toBeGreaterThanOrEqual(CUTS);
  }, 900_000);
});

describe('the same campaign', () => {
  it('sees what a broker loses that acknowledges what it has in memory', async () => {
    const port = await freePort();
    let broker: MemoryBroker | undefined;
    const result = await runCampaign({
      storeUrl: await newStore(),
      transport: { connect: plainMqttLink, port },
      faults: 1,
      between: BETWEEN,
      prepared: async (gateway) => {
        broker = new MemoryBroker(port, await gateway.url(), ADMIN_KEY);
        await broker.start();
      },
      fault: () => broker!.killFull(),
      settled: () => broker!.stop(),
    });
    report('control, a broker in memory', result);
    expect(result.lost).toBeGreaterThan(0);
    expect(result.twice).toBe(0);
  }, 600_000);
});
