import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger } from '../../../src/gateway/gateway-options.js';
import { MIGRATIONS } from '../../../src/stores/mikro-orm/migrations/migrations.js';
import { migrate } from '../../../src/stores/mikro-orm/migrate.js';
import { openPglite } from '../../stores/open-pglite.js';
import type { SqlDatabase } from '../../../src/stores/mikro-orm/sql.js';
import { SqlStore } from '../../../src/stores/mikro-orm/sql-store.js';
import { storeLimits } from '../../../src/stores/mikro-orm/store-options.js';
import type { Store } from '../../../src/stores/store.js';
import { type CutMoment, CutPoint } from '../../../src/testing/cut-at-await.js';
import { CutSql } from '../../energy-ledger/cut-sql.js';
import { DispatcherScene, DOWN, OK } from './dispatcher-scene.js';

const NIGHTLY = process.env['WATTPROOF_NIGHTLY'] === '1';
const POINTS_BY_DAY = 10;

function storeOver(sql: SqlDatabase): Store {
  return new SqlStore(sql, {
    durability: 'memory',
    limits: storeLimits.parse({}),
    logger: silentLogger,
    random: () => 0.5,
    release: async () => undefined,
  });
}

describe('Webhooks over a database', () => {
  let sql: SqlDatabase;
  let bare: Store;
  beforeAll(async () => {
    const pglite = await openPglite();
    await migrate({ kind: 'pglite', sql: pglite }, MIGRATIONS);
    sql = pglite;
    bare = storeOver(sql);
  });
  afterAll(() => bare.close());

  async function run(cut: CutPoint): Promise<readonly string[]> {
    const scene = new DispatcherScene(
      { concurrency: 2 },
      { store: bare, label: `${cut.at} ${cut.moment} ` },
    );
    await scene.endpoint('a', { types: ['reading.*'] });
    await scene.endpoint('b', { types: ['reading.*'], inOrder: true });
    await scene.happen(3);
    let failed = false;
    scene.answer = (endpoint) => {
      const fails = !failed && endpoint === scene.named('a');
      failed ||= fails;
      return fails ? DOWN : OK;
    };
    const first = scene.process(undefined, storeOver(new CutSql(sql, cut)));
    for (let tick = 0; tick < 2; tick += 1) {
      // Whatever a dead process still says of the cut is heard by nobody.
      await first.tick().catch((error: unknown) => {
        if (cut.cutAt === undefined) throw error;
      });
      await scene.clock.advance(10_000);
    }
    for (let tick = 0; tick < 3; tick += 1) {
      await scene.process().tick();
      await scene.clock.advance(10_000);
    }
    const states = [...(await scene.states('a')), ...(await scene.states('b'))];
    expect([cut.cutAt, states]).toEqual([cut.cutAt, Array.from({ length: 6 }, () => 'delivered')]);
    return scene.arrived;
  }

  it('arrive once or twice when a process dies at any statement or commit', async () => {
    expect(await run(new CutPoint(Infinity, 'after'))).toHaveLength(7);
    // The first run has made the cursor: from here on each has as many statements, but for which lane comes first.
    const whole = new CutPoint(Infinity);
    await run(whole);
    const points = Array.from({ length: whole.calls }, (_, at) => at + 1).flatMap((at) =>
      (['before', 'after'] as const).map((moment): readonly [number, CutMoment] => [at, moment]),
    );
    const step = NIGHTLY ? 1 : Math.ceil(points.length / POINTS_BY_DAY);
    let runs = 0;
    for (let place = 0; place < points.length; place += step) {
      const [at, moment] = points[place]!;
      const cut = new CutPoint(at, moment);
      const arrived = await run(cut);
      const times = [...Map.groupBy(arrived, (line) => line).values()].map(({ length }) => length);
      expect([cut.cutAt, times.length]).toEqual([cut.cutAt, 6]);
      // Three requests may be under way at once; one more where an attempt failed.
      expect([cut.cutAt, Math.max(...times) <= 3, arrived.length <= 7 + 3]).toEqual([
        cut.cutAt,
        true,
        true,
      ]);
      if (cut.cutAt !== undefined) runs += 1;
    }
    expect(runs).toBeGreaterThan((points.length / step) * 0.8);
    process.stdout.write(`webhooks over SQL: ${runs} crash points of ${points.length}\n`);
  });

  it('arrive, each at most once from either, when two replicas send at the same time', async () => {
    const scene = new DispatcherScene({}, { store: bare, label: 'two ' });
    await scene.endpoint('a', { types: ['reading.*'] });
    await scene.endpoint('b', { types: ['reading.*'], inOrder: true });
    await scene.happen(20);
    const [one, other] = [scene.process(), scene.process()];
    await Promise.all([one.tick(), other.tick()]);
    const times = [...Map.groupBy(scene.arrived, (line) => line).values()];
    expect(times).toHaveLength(40);
    expect(Math.max(...times.map(({ length }) => length))).toBeLessThanOrEqual(2);
    expect(new Set([...(await scene.states('a')), ...(await scene.states('b'))])).toEqual(
      new Set(['delivered']),
    );
  });
});
