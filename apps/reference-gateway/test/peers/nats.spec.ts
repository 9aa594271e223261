import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { SUBMIT_READINGS, type SubmitAnswer } from '@wattproof/core/messages';
import { type AnsweredItem, startPostgres, type TestPostgres } from '@wattproof/core/testing';
import { canonicalize, logHash, toHex } from '@wattproof/core/verify';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Broker, startNats } from './broker-process.js';
import { RunningGateway } from '../durability/campaign.js';
import {
  configuration,
  type MessageCampaign,
  runMessageCampaign,
  type Sender,
} from './message-campaign.js';

const nightly = process.env['WATTPROOF_NIGHTLY'] === '1';
const KILLS = nightly ? 20 : 3;
const RESTARTS = nightly ? 10 : 1;
const LONGEST_MS = nightly ? 1_800_000 : 240_000;
const BETWEEN = nightly ? ([200, 2000] as const) : ([100, 200] as const);
/** Longer than a commit takes, shorter than a gateway takes to come back. */
const ANSWER_WITHIN_MS = 2000;

async function requester(url: string): Promise<Sender> {
  const connection = await connect({
    servers: url,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
  });
  return {
    async send(body) {
      try {
        const options = { timeout: ANSWER_WITHIN_MS };
        const message = await connection.request(SUBMIT_READINGS, body, options);
        return itemsOf(message.json<{ readonly response: SubmitAnswer }>().response);
      } catch (error) {
        if (error instanceof Refused) throw error;
        // Nobody answered: what became of it is unknown. A device waits a little before it asks again.
        await wait(50);
        return undefined;
      }
    },
    close: () => connection.close(),
  };
}

class Refused extends Error {}

function itemsOf(answer: SubmitAnswer): readonly AnsweredItem[] | undefined {
  if (answer.kind === 'refused') throw new Refused(`${answer.code}: ${answer.detail}`);
  return answer.kind === 'items' ? (answer.items as readonly AnsweredItem[]) : undefined;
}

/** Takes what NATS takes for good, although nobody may be there. */
async function publisher(url: string): Promise<Sender> {
  const connection: NatsConnection = await connect({ servers: url, maxReconnectAttempts: -1 });
  return {
    async send(body, message) {
      connection.publish(SUBMIT_READINGS, body);
      await connection.flush();
      // No answer slows it down.
      await wait(20);
      return (message as readonly { readonly document: object }[]).map(({ document }) => ({
        verdict: 'accepted',
        leaf_hash: toHex(logHash(canonicalize('reading/1', document))),
      }));
    },
    close: () => connection.close(),
  };
}

describe('through NATS, what a gateway answered is not lost', () => {
  let nats: Broker;
  let postgres: TestPostgres;
  beforeAll(async () => {
    [nats, postgres] = await Promise.all([startNats(), startPostgres()]);
  }, 120_000);
  afterAll(async () => {
    await nats.remove();
    await postgres.remove();
  });

  const campaign = (
    more: Pick<MessageCampaign, 'storeUrl' | 'replicas' | 'faults' | 'fault'>,
  ): MessageCampaign => ({
    microservices: `  nats: { servers: ["${nats.url}"] }`,
    senders: 4,
    connect: () => requester(nats.url),
    between: BETWEEN,
    ...more,
  });
  const nothingLost = { lost: 0, twice: 0, problems: [], refused: [] };

  it(
    `when the gateway is killed (${KILLS}×) under load`,
    async () => {
      const result = await runMessageCampaign(
        campaign({
          storeUrl: 'embedded://.wattproof/db',
          replicas: 1,
          faults: KILLS,
          fault: ([gateway]) => gateway!.kill(),
        }),
      );
      tell(`NATS, ${KILLS} kills`, result);
      expect(result).toMatchObject({ ...nothingLost, exitCodes: [0] });
      expect(result.acknowledged).toBeGreaterThan(KILLS * BETWEEN[0]);
    },
    LONGEST_MS,
  );

  it(
    'when one of two replicas dies and does not come back',
    async () => {
      const result = await runMessageCampaign(
        campaign({
          storeUrl: await postgres.createDatabase(),
          replicas: 2,
          faults: 1,
          fault: ([first]) => first!.end(),
        }),
      );
      tell('NATS, one of two replicas dead', result);
      expect(result).toMatchObject({ ...nothingLost, exitCodes: ['SIGKILL', 0] });
    },
    LONGEST_MS,
  );

  it(
    `when the broker is killed and comes back (${RESTARTS}×)`,
    async () => {
      const result = await runMessageCampaign(
        campaign({
          storeUrl: await postgres.createDatabase(),
          replicas: 1,
          faults: RESTARTS,
          fault: () => nats.restart(),
        }),
      );
      tell(`NATS, broker restarted ${RESTARTS} times`, result);
      expect(result).toMatchObject({ ...nothingLost, exitCodes: [0] });
    },
    LONGEST_MS,
  );

  it(
    'a gateway whose broker is away still stops when it is told to',
    async () => {
      const broker = await startNats();
      const folder = await mkdtemp(join(tmpdir(), 'wattproof-nats-'));
      const section = `  nats: { servers: ["${broker.url}"] }`;
      await writeFile(join(folder, 'gateway.yaml'), configuration('memory://', section));
      const gateway = new RunningGateway(folder);
      await gateway.url();
      await broker.remove();
      expect(await gateway.stop()).toBe(0);
    },
    LONGEST_MS,
  );

  it('the application of the documents answers, and ends when it is told to', async () => {
    const home = process.cwd();
    process.chdir(await mkdtemp(join(tmpdir(), 'wattproof-nats-application-')));
    Object.assign(process.env, { NATS_URL: nats.url, STORE_URL: 'memory://' });
    const { app } = await import('./nats-application.js');
    const connection = await connect({ servers: nats.url });
    const message = await connection.request(SUBMIT_READINGS, 'no JSON', { timeout: 5000 });
    expect(message.json()).toMatchObject({ response: { kind: 'refused', code: 'json_syntax' } });
    const known = headers();
    known.set('X-Api-Key', 'wpk_nobody');
    const options = { timeout: 5000, headers: known };
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
      const result = await runMessageCampaign({
        ...campaign({
          storeUrl: 'embedded://.wattproof/db',
          replicas: 1,
          faults: 1,
          fault: ([gateway]) => gateway!.kill(),
        }),
        connect: () => publisher(nats.url),
      });
      tell('control, NATS events', result);
      expect(result.lost).toBeGreaterThan(0);
    },
    LONGEST_MS,
  );
});

/** For a person: what a long run came to. */
function tell(
  what: string,
  { acknowledged, lost, twice, resent }: Awaited<ReturnType<typeof runMessageCampaign>>,
): void {
  if (!nightly) return;
  process.stderr.write(
    `${what}: acknowledged ${acknowledged}, lost ${lost}, twice ${twice}, messages resent ${resent}\n`,
  );
}
