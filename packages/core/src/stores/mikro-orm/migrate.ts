import { MikroORM } from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import type { Migration } from '@mikro-orm/migrations';
import type { PgliteSql } from './pglite.sql.js';
import type { Sql } from './sql.js';
import { StoreError } from './store-error.js';
import { withStorePeers } from './store-peers.js';

export interface NamedMigration {
  /** Sorts in the order of application and never changes: it is what the database remembers. */
  readonly name: string;
  readonly class: new (...args: ConstructorParameters<typeof Migration>) => Migration;
}

/** Oldest server whose dialect the store speaks. */
export const MIN_SERVER_VERSION = 150_000;
const TABLE = 'wattproof_migration';
/** Two replicas that start at once must not both migrate: "watt" and "proof" in ASCII, folded to an int8. */
const ADVISORY_LOCK = 0x7761_7474_7072_6f66n;

/** Where MikroORM finds the database that `Sql` already uses. */
export type MigrationTarget =
  | { readonly kind: 'pglite'; readonly sql: PgliteSql }
  | { readonly kind: 'postgresql'; readonly sql: Sql; readonly url: string };

/**
 * Brings the schema up to the code's. When nothing is to be done that costs two queries, and MikroORM
 * opens no connection. Throws `store_too_old` and `store_too_new`.
 */
export async function migrate(
  target: MigrationTarget,
  migrations: readonly NamedMigration[],
): Promise<void> {
  await refuseOldServer(target.sql);
  if ((await pending(target.sql, migrations)) === 0) return;
  if (target.kind === 'pglite') {
    // One process, one connection: nobody to exclude, and a lock held in a transaction would exclude ourselves.
    await runMigrator(target, migrations);
    return;
  }
  await target.sql.transaction(async (tx) => {
    await tx.query('SET LOCAL statement_timeout = 0');
    await tx.query('SET LOCAL idle_in_transaction_session_timeout = 0');
    await tx.query('SELECT pg_advisory_xact_lock($1)::text', [ADVISORY_LOCK]);
    if ((await pending(tx, migrations)) > 0) await runMigrator(target, migrations);
  });
}

async function refuseOldServer(sql: Sql): Promise<void> {
  const [row] = await sql.query<{ version: string }>(
    `SELECT current_setting('server_version_num') AS version`,
  );
  const version = Number(row?.version);
  if (version < MIN_SERVER_VERSION)
    throw new StoreError(
      'store_too_old',
      `The server is PostgreSQL ${Math.floor(version / 10_000)}; at least ${MIN_SERVER_VERSION / 10_000} is needed. Upgrade the server.`,
    );
}

async function pending(sql: Sql, migrations: readonly NamedMigration[]): Promise<number> {
  const [table] = await sql.query<{ known: boolean }>(
    'SELECT to_regclass($1) IS NOT NULL AS known',
    [TABLE],
  );
  if (table?.known !== true) return migrations.length;
  const applied = await sql.query<{ name: string }>(`SELECT name FROM ${TABLE} ORDER BY id`);
  const known = new Set(migrations.map(({ name }) => name));
  const foreign = applied.find(({ name }) => !known.has(name));
  if (foreign !== undefined)
    throw new StoreError(
      'store_too_new',
      `The database has the schema change "${foreign.name}", which this version does not know. Start the version that made it, or a newer one.`,
    );
  return migrations.length - applied.length;
}

async function runMigrator(
  target: MigrationTarget,
  migrations: readonly NamedMigration[],
): Promise<void> {
  const shared = {
    entities: [],
    discovery: { warnWhenNoEntities: false },
    extensions: [Migrator],
    migrations: {
      tableName: TABLE,
      migrationsList: migrations.map(({ name, class: migration }) => ({ name, class: migration })),
      snapshot: false,
      silent: true,
      disableForeignKeys: false,
      allOrNothing: true,
    },
  };
  const orm =
    target.kind === 'pglite'
      ? await MikroORM.init({
          ...shared,
          driver: (await withStorePeers('pglite', () => import('@mikro-orm/pglite'))).PgliteDriver,
          dbName: 'postgres',
          driverOptions: { pglite: target.sql.pglite },
        })
      : await MikroORM.init({
          ...shared,
          driver: (await withStorePeers('postgresql', () => import('@mikro-orm/postgresql')))
            .PostgreSqlDriver,
          clientUrl: target.url,
          pool: { min: 0, max: 1 },
        });
  try {
    await orm.migrator.up();
  } finally {
    await orm.close(true);
  }
}
