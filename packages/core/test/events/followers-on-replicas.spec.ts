import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Followers } from '../../src/events/followers.js';
import { silentLogger } from '../../src/gateway/gateway-options.js';
import { migrate } from '../../src/stores/mikro-orm/migrate.js';
import { MIGRATIONS } from '../../src/stores/mikro-orm/migrations/migrations.js';
import { SqlOutbox } from '../../src/stores/mikro-orm/outbox.js';
import { PgSql } from '../../src/stores/mikro-orm/pg.sql.js';
import { storeLimits } from '../../src/stores/mikro-orm/store-options.js';
import { startPostgres, type TestPostgres } from '../../src/testing/postgres/start-postgres.js';

const ROUNDS = 40;

describe('Followers on two replicas of one PostgreSQL', () => {
  let server: TestPostgres;
  let replicas: PgSql[] = [];
  beforeAll(async () => {
    server = await startPostgres();
    const url = await server.createDatabase();
    replicas = [0, 1].map(
      () => new PgSql(url, { logger: silentLogger, ...storeLimits.parse({ poolSize: 4 }) }),
    );
    await migrate({ kind: 'postgresql', sql: replicas[0]!, url }, MIGRATIONS);
  });
  afterAll(async () => {
    for (const sql of replicas) await sql.close();
    await server?.remove();
  });

  it('both hear everything that either commits, in one order, each event once', async () => {
    const outboxes = replicas.map((sql) => new SqlOutbox(sql));
    await outboxes[0]!.tell([{ type: 'a.before', atMs: 0, data: {} }]);
    const heard: string[][] = [[], []];
    const followers = outboxes.map((outbox, replica) => {
      const mine = new Followers(outbox, silentLogger);
      const { ready } = mine.follow(['a.*'], (events) =>
        heard[replica]!.push(...events.map(({ id, data }) => `${id} ${String(data['n'])}`)),
      );
      return { mine, ready };
    });
    await Promise.all(followers.map(({ ready }) => ready));
    let writing = true;
    const write = async (writer: number): Promise<void> => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const data = { n: `${writer}/${round}` };
        await outboxes[writer]!.tell([{ type: 'a.event', atMs: round, data }]);
      }
    };
    const look = async ({ mine }: { mine: Followers }): Promise<void> => {
      while (writing) await mine.look();
      await mine.look();
    };
    const looks = Promise.all(followers.map(look));
    await Promise.all([write(0), write(1)]);
    writing = false;
    await looks;
    expect(heard[0]).toHaveLength(2 * ROUNDS);
    expect(heard[1]).toEqual(heard[0]);
    expect(heard[0]).toEqual(heard[0]!.toSorted());
    expect(new Set(heard[0]!.map((line) => line.split(' ')[1])).size).toBe(2 * ROUNDS);
  });
});
