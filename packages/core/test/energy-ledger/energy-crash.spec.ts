import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Journaled } from '../../src/logs/journal.js';
import { migrate } from '../../src/stores/mikro-orm/migrate.js';
import { MIGRATIONS } from '../../src/stores/mikro-orm/migrations/migrations.js';
import { PgliteSql } from '../../src/stores/mikro-orm/pglite.sql.js';
import { openPglite } from '../stores/open-pglite.js';
import type { SqlDatabase } from '../../src/stores/mikro-orm/sql.js';
import { SqlStore } from '../../src/stores/mikro-orm/sql-store.js';
import { storeLimits } from '../../src/stores/mikro-orm/store-options.js';
import type { Store } from '../../src/stores/store.js';
import { Cut, type CutMoment, CutPoint } from '../../src/testing/cut-at-await.js';
import { silentLogger } from '../../src/testing/silent-logger.js';
import { BOTH, MeteredHouse, NOON_MS } from '../../src/testing/store-suite/metered-house.js';
import {
  QUARTER_MS,
  sampleEntry,
  sampleReading,
} from '../../src/testing/store-suite/sample-rows.js';
import { StoreScene } from '../../src/testing/store-suite/store-scene.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { CutSql } from './cut-sql.js';
import { compareWithPlainSums } from './ledger-pair.js';

const keyOf = (logHash: Uint8Array): Uint8Array =>
  createHmac('sha256', 'a pepper').update(logHash).digest();
const NIGHTLY = process.env['WATTPROOF_NIGHTLY'] !== undefined;
/** Every one by night: more than 500 points. */
const POINTS_BY_DAY = 8;

function storeOver(sql: SqlDatabase): Store {
  return new SqlStore(sql, {
    durability: 'memory',
    limits: storeLimits.parse({}),
    logger: silentLogger,
    random: () => 0.5,
    release: async () => {},
  });
}

/** Commands as their senders give them: told again until somebody answers. */
function commandsOf(house: MeteredHouse): readonly ((store: Store) => Promise<unknown>)[] {
  const { meterId, accountId, fingerprint, say } = house;
  const rows = house.readings(3);
  const corrected = sampleReading({
    accountId,
    reading: {
      ...rows[0]!.reading!,
      energies: [{ register: 'generation', energyUWh: 90_000_000n }],
      supersedes: rows[0]!.logHash,
    },
  });
  const later = sampleReading({
    accountId,
    reading: {
      meterId,
      fingerprint,
      startsMs: NOON_MS + 4 * QUARTER_MS,
      endsMs: NOON_MS + 5 * QUARTER_MS,
    },
  });
  const commit = (all: typeof rows) => (store: Store) =>
    store.ingest.commit(all, (given) => house.scene.issue(given));
  const credit = (all: typeof rows) => (store: Store) =>
    store.energy.credit(
      all.map(({ id, reading }) => ({
        entryId: id,
        ...(reading?.supersedes === undefined
          ? {}
          : { supersedes: Buffer.from(reading.supersedes).toString('hex') }),
      })),
      BOTH,
      say,
    );
  const claim = (key: string, energyUWh: bigint, quarters: readonly number[]) => (store: Store) =>
    store.energy.claim(
      [
        house.claim(`${meterId} ${key}`, energyUWh, { purpose: 'token-with-origin' }, quarters),
        house.claim(`${meterId} ${key}`, energyUWh, { purpose: 'sale' }, quarters),
      ],
      'device-signature',
      say,
    );
  const hold = (store: Store) =>
    store.energy.hold(
      {
        key: `${meterId} h`,
        meterId,
        class: 'energy',
        startsMs: NOON_MS + 4 * QUARTER_MS,
        endsMs: NOON_MS + 6 * QUARTER_MS,
        energyUWh: 400_000_000n,
      },
      1,
    );
  const moved = sampleReading({
    accountId,
    reading: {
      ...rows[1]!.reading!,
      startsMs: NOON_MS + 8 * QUARTER_MS,
      endsMs: NOON_MS + 9 * QUARTER_MS,
      supersedes: rows[1]!.logHash,
    },
  });
  const movedAgain = sampleReading({
    accountId,
    reading: {
      ...moved.reading!,
      startsMs: NOON_MS + 10 * QUARTER_MS,
      endsMs: NOON_MS + 11 * QUARTER_MS,
      supersedes: moved.logHash,
    },
  });
  const buyer = `${accountId} buyer`;
  const handOverMs = NOON_MS + 24 * QUARTER_MS;
  const transferId = `transfer ${meterId}`;
  const bought = sampleReading({
    accountId: buyer,
    reading: {
      ...moved.reading!,
      startsMs: handOverMs,
      endsMs: handOverMs + QUARTER_MS,
      supersedes: moved.logHash,
    },
  });
  const promise = (key: string) => (store: Store) =>
    store.energy.hold(
      {
        key: `${meterId} ${key}`,
        meterId,
        class: 'energy',
        startsMs: NOON_MS + 20 * QUARTER_MS,
        endsMs: NOON_MS + 24 * QUARTER_MS,
        energyUWh: 500_000_000n,
      },
      1,
    );
  const erasedSaid = (): Journaled => ({
    rows: [sampleEntry({ source: 'system', type: 'erasure' })],
    issue: (given) => house.scene.issue(given),
  });
  const move = (from: 'active' | 'suspended', to: 'active' | 'suspended') => (store: Store) =>
    store.meters.setState(meterId, from, to, unjournaled);
  return [
    commit(rows),
    hold,
    credit(rows),
    claim('first', 100_000_000n, [0, 1, 2]),
    commit([corrected]),
    credit([corrected, rows[0]!]),
    claim('second', 40_000_000n, [1, 2]),
    move('active', 'suspended'),
    claim('third', 1n, [2]),
    move('suspended', 'active'),
    commit([later]),
    credit([later]),
    claim('fourth', 10_000_000n, [2]),
    (store) => store.energy.closeHold(`${meterId} h`, 'settle', say),
    promise('released'),
    (store) => store.energy.closeHold(`${meterId} released`, 'release', say),
    commit([moved]),
    credit([moved, rows[1]!]),
    claim('fifth', 5_000_000n, [2]),
    claim('fifth', 5_000_000n, [2]),
    promise('kept'),
    move('active', 'suspended'),
    credit([later, moved]),
    move('suspended', 'active'),
    (store) => store.erasures.erase([later.id, rows[2]!.id], NOON_MS, keyOf, erasedSaid),
    // Erased before it is credited: that it had replaced another is heard.
    commit([movedAgain]),
    (store) => store.erasures.erase([movedAgain.id], NOON_MS, keyOf, erasedSaid),
    credit([movedAgain]),
    (store) =>
      store.meters.offerTransfer(
        {
          id: transferId,
          meterId,
          fromAccount: accountId,
          toAccount: buyer,
          state: 'offered',
          expiresAtMs: handOverMs + 1,
          effectiveAtMs: handOverMs,
          offeredAtMs: handOverMs,
        },
        unjournaled,
      ),
    (store) =>
      store.meters.acceptTransfer(
        { transferId, accountId: buyer, atMs: handOverMs },
        () => unjournaled,
      ),
    commit([bought]),
    credit([bought]),
    claim('sixth', 7_000_000n, [24]),
  ];
}

