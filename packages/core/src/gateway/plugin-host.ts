import type { Subscribers } from '../events/subscribers.js';
import type { JobRole } from '../jobs/job.js';
import type { JobTable } from '../jobs/job-table.js';
import { declaredGuards, type PluginHost } from '../plugins/index.js';
import type {
  Callers,
  Clock,
  DeviceDesk,
  Jobs,
  Logger,
  PluginContext,
  PluginKind,
  Signer,
} from '../spi/index.js';
import type { Store } from '../stores/store.js';
import type { PluginHttp } from './plugin-http.js';

/** The replica role under which a plugin's own jobs run. */
const ROLE_OF_KIND: Readonly<Record<PluginKind, JobRole>> = {
  anchor: 'anchor',
  transport: 'ingest',
  pricing: 'api',
  format: 'ingest',
  detector: 'ingest',
};

/** A lease outlasts this many periods, so a plugin's job that is late does not run twice. */
const LEASE_PERIODS = 3;

/** Lends a plugin instance what it declared in `capabilities.needs`. */
export function pluginHost(parts: {
  readonly origin: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly jobs: JobTable;
  readonly subscribers: Subscribers;
  readonly http: PluginHttp;
  /** Signs as `<origin>/ledger`. */
  readonly ledgerSigner: Signer;
  readonly callers: Callers;
  readonly desk: DeviceDesk;
  loggerFor(instanceId: string): Logger;
}): PluginHost {
  return {
    async contextFor({ instanceId, kind, needs }): Promise<PluginContext> {
      const owner = `${kind}.${instanceId}`;
      return {
        instanceId,
        origin: parts.origin,
        logger: parts.loggerFor(instanceId),
        clock: parts.clock,
        ...(needs.collections === undefined || needs.collections.length === 0
          ? {}
          : { collections: await parts.store.collections(owner, needs.collections) }),
        ...(needs.events === undefined
          ? {}
          : { events: parts.subscribers.sourceFor(owner, needs.events) }),
        ...(needs.http === undefined || needs.http === false
          ? {}
          : { http: parts.http.hostFor(instanceId, declaredGuards(needs)) }),
        ...(needs.jobs === true ? { jobs: jobsFor(owner, kind, parts.jobs) } : {}),
        ...(needs.callers === true && kind === 'transport' ? { callers: parts.callers } : {}),
        ...(needs.signer === 'ledger' ? { signer: parts.ledgerSigner } : {}),
        ...(needs.desk === true && kind === 'transport' ? { desk: parts.desk } : {}),
      };
    },
  };
}

function jobsFor(owner: string, kind: PluginKind, table: JobTable): Jobs {
  return {
    every: (name, everyMs, work) => {
      table.add({
        name: `${owner}.${name}`,
        role: ROLE_OF_KIND[kind],
        periodMs: everyMs,
        leaseMs: everyMs * LEASE_PERIODS,
        run: work,
      });
    },
  };
}
