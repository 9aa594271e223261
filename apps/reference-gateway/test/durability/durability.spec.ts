import { join } from 'node:path';
import { openStore } from '@wattproof/core/mikro-orm';
import { auditStore, startPostgres, type TestPostgres } from '@wattproof/core/testing';
import { type CampaignResult, runCampaign } from './campaign.js';

const nightly = process.env['WATTPROOF_NIGHTLY'] === '1';
const KILLS = nightly ? 20 : 3;
const DATABASE_STOPS = nightly ? 10 : 3;
const BETWEEN = nightly ? ([100, 2000] as const) : ([100, 400] as const);
const silent = { debug() {}, info() {}, warn() {}, error() {} };

async function judge(result: CampaignResult, storeUrl: string) {
  const store = await openStore(storeUrl, { logger: silent });
  try {
    const audit = await auditStore(store);
    const lost = [...result.acknowledged].filter((hash) => !audit.hashes.has(hash));
    const twice = [...audit.hashes].filter(([, count]) => count > 1);
    return {
      acknowledged: result.acknowledged.size,
      lost: lost.length,
      twice: twice.length,
      problems: audit.problems,
      batches: audit.batches,
    };
  } finally {
    await store.close();
  }
}

function expectNothingLost(
  judged: Awaited<ReturnType<typeof judge>>,
  result: CampaignResult,
): void {
  expect(judged).toMatchObject({ lost: 0, twice: 0, problems: [] });
  expect(judged.acknowledged).toBeGreaterThan(100);
  expect(judged.batches).toBeGreaterThan(0);
  expect(result.refused).toEqual([]);
  expect(result.exitCode).toBe(0);
}

describe('nothing acknowledged is lost', () => {
  it(`when the gateway is killed ${KILLS} times under load on the embedded store`, async () => {
    // Relative to the campaign's own folder, as an operator writes it.
    const result = await runCampaign({
      storeUrl: 'embedded://.wattproof/db',
      faults: KILLS,
      devices: 4,
      between: BETWEEN,
      fault: (gateway) => gateway.kill(),
    });
    expectNothingLost(
      await judge(result, `embedded://${join(result.folder, '.wattproof/db')}`),
      result,
    );
  }, 600_000);
});

describe('nothing acknowledged is lost on PostgreSQL', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres({ fsync: true });
  }, 60_000);
  afterAll(() => postgres.stop('fast'));

  it(`when the gateway is killed ${KILLS} times under load`, async () => {
    const storeUrl = await postgres.createDatabase();
    const result = await runCampaign({
      storeUrl,
      faults: KILLS,
      devices: 4,
      between: BETWEEN,
      fault: (gateway) => gateway.kill(),
    });
    expectNothingLost(await judge(result, storeUrl), result);
  }, 600_000);

  it(`when the database is stopped at once ${DATABASE_STOPS} times under load`, async () => {
    const storeUrl = await postgres.createDatabase();
    const result = await runCampaign({
      storeUrl,
      faults: DATABASE_STOPS,
      devices: 4,
      between: BETWEEN,
      fault: async () => {
        await postgres.stop('immediate');
        await postgres.restart();
      },
    });
    expectNothingLost(await judge(result, storeUrl), result);
  }, 600_000);

  it('and the same check sees the loss of a database that answers before it has written', async () => {
    const storeUrl = await postgres.createDatabase({ settings: { synchronous_commit: 'off' } });
    const result = await runCampaign({
      storeUrl,
      faults: DATABASE_STOPS,
      devices: 4,
      between: BETWEEN,
      fault: async () => {
        await postgres.stop('immediate');
        await postgres.restart();
      },
    });
    expect((await judge(result, storeUrl)).lost).toBeGreaterThan(0);
  }, 600_000);
});
