import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  readingRow,
  entryRow,
  issueReceipts,
  kinds,
  meter,
  MORNING_MS,
  QUARTER_MS,
} from './sql-rows.js';
import { fakeSeal, limits, openPgLog, type SqlLog } from './sql-log.js';
import { SqlBatches } from '../../src/stores/mikro-orm/batches.js';
import { SqlEntries } from '../../src/stores/mikro-orm/entries.js';
import { EvidenceReads } from '../../src/stores/mikro-orm/evidence-reads.js';
import type { QueryOptions, Sql, SqlDatabase, SqlValue } from '../../src/stores/mikro-orm/sql.js';
import { SqlStore } from '../../src/stores/mikro-orm/sql-store.js';
import type { Store } from '../../src/stores/store.js';
import { startPostgres, type TestPostgres } from '../../src/testing/postgres/start-postgres.js';
import { silentLogger } from '../../src/testing/silent-logger.js';
import { BOTH, MeteredHouse } from '../../src/testing/store-suite/metered-house.js';
import { StoreScene } from '../../src/testing/store-suite/store-scene.js';

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

describe('Writers that meet in PostgreSQL', () => {
  let server: TestPostgres;
  let log: SqlLog;
  beforeAll(async () => {
    server = await startPostgres();
    log = await openPgLog(await server.createDatabase());
  });
  afterAll(async () => {
    await log?.sql.close();
    await server?.remove();
  });

  test('arrays arrive as they were given, whatever is in them', async () => {
    const long = 'ü'.repeat(300);
    const given = {
      text: ['a', 'a', null, '', 'null', '"{\\,}"', long, 'a'],
      bytea: [Buffer.of(0, 255), null, Buffer.alloc(0), Buffer.of(0, 255)],
      uuid: ['00112233445566778899aabbccddeeff', '00112233-4455-6677-8899-AABBCCDDEEFF'],
      int8: [0, -1, -(2 ** 40), 2 ** 53 - 1, 2n ** 63n - 1n, -(2n ** 63n), null],
      int4: [0, -1, 2 ** 31 - 1, null],
      bool: [true, false, null],
    };
    for (const [type, items] of Object.entries(given)) {
      const texts = items.map((item) =>
        item instanceof Uint8Array ? `\\x${Buffer.from(item).toString('hex')}` : item,
      );
      const rows = await log.sql.query(
        `SELECT k.same FROM (SELECT count(*) AS n, bool_and(a.item IS NOT DISTINCT FROM b.item::${type}) AS same
           FROM unnest($1::${type}[]) WITH ORDINALITY AS a (item, place)
           JOIN jsonb_array_elements_text($2::jsonb) WITH ORDINALITY AS b (item, place) USING (place)) k
         WHERE k.n = ${items.length}`,
        [items, JSON.stringify(texts, (_, v: unknown) => (typeof v === 'bigint' ? `${v}` : v))],
      );
      expect([type, rows]).toEqual([type, [{ same: true }]]);
    }
    // What is not of the type goes as text, so that the server says what is wrong.
    for (const wrong of [[2n ** 63n], [1.5], ['one']])
      await expect(log.sql.query('SELECT $1::int8[]', [wrong])).rejects.toMatchObject({
        sqlState: expect.stringMatching(/^22/),
      });
  });

  test('what proofs read is planned once for a connection, not for every proof', async () => {
    await log.sql.transaction(async (tx) => {
      const entries = new SqlEntries(tx, limits);
      const batches = new SqlBatches(tx, limits);
      const evidence = new EvidenceReads(tx, limits);
      for (let i = 0; i < 7; i += 1) {
        const id = `log_${String(i).padStart(32, '0')}`;
        await Promise.all([entries.get(id), entries.leaf(id), entries.receipt(id)]);
        await Promise.all([batches.tile(0, 0, i), evidence.covering('local', BigInt(i))]);
      }
      // The first five executions are always planned for their own parameters.
      const planned = await tx.query('SELECT name, custom_plans::int4 FROM pg_prepared_statements');
      expect(planned).toHaveLength(6);
      expect(planned.filter(({ custom_plans }) => custom_plans !== 5)).toEqual([]);
    });
  });

  test('the same bytes sent by eight connections at once become one entry with one receipt', async () => {
    // Eight connections that are already there, or the first sender is done before the last one begins.
    await Promise.all(Array.from({ length: 8 }, () => log.sql.query('SELECT pg_sleep(0.05)')));
    const rows = Array.from({ length: 400 }, (_, i) => ({
      text: `storm ${i}`,
      reading: { startsMs: MORNING_MS + i * QUARTER_MS, endsMs: MORNING_MS + (i + 1) * QUARTER_MS },
    }));
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, sender) => {
        // Every sender has its own order: only the store's sorting keeps them from locking each other out.
        const turned = sender % 2 === 0 ? rows : rows.toReversed();
        return log.ingest.commit(
          turned.map(({ text, reading }) => readingRow(text, { reading })),
          issueReceipts,
        );
      }),
    );
    const outcomes = answers.flat();
    expect(outcomes.filter(({ outcome }) => outcome.kind === 'stored')).toHaveLength(400);
    expect(outcomes.filter(({ outcome }) => outcome.kind === 'duplicate')).toHaveLength(2_800);
    // Nobody waited for somebody who waited for him: everyone locks in one order.
    expect(log.ingest.counts.retried).toBe(0);
    const receiptsById = new Map<string, Set<string>>();
    for (const { receipt } of outcomes) {
      const leaf = Buffer.from(receipt?.leaves[receipt.index] ?? []).toString('hex');
      const id = receipt?.entryId ?? 'none';
      receiptsById.set(id, (receiptsById.get(id) ?? new Set()).add(leaf));
    }
    expect(receiptsById.size).toBe(400);
    expect([...receiptsById.values()].every((leaves) => leaves.size === 1)).toBe(true);
    expect((await log.entries.list({ limit: 1_000, meterId: 'meter-1' })).items).toHaveLength(400);
  });

  test('of overlapping readings sent at once exactly one is stored and the others leave nothing', async () => {
    const { fingerprint, meterId } = meter('raced');
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        log.ingest.commit(
          [
            readingRow(`race ${i}`, {
              reading: {
                fingerprint,
                meterId,
                startsMs: MORNING_MS + i * 1_000,
                endsMs: MORNING_MS + QUARTER_MS + i * 1_000,
              },
            }),
          ],
          issueReceipts,
        ),
      ),
    );
    const outcomes = kinds(answers.flat()).toSorted();
    expect(outcomes).toEqual([...Array<string>(7).fill('interval_overlap'), 'stored']);
    const [left] = await log.sql.query<Record<string, bigint>>(
      `SELECT (SELECT count(*) FROM entry_body WHERE convert_from(bytes, 'UTF8') LIKE 'race %') AS bodies,
         (SELECT count(*) FROM entry WHERE meter_id = 'raced') AS entries,
         (SELECT count(*) FROM reading WHERE fingerprint = $1) AS readings,
         (SELECT count(*) FROM reading_interval i JOIN entry e ON e.id = i.entry_id WHERE e.meter_id = 'raced') AS intervals`,
      [fingerprint],
    );
    expect(left).toEqual({ bodies: 1n, entries: 1n, readings: 1n, intervals: 1n });
  });

  test('with rollbacks among four writers and eight sealers every entry gets exactly one position, without gaps', async () => {
    while (
      (await log.batches.seal({ maxEntries: 1_000, requireExternal: false }, fakeSeal)) !==
      undefined
    );
    const before = (await log.batches.head())?.number ?? -1;
    const committed = new Set<string>();
    let rolledBack = 0;
    const write = async (writer: number) => {
      for (let group = 0; group < 40; group += 1) {
        const rows = Array.from({ length: 7 }, (_, i) => entryRow(`${writer}/${group}/${i}`));
        const fails = group % 10 === writer;
        try {
          const done = await log.ingest.commit(rows, (asked) => {
            if (fails) throw new Error('no receipt');
            return issueReceipts(asked);
          });
          for (const { receipt } of done) committed.add(receipt?.entryId ?? '');
        } catch (error) {
          expect(String(error)).toBe('Error: no receipt');
          rolledBack += 1;
        }
      }
    };
    let writing = true;
    const seal = async () => {
      for (;;) {
        const last = !writing;
        const batch = await log.batches.seal({ maxEntries: 31, requireExternal: false }, fakeSeal);
        if (batch === undefined && last) return;
      }
    };
    const sealers = Array.from({ length: 8 }, seal);
    await Promise.all(Array.from({ length: 4 }, (_, writer) => write(writer)));
    writing = false;
    await Promise.all(sealers);

    expect(rolledBack).toBe(16);
    expect(committed.size).toBe(4 * 36 * 7);
    const positions = await log.sql.query<{ entry_id: string; position: bigint }>(
      `SELECT encode(substr(p.entry_ids, 16 * k + 1, 16), 'hex') AS entry_id, b.first + p.first_index + k AS position
       FROM batch_position p JOIN batch b ON b.number = p.batch_number, generate_series(0, p.count - 1) k
       WHERE b.number > $1 ORDER BY position`,
      [before],
    );
    const start = positions[0]?.position ?? 0n;
    expect(positions.map(({ position }) => position)).toEqual(
      positions.map((_, i) => start + BigInt(i)),
    );
    const sealed = positions.map(({ entry_id }) => `log_${entry_id}`);
    expect(new Set(sealed).size).toBe(sealed.length);
    expect(sealed.toSorted()).toEqual([...committed].toSorted());
    expect(await log.entries.unsealed()).toEqual({ external: 0, system: 0 });
  });

  test('a creditor that stalls until another has taken over forgets no claim that was made meanwhile', async () => {
    const storeOver = (sql: SqlDatabase): Store =>
      new SqlStore(sql, {
        durability: 'fsync',
        limits,
        logger: silentLogger,
        random: () => 0.5,
        release: async () => {},
      });
    const store = storeOver(log.sql);
    const scene = new StoreScene({ name: 'stalled', open: async () => store });
    const house = new MeteredHouse(scene, store);
    await house.register();
    const [row] = house.readings(1);
    await house.scene.commit(row!);
    const reached = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    const stalled = storeOver(
      new StalledSql(log.sql, { reach: reached.resolve, opened: opened.promise }),
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
      [{ waiting }] = (await log.sql.query(
        `SELECT count(*) AS waiting FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()`,
      )) as [{ waiting: bigint }];
    opened.resolve();
    await first;
    const answers = [...(await second), ...(await house.ask(house.claim('twice', 250_000_000n)))];
    expect(answers.map(({ kind }) => kind)).toEqual(['claimed', 'refused']);
    expect((await house.statements())[0]?.claimedUWh).toBe(250_000_000n);
  });

  test('bytes that come again while the first erasure of all is under way are refused', async () => {
    // Of a time that no test before it has taken.
    const span = { startsMs: MORNING_MS - QUARTER_MS, endsMs: MORNING_MS };
    const meanwhile = () => readingRow('erased meanwhile', { reading: span });
    const row = meanwhile();
    await log.ingest.commit([row], issueReceipts);
    const [body] = await log.sql.query<{ entry_id: string }>(
      'SELECT entry_id FROM entry_body WHERE log_hash = $1',
      [row.logHash],
    );
    let again: ReturnType<typeof log.ingest.commit> | undefined;
    await log.sql.transaction(async (tx) => {
      await tx.query('DELETE FROM entry_body WHERE entry_id = $1', [body!.entry_id]);
      await tx.query(
        `INSERT INTO erased_entry (entry_id, account_id, key, erased_at_ms) VALUES ($1, 'ada', $2, 1)`,
        [body!.entry_id, row.logHash],
      );
      again = log.ingest.commit([meanwhile()], issueReceipts, (hash) => hash);
      for (let waiting = 0n; waiting === 0n;)
        [{ waiting }] = (await tx.query(
          'SELECT count(*) AS waiting FROM pg_locks WHERE NOT granted',
        )) as [{ waiting: bigint }];
    });
    expect(kinds(await again!)).toEqual(['erased']);
  });
});
