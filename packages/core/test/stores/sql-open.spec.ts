import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { FolderLock } from '../../src/stores/mikro-orm/folder-lock.js';
import { migrate } from '../../src/stores/mikro-orm/migrate.js';
import { MIGRATIONS } from '../../src/stores/mikro-orm/migrations/migrations.js';
import { openStore } from '../../src/stores/mikro-orm/open-store.js';
import { PgSql } from '../../src/stores/mikro-orm/pg.sql.js';
import type { Sql } from '../../src/stores/mikro-orm/sql.js';
import { StoreUnavailable } from '../../src/stores/store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { entryRow, issueReceipts, kinds } from './sql-rows.js';
import { limits, silent } from './sql-log.js';
import { startPostgres, type TestPostgres } from '../../src/testing/postgres/start-postgres.js';

const options = { logger: silent, clock: new FakeClock() };

describe('Opening a store on PostgreSQL', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres({ fsync: true });
  });
  afterAll(async () => {
    await server?.remove();
  });
  const look = (url: string) => new PgSql(url, { logger: silent, ...limits });

  test('several replicas that start at once migrate a new database once', async () => {
    const url = await server.createDatabase();
    const stores = await Promise.all([1, 2, 3].map(() => openStore(url, options)));
    const sql = look(url);
    const applied = await sql.query<{ name: string }>(
      'SELECT name FROM wattproof_migration ORDER BY id',
    );
    expect(applied.map(({ name }) => name)).toEqual(MIGRATIONS.map(({ name }) => name));
    await Promise.all([sql, ...stores].map((open) => open.close()));
  });

  test('a schema that a newer version made is refused', async () => {
    const url = await server.createDatabase();
    await (await openStore(url, options)).close();
    const sql = look(url);
    await sql.query(`INSERT INTO wattproof_migration (name) VALUES ('9999-from-the-future')`);
    await expect(openStore(url, options)).rejects.toMatchObject({ code: 'store_too_new' });
    await sql.close();
  });

  test('a store keeps the origin it was first opened with and refuses another', async () => {
    const url = await server.createDatabase();
    await (await openStore(url, options)).close();
    const mine = { ...options, origin: 'log.example/mine' };
    for (let times = 0; times < 2; times += 1) await (await openStore(url, mine)).close();
    await expect(openStore(url, { ...options, origin: 'log.example/other' })).rejects.toMatchObject(
      { code: 'store_other_log' },
    );
    await (await openStore(url, mine)).close();
  });

  test('a server older than PostgreSQL 15 is refused before anything is written', async () => {
    const asked: string[] = [];
    const old: Sql = {
      kind: 'postgresql',
      query: async (text) => {
        asked.push(text);
        return [{ version: '140011' }] as never[];
      },
      transaction: async () => {
        throw new Error('nothing may be written');
      },
    };
    await expect(
      migrate({ kind: 'postgresql', sql: old, url: '' }, MIGRATIONS),
    ).rejects.toMatchObject({ code: 'store_too_old' });
    expect(asked).toHaveLength(1);
  });

  test('a database that does not wait for the disk is not called fsync', async () => {
    const url = await server.createDatabase();
    const safe = await openStore(url, options);
    expect(safe.durability).toBe('fsync');
    await safe.close();
    const hastyUrl = await server.createDatabase({ settings: { synchronous_commit: 'off' } });
    const hasty = await openStore(hastyUrl, options);
    expect(hasty.durability).toBe('process');
    const [row] = await hasty.ingest.commit([entryRow('hasty')], issueReceipts);
    expect(row?.receipt?.durability).toBe('process');
    await hasty.close();
  });

  test('a connection that breaks inside a group is reported as unavailable, and sending again is safe', async () => {
    const url = await server.createDatabase();
    const store = await openStore(url, options);
    const sql = look(url);
    const broken = store.ingest.commit([entryRow('cut')], async (rows) => {
      await sql.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
      return issueReceipts(rows);
    });
    await expect(broken).rejects.toThrow(StoreUnavailable);
    expect(kinds(await store.ingest.commit([entryRow('cut')], issueReceipts))).toEqual(['stored']);
    await sql.close();
    await store.close();
    await expect(store.ingest.commit([entryRow('late')], issueReceipts)).rejects.toThrow(
      StoreUnavailable,
    );
  });
});

describe('Opening what cannot be opened', () => {
  test('a server that is not there is unavailable, and its password is not repeated', async () => {
    const attempt = openStore('postgresql://u:secret-word@127.0.0.1:1/x', options);
    await expect(attempt).rejects.toThrow(StoreUnavailable);
    await expect(attempt).rejects.not.toThrow(/secret-word/);
    const foreign = openStore('mysql://u:secret-word@127.0.0.1/x', options);
    await expect(foreign).rejects.toMatchObject({ code: 'store_url' });
    await expect(foreign).rejects.not.toThrow(/secret-word/);
  });

  test('an embedded folder is held by one opener, and a lock of a process that is gone is taken over', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'wattproof-lock-'));
    const path = join(folder, 'lock');
    const lock = await FolderLock.take(path);
    await expect(FolderLock.take(path)).rejects.toMatchObject({ code: 'store_in_use' });
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
    // No process has this id: it is above the largest that Linux gives.
    await writeFile(path, JSON.stringify({ host: hostname(), pid: 2 ** 22 + 1, bootedAtMs: 0 }));
    await (await FolderLock.take(path)).release();
    await rm(folder, { recursive: true });
  });
});
