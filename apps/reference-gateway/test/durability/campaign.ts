import { randomInt } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createFleet, GatewayClient, readingDocument } from '@wattproof/core/simulator';
import {
  type GatewayProcess,
  runSendingDevice,
  startGatewayProcess,
} from '@wattproof/core/testing';
import { CuttingProxy } from './cutting-proxy.js';
import type { ConnectDevice } from './device-link.js';
import { httpLink } from './http-link.js';

const ENTRY = resolve(import.meta.dirname, '../../dist/main.js');
export const ADMIN_KEY = 'campaign-admin-key-0123456789abcdef';
const READINGS_PER_MESSAGE = 20;
const READINGS_PER_FLUSH = 100;
/** Signed readings stay inside the accepted age while the campaign walks through them second by second. */
const START_BEHIND_MS = 5 * 24 * 3_600_000;

export interface Campaign {
  readonly storeUrl: string;
  readonly faults: number;
  readonly devices: number;
  /** Acknowledged readings between two faults, drawn between these. */
  readonly between: readonly [number, number];
  /** How the devices reach the gateway; HTTP when absent. */
  readonly transport?: CampaignTransport;
  /** After the meters are registered and before the first reading. */
  readonly prepared?: (gateway: RunningGateway) => Promise<void>;
  /** When no device has anything more to send. */
  readonly settled?: () => Promise<void>;
  /** Does the damage; the gateway is running and under load. `wire` is between it and the devices. */
  readonly fault: (gateway: RunningGateway, wire: CuttingProxy) => Promise<void>;
}

export interface CampaignTransport {
  readonly connect: ConnectDevice;
  /** Below `transports:` in the configuration, two spaces deep. */
  readonly yaml?: string;
  /** Where devices connect; the gateway's HTTP port when absent. */
  readonly port?: number;
}

export interface CampaignResult {
  readonly acknowledged: ReadonlySet<string>;
  readonly refused: readonly string[];
  readonly resent: number;
  readonly exitCode: number | NodeJS.Signals;
  readonly folder: string;
}

/** The gateway of a campaign; the same configuration and folder across its deaths. */
export class RunningGateway {
  #process: Promise<GatewayProcess>;

  constructor(private readonly folder: string) {
    this.#process = this.#start();
  }

  url(): Promise<string> {
    return this.#process.then(({ url }) => url);
  }

