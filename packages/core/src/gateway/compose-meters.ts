import { DevicesConfig } from '../devices/devices.config.js';
import { MeterAudit } from '../devices/meter-audit.js';
import type { MeterDirectory } from '../devices/meter-directory.js';
import { MeterHealth } from '../devices/meter-health.js';
import { MeterTransfers } from '../devices/meter-transfers.js';
import type { JobTable } from '../jobs/job-table.js';
import type { Journal } from '../logs/journal.js';
import type { GatewayConfig } from '../plugins/index.js';
import type { Clock } from '../spi/index.js';
import type { Store } from '../stores/store.js';
import { accountKnown } from './account-known.js';

/** How often readings that were under way when their meter changed hands are looked for. */
const SETTLING = { periodMs: 30_000, leaseMs: 60_000 } as const;

export interface MeterServices {
  readonly meterTransfers: MeterTransfers;
  readonly meterHealth: MeterHealth;
  readonly meterAudit: MeterAudit;
}

/** What is done with meters once they are registered. */
export function composeMeters(parts: {
  readonly config: GatewayConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  readonly journal: Journal;
  readonly directory: MeterDirectory;
  readonly jobs: JobTable;
}): MeterServices {
  const { store, clock, random, journal, directory, jobs } = parts;
  const config = DevicesConfig.parse(parts.config.devices);
  const meterTransfers = new MeterTransfers({
    store: store.meters,
    directory,
    clock,
    random,
    config,
    journal,
    accountKnown: accountKnown(store),
  });
  jobs.add({
    name: 'meter-owners',
    role: 'ingest',
    ...SETTLING,
    run: () => meterTransfers.settle(),
  });
  return {
    meterTransfers,
    meterAudit: new MeterAudit(store),
    meterHealth: new MeterHealth({ store: store.meters, clock, config: config.health }),
  };
}
