import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SUBMIT_READINGS, type SubmitAnswer } from '@wattproof/core/messages';
import { startPostgres, type TestPostgres } from '@wattproof/core/testing';
import { canonicalize, logHash, toHex } from '@wattproof/core/verify';
import { connect as connectManaged } from 'amqp-connection-manager';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { randomUUID } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { RunningGateway } from '../durability/campaign.js';
import { type Broker, startRabbitmq } from './broker-process.js';
import {
  configuration,
  type MessageCampaign,
  type MessageResult,
  runMessageCampaign,
  type Sender,
} from './message-campaign.js';

const nightly = process.env['WATTPROOF_NIGHTLY'] === '1';
const KILLS = nightly ? 20 : 3;
const RESTARTS = nightly ? 10 : 1;
const PACE_MS = 100;
const LONGEST_MS = nightly ? 1_800_000 : 240_000;
const BETWEEN = nightly ? ([200, 2000] as const) : ([100, 200] as const);

/** Keeps each message until the broker confirmed that it is on disk; from there it is the broker's to give on. */
async function publisher(url: string, queue: string): Promise<Sender> {
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
      return (message as readonly { readonly document: object }[]).map(({ document }) => ({
        verdict: 'accepted',
        leaf_hash: toHex(logHash(canonicalize('reading/1', document))),
      }));
    },
    close: () => connection.close(),
  };
}

describe('through RabbitMQ, what the broker confirmed is not lost', () => {
  let rabbitmq: Broker;
  let postgres: TestPostgres;
  beforeAll(async () => {
    [rabbitmq, postgres] = await Promise.all([startRabbitmq(), startPostgres({ fsync: true })]);
  }, 180_000);
  afterAll(async () => {
    await rabbitmq.remove();
    await postgres.remove();
  });

  async function withChannel<T>(
    use: (channel: Channel, model: ChannelModel) => Promise<T>,
  ): Promise<T> {
    const model = await connect(rabbitmq.url);
    try {
      return await use(await model.createChannel(), model);
    } finally {
      await model.close();
    }
  }
  const depthOf = (queue: string): Promise<number> =>
    withChannel(async (channel) => (await channel.checkQueue(queue)).messageCount);

  async function survived(
    what: string,
    more: Pick<MessageCampaign, 'storeUrl' | 'replicas' | 'faults' | 'fault'>,
  ): Promise<MessageResult> {
    const queue = `readings-${randomUUID()}`;
    const result = await runMessageCampaign({
      microservices: `  rabbitmq: { urls: ["${rabbitmq.url}"], queue: "${queue}", prefetch: 16 }`,
      senders: 4,
      connect: () => publisher(rabbitmq.url, queue),
      between: BETWEEN,
      waiting: () => depthOf(queue),
      ...more,
    });
    if (nightly)
      process.stderr.write(
        `RabbitMQ, ${what}: confirmed ${result.acknowledged}, lost ${result.lost}, twice ${result.twice}\n`,
      );
    expect(result).toMatchObject({ lost: 0, twice: 0, problems: [], refused: [] });
    // A gateway that is asked to stop ends what it was given and acknowledges it.
    expect(await depthOf(queue)).toBe(0);
    return result;
  }

  it(
    `when the gateway is killed (${KILLS}×) under load`,
    async () => {
      const result = await survived(`${KILLS} kills`, {
        storeUrl: 'embedded://.wattproof/db',
        replicas: 1,
        faults: KILLS,
        fault: ([gateway]) => gateway!.kill(),
      });
      expect(result.exitCodes).toEqual([0]);
      expect(result.acknowledged).toBeGreaterThan(KILLS * BETWEEN[0]);
    },
    LONGEST_MS,
  );

  it(
    'when one of two replicas dies and does not come back',
    async () => {
      const result = await survived('one of two replicas dead', {
        storeUrl: await postgres.createDatabase(),
        replicas: 2,
        faults: 1,
        fault: ([first]) => first!.end(),
      });
      expect(result.exitCodes).toEqual(['SIGKILL', 0]);
    },
    LONGEST_MS,
  );

  it(
    `when the broker is killed and comes back (${RESTARTS}×)`,
    async () => {
      const result = await survived(`broker restarted ${RESTARTS} times`, {
        storeUrl: await postgres.createDatabase(),
        replicas: 1,
        faults: RESTARTS,
        fault: () => rabbitmq.restart(),
      });
      expect(result.exitCodes).toEqual([0]);
    },
    LONGEST_MS,
  );

  it(
    'when the database is away for a while: messages go back to their queue',
    async () => {
      const result = await survived('database stopped', {
        storeUrl: await postgres.createDatabase(),
        replicas: 1,
        faults: 1,
        async fault() {
          await postgres.stop('immediate');
          await wait(1500);
          await postgres.restart();
        },
      });
      expect(result.exitCodes).toEqual([0]);
    },
    LONGEST_MS,
  );

  it('what is refused goes to the dead letter exchange when asked to, and a consumer that was taken away comes back', async () => {
    const queue = `readings-${randomUUID()}`;
    const dead = `dead-${randomUUID()}`;
    await withChannel(async (channel) => {
      await channel.assertExchange(dead, 'fanout', { durable: true });
      await channel.assertQueue(dead, { durable: true });
      await channel.bindQueue(dead, dead, '');
    });
    const folder = await mkdtemp(join(tmpdir(), 'wattproof-rabbitmq-'));
    const section = `  refused: reject\n  rabbitmq: { urls: ["${rabbitmq.url}"], queue: "${queue}", deadLetterExchange: "${dead}" }`;
    await writeFile(join(folder, 'gateway.yaml'), configuration('memory://', section));
    const gateway = new RunningGateway(folder);
    await gateway.url();

    await withChannel(async (channel) => {
      channel.sendToQueue(queue, Buffer.from('no JSON'), { persistent: true });
      let letter = await channel.get(dead, { noAck: true });
      while (letter === false) {
        await wait(50);
        letter = await channel.get(dead, { noAck: true });
      }
      expect(letter.content.toString()).toBe('no JSON');

      await channel.deleteQueue(queue);
      expect(await request(queue, '{"format":"reading/1","document":{}}')).toMatchObject({
        kind: 'items',
        items: [{ verdict: 'rejected' }],
      });
      const headers = { 'x-api-key': 'wpk_nobody' };
      expect(await request(queue, '{}', headers)).toMatchObject({ code: 'api_key_invalid' });
    });
    expect(await gateway.stop()).toBe(0);
  }, 300_000);

  // Last: the broker does not come back.
  it(
    'a gateway whose broker is away still stops when it is told to',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'wattproof-rabbitmq-'));
      const section = `  rabbitmq: { urls: ["${rabbitmq.url}"] }`;
      await writeFile(join(folder, 'gateway.yaml'), configuration('memory://', section));
      const gateway = new RunningGateway(folder);
      await gateway.url();
      await rabbitmq.remove();
      expect(await gateway.stop()).toBe(0);
    },
    LONGEST_MS,
  );

  /** Asks as anybody does over AMQP, and again until somebody consumes the queue. */
  function request(queue: string, body: string, headers = {}): Promise<SubmitAnswer> {
    return withChannel(async (channel) => {
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
});
