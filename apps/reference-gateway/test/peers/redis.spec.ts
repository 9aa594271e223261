import { Logger } from '@nestjs/common';
import { ClientRedis } from '@nestjs/microservices';
import { SUBMIT_READINGS, type SubmitAnswer } from '@wattproof/core/messages';
import { firstValueFrom, timeout } from 'rxjs';
import { setTimeout as wait } from 'node:timers/promises';
import { allAccepted, type ConnectDevice } from '../durability/device-link.js';
import { report } from '../durability/judge.js';
import { type Broker, startRedis } from './broker-process.js';
import { EMBEDDED, itSurvivesFaults, LONGEST_MS, MessageSystem } from './message-system.js';
import { itemsOf, Refused } from './submit-answer.js';

/** Waits longer each time in vain, or a slow gateway never answers in time. */
const ANSWER_WITHIN_MS = 2000;

/** Nest's own client, which comes back by itself. */
async function connected(broker: Broker): Promise<ClientRedis> {
  const { hostname: host, port } = new URL(broker.url);
  const options = { host, port: Number(port), retryAttempts: 1_000_000, retryDelay: 100 };
  const client = new ClientRedis(options);
  // While the broker is away; nobody else listens.
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Requests, and asks again when nobody answered. */
const requester =
  (broker: Broker): ConnectDevice =>
  async () => {
    const client = await connected(broker);
    let inVain = 0;
    return {
      async send(body) {
        try {
          const asked = client.send<SubmitAnswer>(SUBMIT_READINGS, body);
          const answer = await firstValueFrom(asked.pipe(timeout(ANSWER_WITHIN_MS * (inVain + 1))));
          inVain = 0;
          return itemsOf(answer);
        } catch (error) {
          if (error instanceof Refused) throw error;
          // Nobody answered: what became of it is unknown. A device waits a little before it asks again.
          if (error instanceof Error && error.name === 'TimeoutError') inVain += 1;
          await wait(50);
          return undefined;
        }
      },
      close: async () => client.close(),
    };
  };

/** Takes what Redis takes for good, although nobody may be there. */
const publisher =
  (broker: Broker): ConnectDevice =>
  async () => {
    const client = await connected(broker);
    return {
      async send(body, message) {
        await firstValueFrom(client.emit(SUBMIT_READINGS, body), { defaultValue: undefined });
        // No answer slows it down.
        await wait(20);
        return allAccepted(message);
      },
      close: async () => client.close(),
    };
  };

// Of two gateways both answer, and Nest's client tells of each answer that came second.
Logger.overrideLogger(false);

describe('through Redis, what a gateway answered is not lost', () => {
  const redis = new MessageSystem('Redis', startRedis, (broker) => {
    const { hostname, port } = new URL(broker.url);
    const yaml = `microservices:\n  redis: { host: ${hostname}, port: ${port} }`;
    return { connect: requester(broker), yaml };
  });
  beforeAll(() => redis.open(), 180_000);
  afterAll(() => redis.close());

  itSurvivesFaults(redis);

  it(
    'and the same check sees the loss of events, which Redis keeps for nobody',
    async () => {
      const result = await redis.campaign(
        { storeUrl: EMBEDDED, faults: 1, fault: (gateway) => gateway.kill() },
        { connect: publisher(redis.broker) },
      );
      report('control, Redis events', result);
      expect(result.lost).toBeGreaterThan(0);
    },
    LONGEST_MS,
  );
});
