import { hash } from 'node:crypto';
import { IMPORT_COLLECTIONS, ImportsConfig, ImportService } from '../imports/index.js';
import type { IngestionService } from '../ingestion/ingestion.service.js';
import type { Job } from '../jobs/job.js';
import type { GatewayConfig } from '../plugins/index.js';
import type { Clock } from '../spi/index.js';
import type { Store } from '../stores/store.js';
import { readDocument } from '../verify/index.js';

/** How often imports that were kept for long enough are looked for. */
const PRUNE = { periodMs: 3_600_000, leaseMs: 7_200_000 } as const;

/** Files of readings, on the store and the one way in. */
export async function composeImports(parts: {
  readonly config: GatewayConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly ingestion: IngestionService;
}): Promise<{ readonly service: ImportService; readonly jobs: readonly Job[] }> {
  const { store, clock, ingestion } = parts;
  const service = new ImportService({
    collections: await store.collections('core.imports', IMPORT_COLLECTIONS),
    clock,
    config: ImportsConfig.parse(parts.config.imports),
    digest: (text) => hash('sha256', text, 'hex'),
    readDocument,
    accept: ({ importer, ...message }) =>
      ingestion.accept({
        ...message,
        principal: { kind: 'api-key', id: importer.by },
        accountId: importer.accountId,
        everyAccount: importer.everyAccount,
        // Whoever may import may write what was measured long ago: the route asks for that scope.
        scopes: ['ingest', 'backfill'],
      }),
  });
  return {
    service,
    jobs: [
      { name: 'prune.imports', role: 'batch', ...PRUNE, run: (signal) => service.prune(signal) },
    ],
  };
}
