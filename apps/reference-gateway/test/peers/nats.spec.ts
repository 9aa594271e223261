import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, headers } from '@nats-io/transport-node';
import { SUBMIT_READINGS, type SubmitAnswer } from '@wattproof/core/messages';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { allAccepted, type ConnectDevice } from '../durability/device-link.js';
import { report } from '../durability/judge.js';
import { type Broker, startNats } from './broker-process.js';
import { EMBEDDED, itSurvivesFaults, LONGEST_MS, MessageSystem } from './message-system.js';
import { itemsOf, Refused } from './submit-answer.js';

/** How long a device waits for its first answer; each time in vain it waits that much longer, or a slow gateway never answers in time. */
const ANSWER_WITHIN_MS = 2000;
/** For answers that are waited for once: hung, not slow. */
const HUNG_MS = 60_000;

/** Requests, and asks again when nobody answered. */
const requester =
  (servers: string): ConnectDevice =>
  async () => {
    const connection = await connect({
      servers,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
    });
    let inVain = 0;
    return {
      async send(body) {
        try {
          const timeout = ANSWER_WITHIN_MS * (inVain + 1);
          const message = await connection.request(SUBMIT_READINGS, body, { timeout });
          inVain = 0;
          return itemsOf(message.json<{ readonly response: SubmitAnswer }>().response);
        } catch (error) {
          if (error instanceof Refused) throw error;
          // Nobody answered: what became of it is unknown. A device waits a little before it asks again.
          if (error instanceof Error && error.name === 'TimeoutError') inVain += 1;
          await wait(50);
          return undefined;
        }
      },
      close: () => connection.close(),
    };
  };

/** Takes what NATS takes for good, although nobody may be there. */
const publisher =
  (servers: string): ConnectDevice =>
  async () => {
    const connection = await connect({ servers, maxReconnectAttempts: -1 });
    return {
      async send(body, message) {
        connection.publish(SUBMIT_READINGS, body);
        await connection.flush();
        // No answer slows it down.
        await wait(20);
        return allAccepted(message);
      },
      close: () => connection.close(),
    };
  };

const section = ({ url }: Broker): string => `microservices:\n  nats: { servers: ["${url}"] }`;

describe('through NATS, what a gateway answered is not lost', () => {
  const nats = new MessageSystem('NATS', startNats, (broker) => ({
    connect: requester(broker.url),
    yaml: section(broker),
  }));
  beforeAll(() => nats.open());
  afterAll(() => nats.close());

  itSurvivesFaults(nats);

  it('the application of the documents answers, and ends when it is told to', async () => {
    const { url } = nats.broker;
    const home = process.cwd();
    process.chdir(await mkdtemp(join(tmpdir(), 'wattproof-nats-application-')));
    Object.assign(process.env, { NATS_URL: url, STORE_URL: 'memory://' });
    const { app } = await import('./nats-application.js');
    const connection = await connect({ servers: url });
    const message = await connection.request(SUBMIT_READINGS, 'no JSON', { timeout: HUNG_MS });
    expect(message.json()).toMatchObject({ response: { kind: 'refused', code: 'json_syntax' } });
    const known = headers();
    known.set('X-Api-Key', 'wpk_nobody');
    const options = { timeout: HUNG_MS, headers: known };
    expect((await connection.request(SUBMIT_READINGS, '{}', options)).json()).toMatchObject({
      response: { kind: 'refused', code: 'api_key_invalid' },
    });
    await connection.close();
    await app.close();
    process.chdir(home);
  });

  it(
    'and the same check sees the loss of events, which NATS acknowledges to nobody',
    async () => {
      const result = await nats.campaign(
        { storeUrl: EMBEDDED, faults: 1, fault: (gateway) => gateway.kill() },
        { connect: publisher(nats.broker.url) },
      );
      report('control, NATS events', result);
      expect(result.lost).toBeGreaterThan(0);
    },
    LONGEST_MS,
  );

  // Last: the broker does not come back.
  it(
    'a gateway whose broker is away still stops when it is told to',
    async () => {
      const gateway = await nats.gateway(section(nats.broker));
      await nats.broker.remove();
      expect(await gateway.stop()).toBe(0);
    },
    LONGEST_MS,
  );
});
