import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, DurabilityClass, Logger } from '../../spi/index.js';
import type { Store } from '../store.js';
import { FolderLock } from './folder-lock.js';
import type { Sql, SqlDatabase } from './sql.js';
import { SqlStore } from './sql-store.js';
import { StoreError } from './store-error.js';
import { type StoreLimits, storeLimits } from './store-options.js';
import { withStorePeers } from './store-peers.js';

export interface OpenStoreOptions {
  readonly logger: Logger;
  /** Time of the in-memory store; databases have their own. */
  readonly clock: Clock;
  /** [0, 1): spreads retries. */
  readonly random?: () => number;
  readonly limits?: Partial<StoreLimits>;
  /** Origin of the log (C2SP tlog-checkpoint). A new store takes it on; one that holds another log is refused. */
  readonly origin?: string;
}

const EMBEDDED = 'embedded://';
/** An embedded database that lives in memory: the same SQL, nothing kept. */
const EMBEDDED_IN_MEMORY = `${EMBEDDED}:memory:`;

/**
 * Opens the store a URL names and brings its schema up to date: `embedded://<folder>` (PGlite),
 * `postgresql://…` (15 or newer), `memory://` (nothing is kept). Throws `StoreError` (`store_url`,
 * `store_in_use`, `store_too_old`, `store_too_new`, `store_driver_missing`, `store_other_log`) and `StoreUnavailable`.
 */
export async function openStore(url: string, options: OpenStoreOptions): Promise<Store> {
  const limits = storeLimits.parse(options.limits ?? {});
  if (url.startsWith('memory://')) {
    const { openMemoryStore } = await import('../memory/open-memory-store.js');
    return openMemoryStore({ clock: options.clock });
  }
  const opened = await openDatabase(url, options, limits);
  try {
    if (options.origin !== undefined) await takeOrigin(opened.sql, options.origin);
    const durability = opened.durability ?? (await serverDurability(opened.sql));
    return new SqlStore(opened.sql, {
      durability,
      limits,
      logger: options.logger,
      random: options.random ?? (() => Math.random()),
      release: () => opened.release(),
    });
  } catch (error) {
    await opened.sql.close();
    await opened.release();
    throw error;
  }
}

interface Opened {
  readonly sql: SqlDatabase;
  /** Undefined: ask the server. */
  readonly durability?: DurabilityClass;
  release(): Promise<void>;
}

async function openDatabase(
  url: string,
  options: OpenStoreOptions,
  limits: StoreLimits,
): Promise<Opened> {
  if (/^postgres(ql)?:\/\//.test(url)) {
    const { PgSql, migrate, MIGRATIONS } = await withStorePeers('postgresql', async () => ({
      ...(await loadMigrations()),
      ...(await import('./pg.sql.js')),
    }));
    const sql = new PgSql(url, { logger: options.logger, ...limits });
    await closeOnFailure(sql, () => migrate({ kind: 'postgresql', sql, url }, MIGRATIONS));
    return { sql, release: async () => {} };
  }
  if (!url.startsWith(EMBEDDED) || url === EMBEDDED)
    throw new StoreError(
      'store_url',
      `"${url.replace(/\/\/.*@/, '//…@')}" names no store. Use embedded://<folder>, postgresql://<user>@<host>/<database> or memory://.`,
    );
  const { PgliteSql, migrate, MIGRATIONS } = await withStorePeers('pglite', async () => ({
    ...(await loadMigrations()),
    ...(await import('./pglite.sql.js')),
  }));
  if (url === EMBEDDED_IN_MEMORY) {
    const sql = await PgliteSql.open();
    await closeOnFailure(sql, () => migrate({ kind: 'pglite', sql }, MIGRATIONS));
    return { sql, durability: 'memory', release: async () => {} };
  }
  const folder = url.slice(EMBEDDED.length);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const lock = await FolderLock.take(join(folder, 'lock'));
  try {
    const sql = await PgliteSql.open(join(folder, 'data'));
    await closeOnFailure(sql, () => migrate({ kind: 'pglite', sql }, MIGRATIONS));
    return { sql, durability: 'process', release: () => lock.release() };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function loadMigrations() {
  const { migrate } = await import('./migrate.js');
  const { MIGRATIONS } = await import('./migrations/migrations.js');
  return { migrate, MIGRATIONS };
}

async function closeOnFailure(sql: SqlDatabase, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await sql.close();
    throw error;
  }
}

/** Positions, receipts and checkpoints all belong to one origin: two logs in one store would be neither. */
async function takeOrigin(sql: Sql, origin: string): Promise<void> {
  await sql.query('UPDATE log SET origin = $1 WHERE id = 1 AND origin IS NULL', [origin]);
  const [log] = await sql.query<{ origin: string }>('SELECT origin FROM log WHERE id = 1');
  if (log?.origin !== origin)
    throw new StoreError(
      'store_other_log',
      `The store holds the log "${log?.origin ?? ''}", not "${origin}". Give the store of that log, or set origin back.`,
    );
}

/** A server that may lose what it confirmed when the power fails must not be called `fsync`. */
async function serverDurability(sql: Sql): Promise<DurabilityClass> {
  const [row] = await sql.query<{ fsync: string; commit: string; pages: string }>(
    `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
       current_setting('full_page_writes') AS pages`,
  );
  return row?.fsync === 'on' && row.commit !== 'off' && row.pages === 'on' ? 'fsync' : 'process';
}
