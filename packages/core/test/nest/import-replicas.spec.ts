import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { runImport } from '../../src/cli/import-file.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startPostgres, type TestPostgres } from '../../src/testing/postgres/start-postgres.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask } from './hosts.js';

const START_MS = Date.parse('2019-01-01T00:00:00Z');
/** More than are read at once, so that an import has several steps. */
const ROWS = 5_400;
/** What is remembered of imports themselves, and of keys that were used. */
const NO_READINGS = ['collection_document', 'collection_index', 'api_key'];

describe('Files imported over two gateways on one PostgreSQL', () => {
  let server: TestPostgres;
  let url: string;
  let client: pg.Client;
  let folder: string;
  let key: string;
  const gateways: TestGateway[] = [];

  const start = async (): Promise<TestGateway> => {
    const gateway = await startTestGateway({
      clock: new FakeClock(Date.parse('2020-06-01T00:00:00Z')),
      config: { store: { url } },
    });
    gateways.push(gateway);
    return gateway;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'wattproof-import-'));
    server = await startPostgres();
    url = await server.createDatabase();
    client = new pg.Client(url);
    await client.connect();
    const first = await start();
    await start();
    for (const meterId of ['dry', 'both', 'left'])
      await first.services.store.meters.register(
        new TestDevice(meterId).stored('active', { accountId: 'house', ratingW: 40_000 }),
        unjournaled,
      );
    const body = { account_id: 'house', role: 'owner', scopes: ['backfill', 'read'] };
    key = (await ask(`${first.url}/api/v1/admin/api-keys`, { body, key: first.adminKey })).json.key;
  });
  afterAll(async () => {
    for (const gateway of gateways.toReversed()) await gateway.stop();
    await client?.end();
    await server?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  const rowsOf = (meter: string): string =>
    `LCLid,DateTime,KWH/hh (per half hour) \n${Array.from({ length: ROWS }, (_, at) => {
      const time = new Date(START_MS + at * 1_800_000).toISOString().slice(0, 19).replace('T', ' ');
      return `${meter},${time}.0,0.25\n`;
    }).join('')}`;

  async function run(gateway: TestGateway, meter: string, ...more: readonly string[]) {
    const file = join(folder, `${meter}.csv`);
    await writeFile(file, rowsOf(meter));
    const out: string[] = [];
    const exit = await runImport(
      [file, '--map', 'london-low-carbon', '--url', gateway.url, '--json', ...more],
      {
        env: { WATTPROOF_API_KEY: key },
        out: (line) => out.push(line),
        err: (line) => out.push(line),
      },
    );
    const text = out.join('\n');
    return { exit, text, json: exit === 0 ? JSON.parse(text) : undefined };
  }

  const query = async <T>(sql: string, values: readonly unknown[] = []): Promise<readonly T[]> =>
    (await client.query(sql, [...values])).rows as T[];

  /** Each row of the database, but of the imports themselves. */
  async function contents(): Promise<Readonly<Record<string, string>>> {
    const tables = await query<{ name: string }>(
      `SELECT quote_ident(table_name) AS name FROM information_schema.tables
       WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1`,
    );
    const found: Record<string, string> = {};
    for (const { name } of tables.filter((one) => !NO_READINGS.includes(one.name))) {
      const [row] = await query<{ digest: string }>(
        `SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) AS digest FROM ${name} t`,
      );
      found[name] = row!.digest;
    }
    return found;
  }

  const readingsOf = (meter: string) =>
    query<{ readings: number; distinct: number }>(
      `SELECT count(*)::int AS readings, count(DISTINCT e.starts_ms)::int AS distinct
       FROM reading r JOIN entry e ON e.id = r.entry_id WHERE r.fingerprint = $1`,
      [new TestDevice(meter).stored('active').fingerprint],
    );

  it('a dry run reads every row and leaves every table as it was', async () => {
    const before = await contents();
    const { json } = await run(gateways[0]!, 'dry', '--dry-run');
    expect(json).toMatchObject({ rows: ROWS + 1, readings: ROWS, refused: 0, verdicts: {} });
    expect(await contents()).toEqual(before);
    expect(Object.keys(before).length).toBeGreaterThan(20);
  });

  it('two that import one file at once import it once, and both end well', async () => {
    const both = await Promise.all([run(gateways[0]!, 'both'), run(gateways[1]!, 'both')]);
    expect(both.map(({ exit, text }) => [exit, exit === 0 ? '' : text])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    for (const { json } of both) expect(json).toMatchObject({ state: 'done', readings: ROWS });
    expect(await readingsOf('both')).toEqual([{ readings: ROWS, distinct: ROWS }]);
    const again = await run(gateways[1]!, 'both', '--attempt', '2');
    expect(again.json.verdicts).toEqual({ duplicate: ROWS });
    expect(await readingsOf('both')).toEqual([{ readings: ROWS, distinct: ROWS }]);
  });

  it('what one began and left the other goes on with', async () => {
    const bytes = Buffer.from(rowsOf('left'));
    const third = await start();
    const begun = await ask(`${third.url}/api/v1/imports`, {
      key,
      body: {
        name: 'left',
        sha256: createHash('sha256').update(bytes).digest('hex'),
        size_bytes: bytes.length,
        preset: 'london-low-carbon',
      },
    });
    const part = await ask(`${third.url}/api/v1/imports/${begun.json.id}/rows?from_byte=0`, {
      key,
      type: 'text/csv',
      body: bytes.subarray(0, 40_000),
    });
    expect(part.json).toMatchObject({ state: 'open', verdicts: { accepted: expect.any(Number) } });
    gateways.pop();
    await third.stop();
    const { json } = await run(gateways[0]!, 'left');
    expect(json).toMatchObject({ id: begun.json.id, state: 'done', readings: ROWS });
    expect(await readingsOf('left')).toEqual([{ readings: ROWS, distinct: ROWS }]);
  });
});
