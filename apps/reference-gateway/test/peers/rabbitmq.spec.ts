import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SUBMIT_READINGS, type SubmitAnswer } from '@wattproof/core/messages';
import { connect as connectManaged } from 'amqp-connection-manager';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { allAccepted, type ConnectDevice } from '../durability/device-link.js';
import { expectNothingLost } from '../durability/judge.js';
import { startRabbitmq } from './broker-process.js';
import { itSurvivesFaults, LONGEST_MS, MessageSystem } from './message-system.js';

const PACE_MS = 100;

/** Keeps each message until the broker confirmed that it is on disk; from there it is the broker's to give on. */
const publisher =
  (url: string, queue: string): ConnectDevice =>
  async () => {
    const connection = connectManaged([url], { reconnectTimeInSeconds: 1 });
    const channel = connection.createChannel({
      setup: (opened: Channel) => opened.assertQueue(queue, { durable: true }),
    });
    await channel.waitForConnect();
    return {
      async send(body, message) {
        try {
          await channel.sendToQueue(queue, Buffer.from(body), { persistent: true });
        } catch {
          // The connection ended before the broker said anything: it may have the message or not.
          return undefined;
        }
        // A broker confirms faster than anybody commits; what waits while a gateway is down has to be taken in afterwards.
        await wait(PACE_MS);
        return allAccepted(message);
      },
      close: () => connection.close(),
    };
  };

async function withChannel<T>(
  url: string,
  use: (channel: Channel, model: ChannelModel) => Promise<T>,
): Promise<T> {
  const model = await connect(url);
  try {
    return await use(await model.createChannel(), model);
  } finally {
    await model.close();
  }
}

describe('through RabbitMQ, what the broker confirmed is not lost', () => {
  // When a campaign is over, no message of it waits: gateways acknowledge what they took.
  const rabbitmq = new MessageSystem('RabbitMQ', startRabbitmq, ({ url }) => {
    const queue = `readings-${randomUUID()}`;
    return {
      connect: publisher(url, queue),
      yaml: `microservices:\n  rabbitmq: { urls: ["${url}"], queue: "${queue}", prefetch: 16 }`,
      waiting: () =>
        withChannel(url, async (channel) => (await channel.checkQueue(queue)).messageCount),
    };
  });
  beforeAll(() => rabbitmq.open());
  afterAll(() => rabbitmq.close());

  itSurvivesFaults(rabbitmq);

  it(
    'when the database is away for a while: messages go back to their queue',
    async () => {
      const { postgres } = rabbitmq;
      const result = await rabbitmq.campaign({
        storeUrl: await postgres.createDatabase(),
        faults: 1,
        async fault() {
          await postgres.stop('immediate');
          await wait(1500);
          await postgres.restart();
        },
      });
      expectNothingLost('RabbitMQ, database stopped', result);
    },
    LONGEST_MS,
  );

  it('what is refused goes to the dead letter exchange when asked to, and a consumer that was taken away comes back', async () => {
    const { url } = rabbitmq.broker;
    const queue = `readings-${randomUUID()}`;
    const dead = `dead-${randomUUID()}`;
    await withChannel(url, async (channel) => {
      await channel.assertExchange(dead, 'fanout', { durable: true });
      await channel.assertQueue(dead, { durable: true });
      await channel.bindQueue(dead, dead, '');
    });
    const gateway = await rabbitmq.gateway(
      `microservices:\n  refused: reject\n  rabbitmq: { urls: ["${url}"], queue: "${queue}", deadLetterExchange: "${dead}" }`,
    );

    await withChannel(url, async (channel) => {
      channel.sendToQueue(queue, Buffer.from('no JSON'), { persistent: true });
      let letter = await channel.get(dead, { noAck: true });
      while (letter === false) {
        await wait(50);
        letter = await channel.get(dead, { noAck: true });
      }
      expect(letter.content.toString()).toBe('no JSON');

      await channel.deleteQueue(queue);
      expect(await request(url, queue, '{"format":"reading/1","document":{}}')).toMatchObject({
        kind: 'items',
        items: [{ verdict: 'rejected' }],
      });
      const headers = { 'x-api-key': 'wpk_nobody' };
      expect(await request(url, queue, '{}', headers)).toMatchObject({ code: 'api_key_invalid' });
    });
    expect(await gateway.stop()).toBe(0);
  }, 300_000);

  // Last: the broker does not come back.
  it(
    'a gateway whose broker is away still stops when it is told to',
    async () => {
      const { broker } = rabbitmq;
      const gateway = await rabbitmq.gateway(
        `microservices:\n  rabbitmq: { urls: ["${broker.url}"] }`,
      );
      await broker.remove();
      expect(await gateway.stop()).toBe(0);
    },
    LONGEST_MS,
  );
});

/** Asks as anybody does over AMQP, and again until somebody consumes the queue. */
function request(url: string, queue: string, body: string, headers = {}): Promise<SubmitAnswer> {
  return withChannel(url, async (channel) => {
    const answered = new Promise<SubmitAnswer>((resolve) => {
      void channel.consume(
        'amq.rabbitmq.reply-to',
        (message) => {
          const { response } = JSON.parse(message!.content.toString()) as {
            readonly response: SubmitAnswer;
          };
          resolve(response);
        },
        { noAck: true },
      );
    });
    const asking = setInterval(() => {
      channel.sendToQueue(queue, Buffer.from(body), {
        replyTo: 'amq.rabbitmq.reply-to',
        correlationId: randomUUID(),
        type: SUBMIT_READINGS,
        headers,
      });
    }, 200);
    try {
      return await answered;
    } finally {
      clearInterval(asking);
    }
  });
}
