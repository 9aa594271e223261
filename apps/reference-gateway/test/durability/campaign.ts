import { randomInt } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createFleet, GatewayClient } from '@wattproof/core/simulator';
import type { DeviceHistory } from '@wattproof/core/testing';
import { CuttingProxy } from './cutting-proxy.js';
import type { ConnectDevice, DeviceLink } from './device-link.js';
import { httpLink } from './http-link.js';
import { judge, type Judged } from './judge.js';
import { ADMIN_KEY, configureGateways, RunningGateway } from './running-gateway.js';
import { SendingFleet } from './sending-fleet.js';

const DEVICES = 4;
const READINGS_PER_MESSAGE = 20;
const READINGS_PER_FLUSH = 100;
/** Gateways started after the campaign to take what others handed back; each but the first finds nothing, if all is well. */
const AFTERWARDS = 3;

export interface Campaign {
  readonly storeUrl: string;
  readonly faults: number;
  /** Acknowledged readings between two faults, drawn between these. */
  readonly between: readonly [number, number];
  /** Gateways on the one store; one when absent. */
  readonly replicas?: number;
  /** How the devices reach the gateway; HTTP when absent. */
  readonly transport?: CampaignTransport;
  /** After the meters are registered and before the first reading. */
  readonly prepared?: (gateway: RunningGateway) => Promise<void>;
  /** When no device has anything more to send. */
  readonly settled?: () => Promise<void>;
  /** Does the damage; the first gateway is running and under load. `wire` is between it and the devices. */
  readonly fault: (gateway: RunningGateway, wire: CuttingProxy) => Promise<void>;
}

export interface CampaignTransport {
  readonly connect: ConnectDevice;
  /** Sections of the configuration. */
  readonly yaml?: string;
  /** Where devices connect; the gateway's HTTP port when absent. */
  readonly port?: number;
  readonly readingsPerMessage?: number;
  /**
   * Messages a broker holds that no gateway has yet. One waiting in a gateway to be tried again goes back to the broker
   * when that gateway stops, so an empty queue before the stop says nothing; after it, nobody else has a message.
   */
  readonly waiting?: () => Promise<number>;
}

export interface CampaignResult extends Judged {
  readonly refused: readonly string[];
  readonly resent: number;
  /** Of every replica. */
  readonly exitCodes: readonly (number | NodeJS.Signals)[];
}

/** Devices with buffers against gateways that keep being damaged; resolves when every fault was survived and every buffer is empty. */
export async function runCampaign(campaign: Campaign): Promise<CampaignResult> {
  const gateways: RunningGateway[] = [];
  const links: DeviceLink[] = [];
  try {
    return await endured(campaign, gateways, links);
  } finally {
    // Those that were stopped already are not there to be ended; after a failure nothing is left behind.
    await Promise.all(gateways.map((gateway) => gateway.end().catch(() => undefined)));
    await closed(links);
  }
}

async function closed(links: DeviceLink[]): Promise<void> {
  await Promise.all(links.splice(0).map((link) => link.close()));
}

async function endured(
  campaign: Campaign,
  gateways: RunningGateway[],
  links: DeviceLink[],
): Promise<CampaignResult> {
  const { storeUrl, transport = { connect: httpLink } } = campaign;
  const { connect, yaml, port, readingsPerMessage = READINGS_PER_MESSAGE } = transport;
  const folder = await mkdtemp(join(tmpdir(), 'wattproof-campaign-'));
  await configureGateways(folder, storeUrl, yaml);
  const another = async (): Promise<RunningGateway> => {
    const gateway = new RunningGateway(folder);
    gateways.push(gateway);
    await gateway.url();
    return gateway;
  };
  // One after the other: the first migrates the store.
  const first = await another();
  for (let count = 1; count < (campaign.replicas ?? 1); count += 1) await another();
  // A fault may take the first for good.
  const last = gateways.at(-1)!;
  const fleet = createFleet({ seed: 7, size: DEVICES });
  const client = new GatewayClient(await first.url(), { apiKey: ADMIN_KEY });
  const origin = await client.origin();
  for (const member of fleet) await client.register(member, origin);
  await campaign.prepared?.(first);

  const wire = await CuttingProxy.listen(
    async () => port ?? Number(new URL(await first.url()).port),
  );
  let ended: readonly DeviceHistory[];
  try {
    const place = { url: () => first.url(), port: wire.port, origin, apiKey: ADMIN_KEY };
    for (const member of fleet) links.push(await connect(member, place));
    const sealed = new RepeatedFlush(last);
    const devices = new SendingFleet(fleet, links, readingsPerMessage, (soFar) => {
      sealed.reached(soFar);
    });
    for (let fault = 0; fault < campaign.faults; fault += 1) {
      await devices.more(randomInt(...campaign.between));
      await campaign.fault(first, wire);
    }
    // Life goes on after the last of them.
    await devices.more(campaign.between[0]);
    ended = await devices.enough();
    await closed(links);
    await sealed.end();
  } finally {
    await wire.close();
  }
  await campaign.settled?.();

  const allTaken = async (gateway: RunningGateway): Promise<void> => {
    while (((await transport.waiting?.()) ?? 0) > 0) await wait(100);
    await sealWhatWaits(await gateway.url());
  };
  await allTaken(last);
  const exitCodes: (number | NodeJS.Signals)[] = [];
  for (const gateway of gateways) exitCodes.push(await gateway.stop());
  const acknowledged = new Set(ended.flatMap((history) => [...history.acknowledged]));
  const judged = (): Promise<Judged> => judge(acknowledged, storeUrl, folder);
  let verdict = await judged();
  // What a gateway has not acknowledged when it stops, a broker gives to the next one, at once or a little later.
  for (let count = 0; transport.waiting && count < AFTERWARDS; count += 1) {
    if (verdict.lost === 0 && (await transport.waiting()) === 0) break;
    const next = await another();
    await allTaken(next);
    await next.stop();
    verdict = await judged();
  }
  return {
    ...verdict,
    refused: ended.flatMap(({ refused }) => refused),
    resent: ended.reduce((sum, { resent }) => sum + resent, 0),
    exitCodes,
  };
}

/** The batcher's lease outlives a killed gateway by a minute; what is flushed is sealed at once, so that faults meet sealing, too. */
class RepeatedFlush {
  #flushes = 0;
  #sealing: Promise<unknown> = Promise.resolve();

  constructor(private readonly gateway: RunningGateway) {}

  reached(acknowledged: number): void {
    if (acknowledged < (this.#flushes + 1) * READINGS_PER_FLUSH) return;
    this.#flushes += 1;
    // A gateway that is killed meanwhile is what this is about.
    this.#sealing = this.#sealing
      .then(async () => (await flush(await this.gateway.url())).text())
      .catch(() => {});
  }

  end(): Promise<unknown> {
    return this.#sealing;
  }
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
