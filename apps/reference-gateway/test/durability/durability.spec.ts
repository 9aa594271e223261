import pg from 'pg';
import { startPostgres, type TestPostgres } from '@wattproof/core/testing';
import { runCampaign } from './campaign.js';
import { expectNothingLost, nightly, report } from './judge.js';

const KILLS = nightly ? 20 : 3;
const DATABASE_STOPS = nightly ? 10 : 1;
const BETWEEN = nightly ? ([100, 2000] as const) : ([200, 300] as const);

/** The database acknowledges commits at once and, from now on, writes none. Gives the process that would. */
async function answerWithoutWriting(postgres: TestPostgres, storeUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  try {
    const name = new URL(storeUrl).pathname.slice(1);
    await client.query(`ALTER DATABASE ${name} SET synchronous_commit = off`);
    // Pages written back take the log before them along.
    await client.query('ALTER SYSTEM SET bgwriter_lru_maxpages = 0');
    await client.query('SELECT pg_reload_conf()');
    // Sessions that are open keep their setting; the gateway's pool comes back with the new one.
    await client.query('CHECKPOINT');
    await client.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1',
      [name],
    );
    const { rows } = await client.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'",
    );
    const { pid } = rows[0]!;
    process.kill(pid, 'SIGSTOP');
    return pid;
  } finally {
    await client.end();
  }
}

describe('nothing acknowledged is lost', () => {
  it(`when the gateway is killed (${KILLS}×) under load on the embedded store`, async () => {
    // Relative to the campaign's own folder, as an operator writes it.
    const result = await runCampaign({
      storeUrl: 'embedded://.wattproof/db',
      faults: KILLS,
      between: BETWEEN,
      fault: (gateway) => gateway.kill(),
    });
    expectNothingLost(`embedded store, ${KILLS} kills`, result);
  }, 600_000);
});

describe('nothing acknowledged is lost on PostgreSQL', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres({ fsync: true });
  });
  afterAll(() => postgres.remove());

  it(`when the gateway is killed (${KILLS}×) under load`, async () => {
    const storeUrl = await postgres.createDatabase();
    const result = await runCampaign({
      storeUrl,
      faults: KILLS,
      between: BETWEEN,
      fault: (gateway) => gateway.kill(),
    });
    expectNothingLost(`PostgreSQL, ${KILLS} kills`, result);
  }, 600_000);

  it(`when the database is stopped at once (${DATABASE_STOPS}×) under load`, async () => {
    const storeUrl = await postgres.createDatabase();
    const result = await runCampaign({
      storeUrl,
      faults: DATABASE_STOPS,
      between: BETWEEN,
      fault: async () => {
        await postgres.stop('immediate');
        await postgres.restart();
      },
    });
    expectNothingLost(`PostgreSQL, stopped ${DATABASE_STOPS} times`, result);
  }, 600_000);

  it('and the same check sees the loss of a database that answers before it has written', async () => {
    const storeUrl = await postgres.createDatabase();
    let writer = 0;
    const result = await runCampaign({
      storeUrl,
      // Schema and meters are on disk by then; only readings can be lost.
      prepared: async () => {
        writer = await answerWithoutWriting(postgres, storeUrl);
      },
      // One is enough: whatever was answered since is gone.
      faults: 1,
      between: BETWEEN,
      fault: async () => {
        const stopped = postgres.stop('immediate');
        // It would be waited for.
        process.kill(writer, 'SIGKILL');
        await stopped;
        await postgres.restart();
      },
    });
    report('control, synchronous_commit=off', result);
    expect(result.lost).toBeGreaterThan(0);
  }, 600_000);
});
