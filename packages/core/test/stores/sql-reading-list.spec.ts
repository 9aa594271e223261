import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ListedReading, ReadingQuery } from '../../src/energy-ledger/reading-list.store.js';
import { migrate } from '../../src/stores/mikro-orm/migrate.js';
import { MIGRATIONS } from '../../src/stores/mikro-orm/migrations/migrations.js';
import { SqlReadingList } from '../../src/stores/mikro-orm/reading-list.js';
import type { PgliteSql } from '../../src/stores/mikro-orm/pglite.sql.js';
import type { Sql, SqlValue } from '../../src/stores/mikro-orm/sql.js';
import { openPglite } from './open-pglite.js';

const READINGS = 2_000;
const OWNERS = 4;
/** Left to mint. */
const LEFT = 'i % 100 = 1';

interface Plan {
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Join Filter'?: number;
  readonly Plans?: readonly Plan[];
}

/** Rows that the steps of a plan took in hand, whether they kept them or not. */
function rowsOf(plan: Plan): number {
  const { 'Rows Removed by Filter': left = 0, 'Rows Removed by Join Filter': unpaired = 0 } = plan;
  const own = (plan['Actual Rows'] + left + unpaired) * plan['Actual Loops'];
  return (plan.Plans ?? []).reduce((sum, one) => sum + rowsOf(one), own);
}

/** Counts the rows that statements take in hand. */
class CountingSql {
  rows = 0;

  constructor(private readonly inner: Sql) {}

  async query(text: string, params: readonly SqlValue[] = []): Promise<readonly object[]> {
    const [found] = await this.inner.query<{ 'QUERY PLAN': readonly { Plan: Plan }[] | string }>(
      `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${text}`,
      params,
    );
    const told = found!['QUERY PLAN'];
    const [{ Plan: plan }] = (typeof told === 'string' ? JSON.parse(told) : told) as [
      { Plan: Plan },
    ];
    this.rows += rowsOf(plan);
    return this.inner.query(text, params);
  }
}

describe('A list of readings in SQL', () => {
  let sql: PgliteSql;
  beforeAll(async () => {
    sql = await openPglite();
    const before = MIGRATIONS.filter(({ name }) => name < '0022');
    await migrate({ kind: 'pglite', sql }, before);
    const id = `md5(i::text)::uuid`;
    const all = `FROM generate_series(1, ${READINGS}) i`;
    await sql.query(
      `INSERT INTO entry (id, account_id, source, type, format, assurance, received_at_ms, meter_id, starts_ms, ends_ms)
       SELECT ${id}, 'owner-' || i % ${OWNERS}, 'external', 'reading', 'reading/1', 'device-signature', i,
         'meter-' || i % ${OWNERS}, i, i + 1 ${all}`,
    );
    await sql.query(
      `INSERT INTO reading SELECT ${id}, 'generation', '', 's', 'd', 9, false ${all}`,
    );
    await sql.query(
      `INSERT INTO verdict SELECT ${id}, 1, 0, 'accepted', NULL, 'device-signature', 'r' ${all}`,
    );
    await sql.query(
      `INSERT INTO energy_account (meter_id, register, class, starts_ms, ends_ms, account_id, entry_id, assurance, credited,
         claimed, frozen)
       SELECT 'meter-' || i % ${OWNERS}, 'generation', class, i, i + 1, 'owner-' || i % ${OWNERS}, ${id}, 'device-signature',
         9, CASE WHEN ${LEFT} OR class = 'attribute' THEN 0 ELSE 9 END, false
       ${all}, unnest(ARRAY['energy', 'attribute']) class`,
    );
    await sql.query(
      `INSERT INTO energy_claim (account, purpose, key, amount, entry_id)
       SELECT id, 'token', id::text, 9, entry_id FROM energy_account WHERE claimed > 0`,
    );
    await migrate({ kind: 'pglite', sql }, MIGRATIONS);
    await sql.query('VACUUM ANALYZE');
  });
  afterAll(() => sql?.close());

  /** All of the list, page by page. */
  const pages = async (query: Omit<ReadingQuery, 'limit' | 'order'>) => {
    const counting = new CountingSql(sql);
    const list = new SqlReadingList(counting as unknown as Sql);
    const found: ListedReading[] = [];
    let cursor: string | undefined;
    do {
      const behind = cursor === undefined ? {} : { cursor };
      const page = await list.list({ ...query, order: 'newest', limit: 5, ...behind });
      found.push(...page.items);
      cursor = page.cursor;
    } while (cursor !== undefined && found.length <= READINGS);
    const ids = new Set(found.map(({ entryId }) => entryId));
    const amounts = new Set(found.map(({ mintedUWh }) => mintedUWh));
    return { found: ids.size, rows: counting.rows, amounts };
  };
  const few = READINGS / 100;

  it.each([
    ['that can be minted', { only: 'mintable' }, few, 0n],
    ['that are not minted', { only: 'unminted' }, few, 0n],
    ['of an owner that are not minted', { only: 'unminted', accountId: 'owner-1' }, few, 0n],
  ] as const)(
    'of readings %s costs what it shows, whatever was minted',
    async (_, query, count, minted) => {
      const { found, rows, amounts } = await pages(query);
      expect([found, ...amounts]).toEqual([count, minted]);
      // Some dozen rows looked up for each that is shown, and for the one behind each page.
      expect(rows).toBeLessThan(count * 40);
    },
  );

  it('of minted readings costs what it shows', async () => {
    await sql.query(
      `INSERT INTO entry (id, account_id, source, type, format, assurance, received_at_ms, meter_id, starts_ms, ends_ms)
       SELECT gen_random_uuid(), 'owner-new', 'external', 'reading', 'reading/1', 'device-signature', 1, 'meter-new', 1, 2
       FROM generate_series(1, ${READINGS})`,
    );
    const list = new CountingSql(sql);
    const { items } = await new SqlReadingList(list as unknown as Sql).list({
      only: 'minted',
      accountId: 'owner-new',
      order: 'newest',
      limit: 5,
    });
    expect(items).toEqual([]);
    expect(list.rows).toBeLessThan(25);
  });
});
