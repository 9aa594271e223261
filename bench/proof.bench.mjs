/**
 * Proofs of random entries of a batch of a million, over HTTP at a fixed rate whether or not the gateway keeps up (open
 * loop), while signed readings come in at half of what the same gateway took alone a moment before.
 */
import { loadavg } from 'node:os';
import { closedLoop, Connection, openLoop, request } from './http-load.mjs';
import { quantile, round } from './measure.mjs';
import { postgresCpuSeconds } from './postgres-cpu.mjs';
import { FORMS, PER_MESSAGE, ReadingSource } from './reading-messages.mjs';
import { seedEntries } from './seeded-log.mjs';
import { ADMIN_KEY, startSystem } from './system-under-load.mjs';

const quick = process.argv.includes('--quick');
const ENTRIES = quick ? 65_536 : 1_000_000;
const SECONDS = quick ? 5 : 15;
const PROOFS_PER_SECOND = 500;
const CAPACITY_READINGS = 15_000;
const TARGET_P99_MS = 5;

export const name = 'proofs from a batch of a million entries while ingestion goes on';

export async function run() {
  const system = await startSystem({ meters: 200 });
  try {
    const { url } = system;
    await seedEntries(system, ENTRIES);
    const connection = await Connection.open(url);
    const flushed = await connection.send(
      request(url, { path: '/api/v1/batches/flush', headers: { 'x-api-key': ADMIN_KEY } }),
    );
    if (flushed.status >= 300) throw new Error(`flush was answered ${flushed.refusal}`);
    connection.close();
    // A log that has stood for a while, not one that was loaded a second ago: its pages are marked and written.
    await system.sql.query('VACUUM (ANALYZE)');
    await system.sql.query('CHECKPOINT');
    const ids = await system.sql.query(
      `SELECT 'log_' || replace(id::text, '-', '') AS id FROM entry ORDER BY random() LIMIT $1`,
      [3 * PROOFS_PER_SECOND * SECONDS],
    );

    const source = new ReadingSource(system.fleet);
    const post = (readings) =>
      FORMS['array of 100'](source, readings, true).map((message) =>
        request(url, { path: '/api/v1/readings', ...message }),
      );
    const alone = await closedLoop(url, post(CAPACITY_READINGS), { connections: 30 });
    const capacity = (alone.requests * PER_MESSAGE) / alone.seconds;
    const messagesPerSecond = Math.max(1, Math.round(capacity / 2 / PER_MESSAGE));

    const rows = [];
    for (const [format, ingesting] of [
      ['seed', false],
      ['seed', true],
      ['bundle', true],
    ])
      rows.push({
        format,
        entries: ENTRIES,
        ...(await proofs(system, ids, format, ingesting ? { messagesPerSecond, post } : undefined)),
        targetP99Ms: TARGET_P99_MS,
        capacityReadingsPerSecond: Math.round(capacity),
        load: round(loadavg()[0], 1),
      });
    return rows;
  } catch (error) {
    console.error(system.output());
    throw error;
  } finally {
    await system.stop();
  }
}

async function proofs(system, ids, format, ingest) {
  const { url, sql, cpuSeconds } = system;
  const transactions = async () => {
    const [row] = await sql.query(
      'SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()',
    );
    return Number(row.xact_commit);
  };
  // Nothing is asked for twice.
  const gets = ids.splice(0, PROOFS_PER_SECOND * SECONDS).map(({ id }) =>
    request(url, {
      method: 'GET',
      path: `/api/v1/logs/${id}/proof?format=${format}`,
      headers: { 'x-api-key': ADMIN_KEY },
    }),
  );
  let next = 0;
  let posted = 0;
  await system.eventLoopDelay();
  const messages = ingest?.post(ingest.messagesPerSecond * SECONDS * PER_MESSAGE) ?? [];
  const load =
    ingest === undefined
      ? undefined
      : openLoop(url, () => messages[posted++], {
          perSecond: ingest.messagesPerSecond,
          seconds: SECONDS,
          connections: 32,
        });
  const before = [await cpuSeconds(), await postgresCpuSeconds(sql), await transactions()];
  const { latenciesMs, lateMs, statuses } = await openLoop(url, () => gets[next++], {
    perSecond: PROOFS_PER_SECOND,
    seconds: SECONDS,
    connections: 64,
  });
  const after = [await cpuSeconds(), await postgresCpuSeconds(sql), await transactions()];
  const [cpu, postgresCpu, statements] = after.map(
    (value, i) => (value - before[i]) / latenciesMs.length,
  );
  const ingested = await load;
  const delay = await system.eventLoopDelay();
  return {
    proofsPerSecond: PROOFS_PER_SECOND,
    ingestReadingsPerSecond: ingest === undefined ? 0 : ingest.messagesPerSecond * PER_MESSAGE,
    p50Ms: round(quantile(latenciesMs, 0.5), 1),
    p99Ms: round(quantile(latenciesMs, 0.99), 1),
    maxMs: round(Math.max(...latenciesMs), 1),
    // What the load generator itself was late by is in every latency above.
    sentLateP99Ms: round(quantile(lateMs, 0.99), 1),
    eventLoopDelayP99Ms: round(delay.p99Ms, 1),
    eventLoopDelayMaxMs: round(delay.maxMs, 1),
    // Of proofs alone only where nothing is ingested. Tiles not yet in memory count in the first row.
    gatewayCpuMillisPerProof: round(cpu * 1000),
    postgresCpuMillisPerProof: round(postgresCpu * 1000),
    statementsPerProof: round(statements),
    statuses: JSON.stringify(statuses),
    ingestStatuses: JSON.stringify(ingested?.statuses ?? {}),
    ingestP99Ms: ingested === undefined ? null : round(quantile(ingested.latenciesMs, 0.99), 1),
  };
}
