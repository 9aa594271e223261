import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openStore } from '../../src/stores/mikro-orm/open-store.js';
import { PgSql } from '../../src/stores/mikro-orm/pg.sql.js';
import type { QueryOptions, Sql, SqlDatabase, SqlValue } from '../../src/stores/mikro-orm/sql.js';
import { SqlStore } from '../../src/stores/mikro-orm/sql-store.js';
import type { Store } from '../../src/stores/store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startPostgres, type TestPostgres } from '../../src/testing/postgres/start-postgres.js';
import { silentLogger } from '../../src/testing/silent-logger.js';
import { BOTH, MeteredHouse } from '../../src/testing/store-suite/metered-house.js';
import { StoreScene } from '../../src/testing/store-suite/store-scene.js';
import { limits } from './sql-log.js';

/** Waits before it writes accounts. */
class StalledSql implements SqlDatabase {
  readonly kind = 'postgresql';

  constructor(
    private readonly inner: Sql,
    private readonly gate: { readonly reach: () => void; readonly opened: Promise<void> },
  ) {}

  async query<Row extends object>(
    text: string,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): Promise<readonly Row[]> {
    if (options?.prepare === 'wattproof_write_energy_accounts') {
      this.gate.reach();
      await this.gate.opened;
    }
    return this.inner.query<Row>(text, params, options);
  }

  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    return this.inner.transaction((tx) => work(new StalledSql(tx, this.gate)));
  }

  async close(): Promise<void> {}
}

describe('A creditor that stalls until another has taken over', () => {
  let server: TestPostgres;
  let sql: PgSql;
  let store: Store;
  beforeAll(async () => {
    server = await startPostgres();
    const url = await server.createDatabase();
    store = await openStore(url, { logger: silentLogger, clock: new FakeClock() });
    sql = new PgSql(url, { logger: silentLogger, ...limits });
  });
  afterAll(async () => {
    await sql?.close();
    await store?.close();
    await server?.remove();
  });

  it('forgets no claim that was made meanwhile', async () => {
    const house = new MeteredHouse(
      new StoreScene({ name: 'stalled', open: async () => store }),
      store,
    );
    await house.register();
    const [row] = house.readings(1);
    await house.scene.commit(row!);
    const reached = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    const stalled = new SqlStore(
      new StalledSql(sql, { reach: reached.resolve, opened: opened.promise }),
      {
        durability: 'fsync',
        limits,
        logger: silentLogger,
        random: () => 0.5,
        release: async () => {},
      },
    );
    const credit = (by: Store) => by.energy.credit([{ entryId: row!.id }], BOTH, house.say);
    const first = credit(stalled);
    await reached.promise;
    let done = false;
    const second = credit(store)
      .then(() => house.ask(house.claim('once', 250_000_000n)))
      .finally(() => (done = true));
    // The other either waits for the one that stalled, or is through before it.
    for (let waiting = 0n; !done && waiting === 0n;)
      [{ waiting }] = (await sql.query(
        `SELECT count(*) AS waiting FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()`,
      )) as [{ waiting: bigint }];
    opened.resolve();
    await first;
    const answers = [...(await second), ...(await house.ask(house.claim('twice', 250_000_000n)))];
    expect(answers.map(({ kind }) => kind)).toEqual(['claimed', 'refused']);
    expect((await house.statements())[0]?.claimedUWh).toBe(250_000_000n);
  });
});
