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
import { fakeSeal, openPgLog, type SqlLog } from './sql-log.js';
import { startPostgres, type TestPostgres } from '../../src/testing/postgres/start-postgres.js';

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
});