async function balances(house: MeteredHouse): Promise<unknown> {
  const all = [];
  for (const side of ['energy', 'attribute'] as const)
    for (const one of await house.statements(side))
      all.push([
        side,
        (one.startsMs - NOON_MS) / QUARTER_MS,
        one.accountId === house.accountId ? 'seller' : 'buyer',
        String(one.creditedUWh),
        String(one.claimedUWh),
        String(one.shortfallUWh),
        one.frozen,
        one.claims.map(({ purpose, energyUWh }) => `${purpose} ${energyUWh}`),
      ]);
  return all;
}

describe('The energy ledger on PGlite', () => {
  let sql: PgliteSql;
  let bare: Store;
  let scene: StoreScene;
  beforeAll(async () => {
    sql = await openPglite();
    await migrate({ kind: 'pglite', sql }, MIGRATIONS);
    bare = storeOver(sql);
    scene = new StoreScene({ name: 'cut', open: async () => bare });
  });
  afterAll(() => bare.close());

  /** Runs all commands; after the cut a new process says the same again, and sometimes what was answered already. */
  async function run(cut: CutPoint, replays: boolean): Promise<MeteredHouse> {
    const house = new MeteredHouse(scene, bare);
    await house.register();
    let store = storeOver(new CutSql(sql, cut));
    for (const command of commandsOf(house)) {
      try {
        await command(store);
      } catch (error) {
        if (!(error instanceof Cut) && !(error as Error).message.includes('cut at')) throw error;
        store = bare;
        await command(store);
      }
      if (replays && command.length > 0) await command(store === bare ? bare : storeOver(sql));
    }
    return house;
  }

  it('does what a ledger of plain sums would do, whatever happens in whatever order', () =>
    compareWithPlainSums(scene, NIGHTLY ? 500 : 3));

  it('loses no balance when a process dies anywhere, nor by a command that is given again', async () => {
    const whole = new CutPoint(Infinity);
    const expected = await balances(await run(whole, false));
    expect(expected).toContainEqual(['energy', 8, 'seller', '0', '0', '0', false, []]);
    const sold = ['token-with-origin 7000000', 'sale 7000000'];
    expect(expected).toContainEqual([
      'energy',
      24,
      'buyer',
      '250000000',
      '14000000',
      '0',
      false,
      sold,
    ]);
    expect(await balances(await run(new CutPoint(Infinity), true))).toEqual(expected);
    const points = Array.from({ length: whole.calls }, (_, at) => at + 1).flatMap((at) =>
      (['before', 'after'] as const).map((moment): readonly [number, CutMoment] => [at, moment]),
    );
    const step = NIGHTLY ? 1 : Math.ceil(points.length / POINTS_BY_DAY);
    let runs = 0;
    for (const replays of NIGHTLY ? [false, true] : [true])
      for (let place = 0; place < points.length; place += step) {
        const [at, moment] = points[place]!;
        const cut = new CutPoint(at, moment);
        const found = await balances(await run(cut, replays));
        expect([cut.cutAt, found]).toEqual([cut.cutAt, expected]);
        expect(cut.cutAt).toBeDefined();
        runs += 1;
      }
    process.stdout.write(`energy ledger: ${runs} crash points, every balance as without\n`);
  });
});
