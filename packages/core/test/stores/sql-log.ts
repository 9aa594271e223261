import { createHash } from 'node:crypto';
import type { SealedBatch, SealingDraft } from '../../src/batching/batch.store.js';
import type { Logger } from '../../src/spi/index.js';
import { migrate } from '../../src/stores/mikro-orm/migrate.js';
import { MIGRATIONS } from '../../src/stores/mikro-orm/migrations/migrations.js';
import { PgSql } from '../../src/stores/mikro-orm/pg.sql.js';
import { openPglite } from './open-pglite.js';
import { SqlBatches } from '../../src/stores/mikro-orm/batches.js';
import { SqlEntries } from '../../src/stores/mikro-orm/entries.js';
import { SqlIngest } from '../../src/stores/mikro-orm/ingest.js';
import type { Sql, SqlDatabase } from '../../src/stores/mikro-orm/sql.js';
import { storeLimits } from '../../src/stores/mikro-orm/store-options.js';

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
export const limits = storeLimits.parse({ poolSize: 12 });

/** The log's parts over one database, and the database itself for looking behind them. */
export interface SqlLog {
  readonly sql: SqlDatabase;
  readonly ingest: SqlIngest;
  readonly entries: SqlEntries;
  readonly batches: SqlBatches;
}

export async function openPgliteLog(): Promise<SqlLog> {
  const sql = await openPglite();
  await migrate({ kind: 'pglite', sql }, MIGRATIONS);
  return logOver(sql);
}

export async function openPgLog(url: string): Promise<SqlLog> {
  const sql = new PgSql(url, { logger: silent, ...limits });
  await migrate({ kind: 'postgresql', sql, url }, MIGRATIONS);
  return logOver(sql);
}

export function ingestOver(sql: Sql): SqlIngest {
  return new SqlIngest(sql, {
    durability: 'fsync',
    limits,
    logger: silent,
    random: () => 0.5,
    pause: async () => {},
  });
}

function logOver(sql: SqlDatabase): SqlLog {
  return {
    sql,
    ingest: ingestOver(sql),
    entries: new SqlEntries(sql, limits),
    batches: new SqlBatches(sql, limits),
  };
}

/** A batch whose hashes are recognisable and not a tree: the store does not look into them. */
export async function fakeSeal(draft: SealingDraft): Promise<SealedBatch> {
  const hash = (text: string) => createHash('sha256').update(`${text} ${draft.number}`).digest();
  return {
    id: `batch_${draft.number}`,
    root: hash('root'),
    metadata: Buffer.from(JSON.stringify({ number: draft.number })),
    logLeaf: hash('leaf'),
    logRoot: hash('log'),
    logFrontier: [hash('leaf')],
    sealedAtMs: 1_795_000_600_000 + draft.number,
    tiles: tilesOf(draft.leaves),
  };
}

function* tilesOf(leaves: Uint8Array) {
  for (let index = 0; index * 8192 < leaves.length; index += 1)
    yield { level: 0, index, hashes: leaves.subarray(index * 8192, (index + 1) * 8192) };
}
