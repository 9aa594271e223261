import { runCampaign } from '../durability/campaign.js';
import { expectNothingLost, nightly } from '../durability/judge.js';
import { receiptLink } from '../durability/receipt-link.js';
import { type Broker, startMosquitto } from './broker-process.js';

const KILLS = nightly ? 20 : 3;
const RESTARTS = nightly ? 10 : 2;
const CUTS = nightly ? 40 : 4;
const BETWEEN = nightly ? ([100, 2000] as const) : ([50, 100] as const);

describe('devices behind mosquitto that keep what has no receipt', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startMosquitto();
  });
  afterAll(() => broker.remove());

  it.each(['5', '3.1.1'])(
    `lose nothing and double nothing: the gateway killed ${KILLS}×, mosquitto killed ${RESTARTS}×, connections cut ${CUTS}×, the gateway speaking MQTT %s`,
    async (version) => {
      const { port } = new URL(broker.url);
      const yaml = `transports:\n  mqtt: { use: "@wattproof/transport-mqtt", url: "${broker.url}", client: { version: "${version}", clientId: "gateway-${version}" } }`;
      let fault = 0;
      const result = await runCampaign({
        storeUrl: 'embedded://.wattproof/db',
        transport: { connect: receiptLink, port: Number(port), yaml },
        faults: KILLS + RESTARTS + CUTS,
        between: BETWEEN,
        fault: (gateway, wire) => {
          fault += 1;
          if (fault <= KILLS) return gateway.kill();
          if (fault <= KILLS + RESTARTS) return broker.restart();
          return wire.cut(fault % 2 === 0 ? 'answer' : 'message');
        },
      });
      expectNothingLost(`behind mosquitto, MQTT ${version}`, result);
      expect(fault).toBe(KILLS + RESTARTS + CUTS);
    },
    900_000,
  );
});
