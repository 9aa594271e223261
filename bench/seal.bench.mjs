/**
 * Sealing a full batch and a batch of a million entries on PostgreSQL with fsync, over HTTP (`POST /batches/flush`), while
 * signed readings come in at a steady rate. The gateway's event loop is watched from inside.
 */
import { loadavg } from 'node:os';
import { Connection, openLoop, request } from './http-load.mjs';
import { quantile, round } from './measure.mjs';
import { FORMS, ReadingSource } from './reading-messages.mjs';
import { seedEntries } from './seeded-log.mjs';
import { ADMIN_KEY, startSystem } from './system-under-load.mjs';

const quick = process.argv.includes('--quick');
const SIZES = quick
  ? [{ entries: 65_536, target: 0.5 }]
  : [
      { entries: 65_536, target: 0.5 },
      { entries: 1_000_000, target: 5 },
    ];
const MESSAGES_PER_SECOND = 5;
const LONGEST_S = 30;

export const name = 'sealing a batch while ingestion goes on';

export async function run() {
  const system = await startSystem({ meters: 50 });
  try {
    const source = new ReadingSource(system.fleet);
    const rows = [];
    let seeded = 0;
    for (const { entries, target } of SIZES) {
      await seedEntries(system, entries, seeded);
      seeded += entries;
      rows.push({ ...(await seal(system, source)), targetSeconds: target });
    }
    return rows;
  } catch (error) {
    console.error(system.output());
    throw error;
  } finally {
    await system.stop();
  }
}

async function seal({ url, eventLoopDelay }, source) {
  const messages = FORMS['array of 100'](source, MESSAGES_PER_SECOND * LONGEST_S * 100, true).map(
    (message) => request(url, { path: '/api/v1/readings', ...message }),
  );
  let sealed = false;
  let next = 0;
  const load = openLoop(url, () => messages[next++], {
    perSecond: MESSAGES_PER_SECOND,
    seconds: LONGEST_S,
    connections: 16,
    isOver: () => sealed,
  });
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const before = await eventLoopDelay();
  const connection = await Connection.open(url);
  const flush = request(url, {
    path: '/api/v1/batches/flush',
    headers: { 'x-api-key': ADMIN_KEY },
  });
  const started = performance.now();
  const { status, refusal, body } = await connection.send(flush, true);
  const seconds = (performance.now() - started) / 1000;
  if (refusal !== undefined && status >= 300) throw new Error(`flush was answered ${refusal}`);
  const during = await eventLoopDelay();
  connection.close();
  sealed = true;
  const { latenciesMs, statuses } = await load;
  const { entry_count: count } = JSON.parse(body.toString());
  return {
    entries: count,
    seconds: round(seconds),
    longestEventLoopStallMs: round(during.maxMs, 1),
    stallBeforeMs: round(before.maxMs, 1),
    ingestReadingsPerSecond: MESSAGES_PER_SECOND * 100,
    ingestP99Ms: round(quantile(latenciesMs, 0.99), 1),
    ingestStatuses: JSON.stringify(statuses),
    load: round(loadavg()[0], 1),
  };
}
