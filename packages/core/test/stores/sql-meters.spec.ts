import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ownerAt } from '../../src/devices/meter-ownership.js';
import type { MeterTransfer } from '../../src/devices/meter-transfer.js';
import { migrate } from '../../src/stores/mikro-orm/migrate.js';
import { MIGRATIONS } from '../../src/stores/mikro-orm/migrations/migrations.js';
import { openStore } from '../../src/stores/mikro-orm/open-store.js';
import { PgSql } from '../../src/stores/mikro-orm/pg.sql.js';
import type { Store } from '../../src/stores/store.js';
import { startPostgres, type TestPostgres } from '../../src/testing/postgres/start-postgres.js';
import { silentLogger } from '../../src/testing/silent-logger.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { differences, live } from '../devices/meter-flows.js';
import { TestClock } from '../ingestion/ingestion-fixture.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { limits, silent } from './sql-log.js';
import { meter, MORNING_MS } from './sql-rows.js';

const NIGHTLY = process.env['WATTPROOF_NIGHTLY'] === '1';
/** Quarters of an hour: by night a year, among four other meters' years. */
const QUARTERS = (NIGHTLY ? 365 : 30) * 96;
const OTHERS = NIGHTLY ? 4 : 1;

describe('Meters in PostgreSQL', () => {
  const clock = new TestClock(MORNING_MS);
  let server: TestPostgres;
  let store: Store;
  let sql: PgSql;
  beforeAll(async () => {
    server = await startPostgres();
    const url = await server.createDatabase();
    store = await openStore(url, { clock, logger: silentLogger });
    sql = new PgSql(url, { logger: silent, ...limits });
  });
  afterAll(async () => {
    await sql?.close();
    await store?.close();
    await server?.remove();
  });

  test('follow from the log, whatever was done to them', async () => {
    expect(await live(store, clock, 150, 7)).toBeGreaterThan(20);
    expect(await differences(store)).toEqual([]);
  });

  test('that were registered before owners had a history keep theirs', async () => {
    const url = await server.createDatabase();
    const old = new PgSql(url, { logger: silent, ...limits });
    const before = MIGRATIONS.filter(({ name }) => name < '0006');
    await migrate({ kind: 'postgresql', sql: old, url }, before);
    for (const state of ['pending', 'active', 'retired'])
      await old.query(
        `INSERT INTO meter (meter_id, account_id, owner, fingerprint, state, registered_at_ms)
         VALUES ($1, 'ada', 'Ada', $2, $1, 1)`,
        [state, Buffer.from(state)],
      );
    await old.close();
    const renewed = await openStore(url, { clock, logger: silentLogger });
    const { items } = await renewed.meters.list({ everOwnedBy: 'ada', limit: 10 });
    expect(items.map(({ meterId, admitted }) => [meterId, admitted])).toEqual([
      ['active', true],
      ['pending', undefined],
      ['retired', undefined],
    ]);
    const offer = {
      id: 'transfer_of_old',
      meterId: 'active',
      fromAccount: 'ada',
      toAccount: 'bob',
      state: 'offered',
      expiresAtMs: clock.ms + 1,
      offeredAtMs: clock.ms,
    } as const;
    await renewed.meters.offerTransfer(offer, unjournaled);
    const acceptance = { transferId: offer.id, accountId: 'bob', atMs: clock.ms };
    await renewed.meters.acceptTransfer(acceptance, () => unjournaled);
    expect((await renewed.meters.get('active'))?.formerOwners).toEqual([
      { accountId: 'ada', owner: 'Ada', untilMs: clock.ms },
    ]);
    await renewed.close();
  });

  test('never have two owners at one millisecond, whoever writes at once', async () => {
    const device = new TestDevice('contested');
    await store.meters.register(device.stored('active', { accountId: 'ada' }), unjournaled);
    await sql.query(`DELETE FROM meter_ownership WHERE meter_id = 'contested'`);
    // Twenty owners, each wants a hundred milliseconds; who starts exactly where another ends is not in its way.
    const spans = Array.from({ length: 20 }, (_, i) => 50 * ((i * 7) % 20));
    const answers = await Promise.all(
      spans.map((from) =>
        sql
          .query(
            `INSERT INTO meter_ownership (meter_id, account_id, span) VALUES ('contested', $1, int8range($2, $3))`,
            [`owner-${from}`, from, from + 100],
          )
          .then(
            () => 'written',
            (error: { sqlState?: string }) => error.sqlState,
          ),
      ),
    );
    const taken = spans.filter((_, i) => answers[i] === 'written').sort((a, b) => a - b);
    // Writers that wait for each other in a circle are told so; a store tries those again.
    expect(['written', '23P01', '40P01']).toEqual(expect.arrayContaining([...new Set(answers)]));
    expect(taken.length).toBeGreaterThan(0);
    expect(taken.every((from, i) => i === 0 || from >= taken[i - 1]! + 100)).toBe(true);
    const touching = `INSERT INTO meter_ownership (meter_id, account_id, span) VALUES ('contested', 'x', int8range($1, $2))`;
    await sql.query(touching, [1_049_999, 1_050_000]);
    await sql.query(touching, [1_050_000, 1_050_001]);
    await expect(sql.query(touching, [1_049_998, 1_050_000])).rejects.toMatchObject({
      sqlState: '23P01',
    });
  });

  test('go from owner to owner while offers, acceptances and suspensions race', async () => {
    const { meters } = store;
    const device = new TestDevice('wanted');
    await meters.register(device.stored('active', { accountId: 'owner-0' }), unjournaled);
    const nowMs = clock.ms;
    let handed = 0;
    for (let round = 1; round <= 8; round += 1) {
      const offer: MeterTransfer = {
        id: `transfer_race_${round}`,
        meterId: 'wanted',
        fromAccount: `owner-${handed}`,
        toAccount: `owner-${round}`,
        state: 'offered',
        expiresAtMs: nowMs + 10_000,
        offeredAtMs: nowMs + round,
      };
      expect((await meters.offerTransfer(offer, unjournaled)).kind).toBe('done');
      const acceptance = {
        transferId: offer.id,
        accountId: offer.toAccount,
        atMs: nowMs + round,
      };
      const [suspended, ...answers] = await Promise.all([
        round % 2 === 0 && meters.setState('wanted', 'active', 'suspended', unjournaled),
        ...Array.from({ length: 6 }, () => meters.acceptTransfer(acceptance, () => unjournaled)),
      ]);
      const done = answers.filter(({ kind }) => kind === 'done').length;
      expect(done).toBe(suspended ? Math.min(done, 1) : 1);
      if (done === 1) handed = round;
      if (suspended) await meters.setState('wanted', 'suspended', 'active', unjournaled);
      await meters.withdrawTransfer(offer.id, nowMs + round, unjournaled);
    }
    const stored = (await meters.get('wanted'))!;
    expect(stored.accountId).toBe(`owner-${handed}`);
    const rows = await sql.query<{ account_id: string; span: string }>(
      `SELECT account_id, span::text AS span FROM meter_ownership WHERE meter_id = 'wanted' ORDER BY span`,
    );
    expect(rows).toHaveLength(1 + (stored.formerOwners?.length ?? 0));
    for (let ms = nowMs - 1; ms <= nowMs + 9; ms += 1) {
      const at = await sql.query<{ account_id: string }>(
        `SELECT account_id FROM meter_ownership WHERE meter_id = 'wanted' AND span @> $1::int8`,
        [ms],
      );
      expect([ms, at]).toEqual([ms, [{ account_id: ownerAt(stored, ms).accountId }]]);
    }
  });

  test('tell of quarters of an hour from the index, among as many of others', async () => {
    const { fingerprint } = meter('year');
    const hex = Buffer.from(fingerprint).toString('hex');
    // Every hundredth is missing; every thousandth is flagged, and one in between held.
    // In parts: one statement has its time.
    for (let from = 0; from < QUARTERS; from += QUARTERS / 10)
      await sql.query(
        `WITH made AS (
         SELECT gen_random_uuid() AS id, i, m, $2::int8 + i * 900000 AS starts
         FROM generate_series($3::int8, $4::int8 - 1) AS i, generate_series(0, $5::int4) AS m WHERE i % 100 <> 0),
       entries AS (INSERT INTO entry (id, account_id, source, type, format, assurance, received_at_ms, meter_id, starts_ms, ends_ms)
         SELECT id, 'ada', 'external', 'reading', 'reading/1', 'device-signature', starts + 900001,
           CASE WHEN m = 0 THEN 'year' ELSE 'other-' || m END, starts, starts + 900000 FROM made ORDER BY i, m),
       spans AS (INSERT INTO reading_interval (meter_register, span, entry_id)
         SELECT encode(substr(sha256(decode($1, 'hex') || convert_to('generation' || CASE WHEN m = 0 THEN '' ELSE m::text END, 'UTF8')), 1, 16), 'hex')::uuid,
           int8range(starts, starts + 900000), id FROM made ORDER BY i, m)
       INSERT INTO verdict (entry_id, group_id, receipt_index, verdict, assurance, rule_set)
         SELECT id, i, m, CASE i % 1000 WHEN 502 THEN 'quarantined' WHEN 501 THEN 'flagged' ELSE 'accepted' END, 'device-signature', 'rules'
         FROM made`,
        [hex, MORNING_MS, from, from + QUARTERS / 10, OTHERS],
      );
    await sql.query('ANALYZE');
    const range = { fromMs: MORNING_MS, toMs: MORNING_MS + QUARTERS * 900_000 };
    const query = { fingerprint, register: 'generation', ...range, limit: 20 };
    const timed = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
      await work();
      const began = performance.now();
      const answer = await work();
      return [answer, Math.round(performance.now() - began)];
    };
    const [gaps, gapsMs] = await timed(() => store.meters.gaps(query));
    expect(gaps).toHaveLength(20);
    expect(gaps[0]).toEqual({
      startsMs: MORNING_MS + 100 * 900_000,
      endsMs: MORNING_MS + 101 * 900_000,
      missing: 1,
    });
    const [received, receivedMs] = await timed(() =>
      store.meters.received({ meterId: 'year', ...range }),
    );
    const count = (of: (i: number) => boolean) =>
      Array.from({ length: QUARTERS }, (_, i) => i).filter(of).length;
    const flagged = count((i) => i % 1000 === 501);
    const quarantined = count((i) => i % 1000 === 502);
    const accepted = count((i) => i % 100 > 0) - flagged - quarantined;
    expect(received).toMatchObject({ accepted, flagged, quarantined });
    const plan = await sql.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT lower(span) FROM reading_interval WHERE meter_register = $1::uuid AND span && int8range($2, $3)`,
      [hex.slice(0, 32), range.fromMs, range.fromMs + 31 * 96 * 900_000],
    );
    const lines = plan.map((row) => row['QUERY PLAN']).join('\n');
    expect(lines).toMatch(/reading_interval_overlap/);
    expect(lines).not.toMatch(/Seq Scan/);
    process.stdout.write(
      `health of a meter with ${QUARTERS} readings among ${OTHERS} others: gaps ${gapsMs} ms, counts ${receivedMs} ms\n`,
    );
  });
});
