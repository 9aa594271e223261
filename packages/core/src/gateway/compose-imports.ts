import { hash } from 'node:crypto';
import { IMPORT_COLLECTIONS, ImportService } from '../imports/index.js';
import type { IngestionService } from '../ingestion/ingestion.service.js';
import type { Clock } from '../spi/index.js';
import type { Store } from '../stores/store.js';
import { readDocument } from '../verify/index.js';

/** Files of readings, on the store and the one way in. */
export async function composeImports(parts: {
  readonly store: Store;
  readonly clock: Clock;
  readonly ingestion: IngestionService;
}): Promise<ImportService> {
  const { store, clock, ingestion } = parts;
  return new ImportService({
    collections: await store.collections('core.imports', IMPORT_COLLECTIONS),
    clock,
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
}
