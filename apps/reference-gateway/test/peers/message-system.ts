import { startPostgres, type TestPostgres } from '@wattproof/core/testing';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Campaign,
  type CampaignResult,
  type CampaignTransport,
  runCampaign,
} from '../durability/campaign.js';
import { expectNothingLost, nightly } from '../durability/judge.js';
import { configureGateways, RunningGateway } from '../durability/running-gateway.js';
import type { Broker } from './broker-process.js';

const KILLS = nightly ? 20 : 3;
const RESTARTS = nightly ? 10 : 1;
const BETWEEN = nightly ? ([200, 2000] as const) : ([100, 200] as const);
export const EMBEDDED = 'embedded://.wattproof/db';
export const LONGEST_MS = nightly ? 1_800_000 : 600_000;

/** A message system with its broker, and a PostgreSQL server for the gateways behind it. */
export class MessageSystem {
  broker!: Broker;
  postgres!: TestPostgres;

  constructor(
    readonly name: string,
    private readonly start: () => Promise<Broker>,
    /** How devices reach the gateways of one campaign. */
    private readonly transport: (broker: Broker) => CampaignTransport,
  ) {}

  async open(): Promise<void> {
    [this.broker, this.postgres] = await Promise.all([
      this.start(),
      startPostgres({ fsync: true }),
    ]);
  }
  async close(): Promise<void> {
    await this.broker.remove();
    await this.postgres.remove();
  }

  campaign(
    of: Pick<Campaign, 'storeUrl' | 'replicas' | 'faults' | 'fault'>,
    more: Partial<CampaignTransport> = {},
  ): Promise<CampaignResult> {
    // Smaller messages than of other campaigns: a broker takes them faster than anybody commits.
    const transport = { readingsPerMessage: 5, ...this.transport(this.broker), ...more };
    return runCampaign({ between: BETWEEN, ...of, transport });
  }

  /** A gateway of its own, with this section `microservices` and its store in memory. */
  async gateway(section: string): Promise<RunningGateway> {
    const folder = await mkdtemp(join(tmpdir(), 'wattproof-messages-'));
    await configureGateways(folder, 'memory://', section);
    const gateway = new RunningGateway(folder);
    await gateway.url();
    return gateway;
  }
}

/** What every message system and the gateways behind it have to survive. */
export function itSurvivesFaults(system: MessageSystem): void {
  itSurvivesDeadGateways(system);

  it(
    `when the broker is killed and comes back (${RESTARTS}×)`,
    async () => {
      await survived(system, `broker restarted ${RESTARTS} times`, {
        storeUrl: await system.postgres.createDatabase(),
        faults: RESTARTS,
        fault: () => system.broker.restart(),
      });
    },
    LONGEST_MS,
  );
}

/** The part of it that does not need a broker which keeps anything on disk. */
function itSurvivesDeadGateways(system: MessageSystem): void {
  it(
    `when the gateway is killed (${KILLS}×) under load`,
    async () => {
      const result = await survived(system, `${KILLS} kills`, {
        storeUrl: EMBEDDED,
        faults: KILLS,
        fault: (gateway) => gateway.kill(),
      });
      expect(result.acknowledged).toBeGreaterThan(KILLS * BETWEEN[0]);
    },
    LONGEST_MS,
  );

  it(
    'when one of two replicas dies and does not come back',
    async () => {
      const result = await survived(system, 'one of two replicas dead', {
        storeUrl: await system.postgres.createDatabase(),
        replicas: 2,
        faults: 1,
        fault: (first) => first.end(),
      });
      expect(result.exitCodes).toEqual(['SIGKILL', 0]);
    },
    LONGEST_MS,
  );
}

async function survived(
  system: MessageSystem,
  what: string,
  of: Pick<Campaign, 'storeUrl' | 'replicas' | 'faults' | 'fault'>,
): Promise<CampaignResult> {
  const result = await system.campaign(of);
  expectNothingLost(`${system.name}, ${what}`, result);
  return result;
}
