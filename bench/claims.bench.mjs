/**
 * Claims of measured energy on PostgreSQL with fsync: one interval each on 50 hot accounts, many at once, and claims over many
 * intervals. Each is an entry of the log with a receipt. Beside it the bare statements a ledger without a log would run, one
 * transaction a claim, as probed when the ledger was designed.
 */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { startPostgres, startTestGateway } from '@wattproof/core/testing';
import { quantile, round } from './measure.mjs';

// The driver the store itself uses.
const pg = createRequire(fileURLToPath(import.meta.resolve('@wattproof/core/package.json')))('pg');

const quick = process.argv.includes('--quick');
const ACCOUNTS = 50;
const SINGLES = quick ? 2_000 : 20_000;
const ROUNDS = quick ? 1 : 3;
const BULK_INTERVALS = 1_000;
const BULK_CLAIMS = quick ? 10 : 60;
const HOUR_MS = 3_600_000;
const METER = 'bench-solar';

/** Of the row with as many claims at once as come, and of claims over many intervals. */
const SINGLES_PER_SECOND = 2_000;
const BULK_INTERVALS_PER_SECOND = 10_000;

export const name = 'claims of the energy ledger';

export async function run() {
  const postgres = await startPostgres({ fsync: true });
  try {
    const bare = await bareClaims(await postgres.createDatabase());
    const url = await postgres.createDatabase();
    const gateway = await startTestGateway({ config: { store: { url } } });
    try {
      const start = gateway.clock.nowMs() - 2 * BULK_INTERVALS * HOUR_MS;
      await credit(gateway.services, start);
      const rows = [bare];
      for (const inFlight of [1, 8, 256])
        rows.push(await singles(gateway.services, start, inFlight, bare.claimsPerSecond));
      rows.push(await bulk(gateway.services, start, bare.claimsPerSecond));
      return rows;
    } finally {
      await gateway.stop();
    }
  } finally {
    await postgres.remove();
  }
}

/** Hourly readings of one meter, with more energy than all claims together take. */
async function credit({ journal, store, energyLedger }, start) {
  await store.meters.register(
    {
      meterId: METER,
      accountId: 'bench',
      fingerprint: createHash('sha256').update(METER).digest(),
      state: 'active',
      keys: [],
      registeredAtMs: 0,
    },
    journal.entries([]),
  );
  for (let first = 0; first < BULK_INTERVALS; first += 250) {
    const facts = Array.from({ length: 250 }, (_, at) => ({
      type: 'audit',
      format: 'audit/1',
      accountId: 'bench',
      document: {
        v: 'audit/1',
        actor: 'bench',
        action: 'reading',
        subject: String(first + at),
        at: new Date(start).toISOString(),
      },
    }));
    const { rows, issue } = journal.entries(facts);
    const readings = rows.map((row, at) => ({
      ...row,
      source: 'external',
      type: 'reading',
      reading: {
        fingerprint: createHash('sha256').update(METER).digest(),
        siteId: 's',
        deviceId: 'd',
        meterId: METER,
        startsMs: start + (first + at) * HOUR_MS,
        endsMs: start + (first + at + 1) * HOUR_MS,
        energies: [{ register: 'generation', energyUWh: 9_000_000_000_000n }],
        estimated: false,
        occupies: true,
      },
    }));
    await store.ingest.commit(readings, issue);
    await energyLedger.credit(
      readings.map(({ id }) => ({ entryId: id, meterId: METER, registers: ['generation'] })),
    );
  }
}

