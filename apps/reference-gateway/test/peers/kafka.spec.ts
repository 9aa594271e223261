import { SUBMIT_READINGS } from '@wattproof/core/messages';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { setTimeout as wait } from 'node:timers/promises';
import { allAccepted, type ConnectDevice } from '../durability/device-link.js';
import { expectNothingLost } from '../durability/judge.js';
import { type Broker, startKafka } from './broker-process.js';
import { itSurvivesDeadGateways, LONGEST_MS, MessageSystem } from './message-system.js';

/** What a killed gateway had, others get after this long. */
const SESSION_TIMEOUT_MS = 3000;
const PACE_MS = 100;
const GROUP = 'wattproof';

function client({ url }: Broker): Kafka {
  const brokers = [new URL(url).host];
  return new Kafka({ brokers, clientId: 'devices', logLevel: logLevel.NOTHING });
}

/** Keeps each message until the broker has it; from there it is the broker's to give on. */
const producer =
  (broker: Broker): ConnectDevice =>
  async () => {
    const sender = client(broker).producer();
    await sender.connect();
    return {
      async send(body, message) {
        await sender.send({ topic: SUBMIT_READINGS, acks: -1, messages: [{ value: body }] });
        // A broker confirms faster than anybody commits; what waits while a gateway is down has to be taken in afterwards.
        await wait(PACE_MS);
        return allAccepted(message);
      },
      close: () => sender.disconnect(),
    };
  };

/** Messages behind the offsets that the gateways' group has committed. */
async function behind(admin: Admin): Promise<number> {
  const [ends, [committed]] = await Promise.all([
    admin.fetchTopicOffsets(SUBMIT_READINGS),
    admin.fetchOffsets({ groupId: GROUP, topics: [SUBMIT_READINGS] }),
  ]);
  const done = new Map(committed!.partitions.map((one) => [one.partition, Number(one.offset)]));
  return ends.reduce(
    (sum, { partition, high }) => sum + Number(high) - Math.max(0, done.get(partition) ?? 0),
    0,
  );
}

describe('through Kafka, what the broker confirmed is not lost', () => {
  let admin: Admin;
  const kafka = new MessageSystem('Kafka', startKafka, (broker) => {
    const settings = `brokers: ["${new URL(broker.url).host}"], groupId: ${GROUP}, sessionTimeoutMs: ${SESSION_TIMEOUT_MS}`;
    return {
      connect: producer(broker),
      yaml: `microservices:\n  kafka: { ${settings} }`,
      waiting: () => behind(admin),
    };
  });
  beforeAll(async () => {
    await kafka.open();
    admin = client(kafka.broker).admin();
    await admin.connect();
  }, 180_000);
  afterAll(async () => {
    await admin.disconnect();
    await kafka.close();
  });

  itSurvivesDeadGateways(kafka);

  it(
    'when the database is away for a while: the partition waits',
    async () => {
      const { postgres } = kafka;
      const result = await kafka.campaign({
        storeUrl: await postgres.createDatabase(),
        faults: 1,
        async fault() {
          await postgres.stop('immediate');
          await wait(1500);
          await postgres.restart();
        },
      });
      expectNothingLost('Kafka, database stopped', result);
    },
    LONGEST_MS,
  );
});
