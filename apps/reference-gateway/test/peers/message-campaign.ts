import { randomInt } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openStore } from '@wattproof/core/mikro-orm';
import { createFleet, GatewayClient, readingDocument } from '@wattproof/core/simulator';
import { type AnsweredItem, auditStore, runSendingDevice } from '@wattproof/core/testing';
import { ADMIN_KEY, RunningGateway } from '../durability/campaign.js';

const READINGS_PER_MESSAGE = 5;
const START_BEHIND_MS = 5 * 24 * 3_600_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A connection of one sender to a broker; it comes back by itself when the broker does. */
export interface Sender {
  send(body: string, message: readonly object[]): Promise<readonly AnsweredItem[] | undefined>;
  close(): Promise<void>;
}

export interface MessageCampaign {
  /** Below `microservices:`, two spaces deep. */
  readonly microservices: string;
  readonly storeUrl: string;
  readonly replicas: number;
  readonly senders: number;
  readonly connect: () => Promise<Sender>;
  readonly faults: number;
  /** Acknowledged readings between two faults, drawn between these. */
  readonly between: readonly [number, number];
  readonly fault: (replicas: readonly RunningGateway[]) => Promise<void>;
  /**
   * Messages a broker holds that no gateway has yet. One waiting in a gateway to be tried again goes back to the broker
   * when that gateway stops, so an empty queue before the stop says nothing; after it, nobody else has a message.
   */
  readonly waiting?: () => Promise<number>;
}

export interface MessageResult {
  readonly acknowledged: number;
  readonly lost: number;
  readonly twice: number;
  readonly problems: readonly string[];
  readonly refused: readonly string[];
  readonly resent: number;
  readonly exitCodes: readonly (number | NodeJS.Signals)[];
}

/** Senders that keep what was not acknowledged, and gateways behind a broker that keep being damaged. */
export async function runMessageCampaign(campaign: MessageCampaign): Promise<MessageResult> {
  const replicas: RunningGateway[] = [];
  const senders: Sender[] = [];
  try {
    return await endured(campaign, replicas, senders);
  } finally {
    // Those that were stopped already are not there to be ended; after a failure nothing is left behind.
    await Promise.all(replicas.map((replica) => replica.end().catch(() => undefined)));
    await Promise.all(senders.map((sender) => sender.close()));
  }
}

async function endured(
  campaign: MessageCampaign,
  replicas: RunningGateway[],
  senders: Sender[],
): Promise<MessageResult> {
  const folder = await mkdtemp(join(tmpdir(), 'wattproof-messages-'));
  await writeFile(
    join(folder, 'gateway.yaml'),
    configuration(campaign.storeUrl, campaign.microservices),
  );
  // One after the other: the first migrates the store.
  for (let index = 0; index < campaign.replicas; index += 1) {
    replicas.push(new RunningGateway(folder));
    await replicas.at(-1)!.url();
  }
  const fleet = createFleet({ seed: 7, size: campaign.senders });
  const client = new GatewayClient(await replicas[0]!.url(), { apiKey: ADMIN_KEY });
  const origin = await client.origin();
  for (const member of fleet) await client.register(member, origin);

  let done = false;
  let acknowledgedSoFar = 0;
  let wake = (): void => {};
  const startsMs = Date.now() - START_BEHIND_MS;
  for (const _member of fleet) senders.push(await campaign.connect());
  const histories = fleet.map(({ meter, device }, index) => {
    let sequence = 0;
    return runSendingDevice({
      send: (body, message) => senders[index]!.send(body, message),
      onAcknowledged: (count) => {
        acknowledgedSoFar += count;
        wake();
      },
      next: () => {
        if (done) return undefined;
        return Array.from({ length: READINGS_PER_MESSAGE }, () => {
          const at = startsMs + sequence * 1000;
          sequence += 1;
          const interval = meter.interval(at, at + 1000);
          return device.signReading('reading/1', readingDocument(meter, interval, sequence));
        });
      },
    });
  });
  const givenUp = new Promise<never>((_resolve, reject) => {
    for (const history of histories) history.catch(reject);
  });
  const reached = async (target: number): Promise<void> => {
    while (acknowledgedSoFar < target) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await Promise.race([woken, givenUp]);
    }
  };
  try {
    for (let fault = 0; fault < campaign.faults; fault += 1) {
      await reached(acknowledgedSoFar + randomInt(...campaign.between));
      await campaign.fault(replicas);
    }
    // Life goes on after the last of them.
    await reached(acknowledgedSoFar + campaign.between[0]);
  } finally {
    done = true;
  }
  const ended = await Promise.all(histories);
  await taken(campaign);
  const exitCodes: (number | NodeJS.Signals)[] = [];
  for (const replica of replicas) exitCodes.push(await replica.stop());
  if (((await campaign.waiting?.()) ?? 0) > 0) {
    // Handed back by gateways that were stopping: the next one takes it, and with nothing failing leaves nothing.
    const next = new RunningGateway(folder);
    replicas.push(next);
    await next.url();
    await taken(campaign);
    await next.stop();
  }

  const url = campaign.storeUrl.startsWith('embedded://')
    ? `embedded://${join(folder, campaign.storeUrl.slice('embedded://'.length))}`
    : campaign.storeUrl;
  const store = await openStore(url, { logger: silent, clock: { nowMs: () => Date.now() } });
  try {
    const { hashes, problems } = await auditStore(store);
    const acknowledged = new Set(ended.flatMap((history) => [...history.acknowledged]));
    return {
      acknowledged: acknowledged.size,
      lost: [...acknowledged].filter((hash) => !hashes.has(hash)).length,
      twice: [...hashes.values()].filter((times) => times > 1).length,
      problems,
      refused: ended.flatMap(({ refused }) => refused),
      resent: ended.reduce((sum, { resent }) => sum + resent, 0),
      exitCodes,
    };
  } finally {
    await store.close();
  }
}

async function taken({ waiting }: MessageCampaign): Promise<void> {
  while (waiting !== undefined && (await waiting()) > 0) await wait(100);
}

/** `gateway.yaml` of a gateway behind a broker. */
export function configuration(storeUrl: string, microservices: string): string {
  return `
origin: messages.test/log
store: { url: ${JSON.stringify(storeUrl)} }
http: { host: 127.0.0.1, port: 0 }
accounts: { adminApiKey: "\${env:CAMPAIGN_ADMIN_KEY}" }
devices: { unsigned: require, registration: open }
batching: { maxEntries: 500, maxAgeMs: 500 }
anchors: { local: { use: "@wattproof/core/local-ledger" } }
microservices:
${microservices}
`;
}