async function singles({ energyLedger }, start, inFlight, ceiling) {
  const rates = [];
  const latencies = [];
  for (let made = 0; made < ROUNDS; made += 1) {
    const count = Math.min(SINGLES, inFlight * 400);
    let next = 0;
    const startedAt = performance.now();
    await Promise.all(
      Array.from({ length: inFlight }, async () => {
        for (;;) {
          const number = next;
          next += 1;
          if (number >= count) return;
          const asked = performance.now();
          await energyLedger.claim({
            purpose: 'token',
            key: `single ${inFlight} ${made} ${number}`,
            lines: [line(start, number % ACCOUNTS, 1_000n)],
          });
          latencies.push(performance.now() - asked);
        }
      }),
    );
    rates.push(count / ((performance.now() - startedAt) / 1000));
  }
  const claimsPerSecond = quantile(rates, 0.5);
  const measured = row(
    `single intervals of ${ACCOUNTS} accounts, ${inFlight} in flight`,
    claimsPerSecond,
    1,
    latencies,
    ceiling,
  );
  return inFlight < ACCOUNTS ? measured : against(SINGLES_PER_SECOND, measured);
}

async function bulk({ energyLedger }, start, ceiling) {
  const latencies = [];
  const startedAt = performance.now();
  for (let number = 0; number < BULK_CLAIMS; number += 1) {
    const asked = performance.now();
    await energyLedger.claim({
      purpose: 'sale',
      key: `bulk ${number}`,
      lines: Array.from({ length: BULK_INTERVALS }, (_, at) => line(start, at, 1_000n)),
    });
    latencies.push(performance.now() - asked);
  }
  const perSecond = BULK_CLAIMS / ((performance.now() - startedAt) / 1000);
  return against(
    BULK_INTERVALS_PER_SECOND,
    row(`${BULK_INTERVALS} intervals a claim`, perSecond, BULK_INTERVALS, latencies, ceiling),
  );
}

function line(start, hour, energyUWh) {
  return { meterId: METER, register: 'generation', startsMs: start + hour * HOUR_MS, energyUWh };
}

function row(what, claimsPerSecond, intervals, latencies, ceiling) {
  return {
    what,
    claimsPerSecond: round(claimsPerSecond, 0),
    intervalsPerSecond: round(claimsPerSecond * intervals, 0),
    toBare: round((claimsPerSecond * intervals) / ceiling),
    p50Ms: round(quantile(latencies, 0.5), 1),
    p99Ms: round(quantile(latencies, 0.99), 1),
    targetIntervalsPerSecond: null,
    met: null,
  };
}

function against(target, measured) {
  const met = measured.intervalsPerSecond >= target;
  return { ...measured, targetIntervalsPerSecond: target, met };
}

/** Eight clients, a transaction a claim: take the key, lock the account, guard the sum. No log, no receipt. */
async function bareClaims(url) {
  const clients = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      return client;
    }),
  );
  await clients[0]
    .query(`CREATE TABLE account (id int PRIMARY KEY, credited int8, claimed int8, CHECK (claimed <= credited));
    CREATE TABLE claim (key text PRIMARY KEY, account int, amount int8);
    INSERT INTO account SELECT i, 1000000000000, 0 FROM generate_series(0, ${ACCOUNTS - 1}) i`);
  const count = quick ? 1_000 : 8_000;
  let next = 0;
  const latencies = [];
  const startedAt = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      for (;;) {
        const number = next;
        next += 1;
        if (number >= count) return;
        const asked = performance.now();
        const account = number % ACCOUNTS;
        await client.query('BEGIN');
        await client.query('INSERT INTO claim VALUES ($1, $2, 1000) ON CONFLICT DO NOTHING', [
          `k${number}`,
          account,
        ]);
        await client.query('SELECT FROM account WHERE id = $1 FOR UPDATE', [account]);
        await client.query(
          'UPDATE account SET claimed = claimed + 1000 WHERE id = $1 AND claimed + 1000 <= credited',
          [account],
        );
        await client.query('COMMIT');
        latencies.push(performance.now() - asked);
      }
    }),
  );
  const rate = count / ((performance.now() - startedAt) / 1000);
  await Promise.all(clients.map((client) => client.end()));
  return row('bare statements, 8 clients, no log', rate, 1, latencies, rate);
}