  async kill(): Promise<void> {
    await (await this.#process).end('SIGKILL');
    this.#process = this.#start();
    await this.#process;
  }

  /** Without coming back. */
  async end(): Promise<void> {
    await (await this.#process).end('SIGKILL');
  }

  async stop(): Promise<number | NodeJS.Signals> {
    return (await this.#process).end('SIGTERM');
  }

  #start(): Promise<GatewayProcess> {
    return startGatewayProcess({
      entry: ENTRY,
      cwd: this.folder,
      // An embedded database is made at the first start, which takes its time on a machine that is busy.
      readyWithinMs: 180_000,
      env: { WATTPROOF_CONFIG: join(this.folder, 'gateway.yaml'), CAMPAIGN_ADMIN_KEY: ADMIN_KEY },
    });
  }
}

/** Devices with buffers against a gateway that keeps being damaged; resolves when every fault was survived and every buffer is empty. */
export async function runCampaign(campaign: Campaign): Promise<CampaignResult> {
  const folder = await mkdtemp(join(tmpdir(), 'wattproof-campaign-'));
  const { connect, yaml, port }: CampaignTransport = campaign.transport ?? { connect: httpLink };
  await writeFile(join(folder, 'gateway.yaml'), configuration(campaign.storeUrl, yaml));
  const gateway = new RunningGateway(folder);
  const fleet = createFleet({ seed: 7, size: campaign.devices });
  const client = new GatewayClient(await gateway.url(), { apiKey: ADMIN_KEY });
  const origin = await client.origin();
  for (const member of fleet) await client.register(member, origin);
  await campaign.prepared?.(gateway);

  let done = false;
  let acknowledgedSoFar = 0;
  let flushes = 0;
  let sealing: Promise<unknown> = Promise.resolve();
  let wake = (): void => {};
  const startsMs = Date.now() - START_BEHIND_MS;
  const wire = await CuttingProxy.listen(
    async () => port ?? Number(new URL(await gateway.url()).port),
  );
  const place = { url: () => gateway.url(), port: wire.port, origin, apiKey: ADMIN_KEY };
  const links = await Promise.all(fleet.map((member) => connect(member, place)));
  const histories = fleet.map(({ meter, device }, index) => {
    let sequence = 0;
    return runSendingDevice({
      send: (body, message) => links[index]!.send(body, message),
      onAcknowledged: (count) => {
        acknowledgedSoFar += count;
        // The batcher's lease outlives a killed gateway by a minute; what is flushed is sealed at once, so that faults meet sealing, too.
        if (!done && acknowledgedSoFar >= (flushes + 1) * READINGS_PER_FLUSH) {
          flushes += 1;
          // A gateway that is killed meanwhile is what this is about.
          sealing = sealing
            .then(async () => (await flush(await gateway.url())).text())
            .catch(() => {});
        }
        wake();
      },
      next: () => {
        if (done) return undefined;
        return Array.from({ length: READINGS_PER_MESSAGE }, () => {
          const at = startsMs + sequence * 1000;
          sequence += 1;
          return device.signReading(
            'reading/1',
            readingDocument(meter, meter.interval(at, at + 1000), sequence),
          );
        });
      },
    });
  });
  // A device that gives up ends the campaign; one that goes on says nothing here.
  const givenUp = new Promise<never>((_resolve, reject) => {
    for (const history of histories) history.catch(reject);
  });
  try {
    for (let fault = 0; fault < campaign.faults; fault += 1) {
      const target = acknowledgedSoFar + randomInt(...campaign.between);
      while (acknowledgedSoFar < target) {
        const woken = new Promise<void>((resolveWake) => {
          wake = resolveWake;
        });
        await Promise.race([woken, givenUp]);
      }
      await campaign.fault(gateway, wire);
    }
  } finally {
    done = true;
  }
  const ended = await Promise.all(histories);
  await Promise.all(links.map((link) => link.close()));
  await wire.close();
  await campaign.settled?.();
  await sealing;
  await sealWhatWaits(await gateway.url());
  return {
    acknowledged: new Set(ended.flatMap((history) => [...history.acknowledged])),
    refused: ended.flatMap((history) => history.refused),
    resent: ended.reduce((sum, history) => sum + history.resent, 0),
    exitCode: await gateway.stop(),
    folder,
  };
}

/** So that every entry is under a root that can be recomputed. Refused to a log that was rolled back. */
async function sealWhatWaits(url: string): Promise<void> {
  for (;;) {
    const response = await flush(url);
    const { code } = (await response.json()) as { readonly code?: string };
    if (code === 'no_unbatched_logs' || code === 'log_rolled_back') return;
    if (!response.ok && response.status !== 503)
      throw new Error(`Flush answered ${response.status} ${code}.`);
  }
}

function flush(url: string): Promise<Response> {
  return fetch(`${url}/api/v1/batches/flush`, {
    method: 'POST',
    headers: { 'x-api-key': ADMIN_KEY },
  });
}

function configuration(storeUrl: string, transports?: string): string {
  return `
origin: campaign.test/log
store: { url: ${JSON.stringify(storeUrl)} }
http: { host: 127.0.0.1, port: 0 }
accounts: { adminApiKey: "\${env:CAMPAIGN_ADMIN_KEY}" }
devices: { unsigned: require, registration: open }
batching: { maxEntries: 500, maxAgeMs: 200 }
anchors: { local: { use: "@wattproof/core/local-ledger" } }
${transports === undefined ? '' : `transports:\n${transports}`}
`;
}
