/**
 * Memory of the gateway under steady signed load: two and a half minutes, or ten with WATTPROOF_NIGHTLY=1. Flat means two things.
 * What is alive (heap and buffers after a full garbage collection) grows by no more than MAX_GROWTH_MIB_PER_MINUTE between 30 % of the run,
 * when caches and pools have found their size, and its end: a leak shows there, whatever the collector does meanwhile. And of the
 * resident set, left to the collector, the 95th percentile of the last third is no more than MAX_RESIDENT_RATIO times that of the third
 * before. The resident set is a saw: V8 lets garbage that has grown old lie for a minute and more (30 MiB in 90 s at this load), so that
 * a line through it says where in a tooth the run began and ended.
 */
import { openLoop, request } from './http-load.mjs';
import { quantile, round } from './measure.mjs';
import { FORMS, PER_MESSAGE, ReadingSource } from './reading-messages.mjs';
import { startSystem } from './system-under-load.mjs';

const quick = process.argv.includes('--quick');
const SECONDS = process.env.WATTPROOF_NIGHTLY === '1' ? 600 : quick ? 20 : 150;
const MESSAGES_PER_SECOND = 5;
const SAMPLE_MS = 1_000;
/** Places in the run, as shares of it, where everything dead is collected and the rest is counted. */
const COUNTED_AT = [0.3, 0.65, 1];
const MAX_GROWTH_MIB_PER_MINUTE = 1;
const MAX_RESIDENT_RATIO = 1.2;

export const name = 'memory of the gateway under steady load';

export async function run() {
  // Sealed and anchored on the local ledger every second or two: that must not grow, either.
  const system = await startSystem({
    meters: 200,
    batching: { maxEntries: 1_000, maxAgeMs: 1_000 },
  });
  try {
    const { url } = system;
    const source = new ReadingSource(system.fleet);
    // Made as they are needed: ten minutes of readings would not fit beside what is measured.
    let ready = [];
    const nextRequest = () => {
      if (ready.length === 0)
        ready = FORMS['array of 100'](source, 20 * PER_MESSAGE, true).map((message) =>
          request(url, { path: '/api/v1/readings', ...message }),
        );
      return ready.pop();
    };
    const resident = [];
    const alive = [];
    const begun = performance.now();
    const elapsed = () => (performance.now() - begun) / 1000;
    const count = async () => {
      alive.push({ seconds: elapsed(), mib: await system.heldMiB({ collected: true }) });
    };
    const over = new AbortController();
    const watching = (async () => {
      while (!over.signal.aborted) {
        resident.push({ seconds: elapsed(), mib: await system.residentMiB() });
        const place = COUNTED_AT[alive.length];
        if (place < 1 && elapsed() >= place * SECONDS) await count();
        await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
      }
    })();
    const { statuses } = await openLoop(url, nextRequest, {
      perSecond: MESSAGES_PER_SECOND,
      seconds: SECONDS,
      connections: 32,
    });
    over.abort();
    await watching;
    await count();
    const collectedMiB = await system.residentMiB();
    const p95 = (from, to) =>
      quantile(
        resident
          .filter(({ seconds }) => seconds >= from * SECONDS && seconds <= to * SECONDS)
          .map(({ mib }) => mib),
        0.95,
      );
    const settledMiB = p95(0.3, 0.65);
    const lastMiB = p95(0.65, 1);
    const growth = slope(alive) * 60;
    return [
      {
        minutes: round(SECONDS / 60, 1),
        readingsPerSecond: MESSAGES_PER_SECOND * PER_MESSAGE,
        statuses: JSON.stringify(statuses),
        aliveMiB: alive.map(({ mib }) => round(mib, 1)).join(' '),
        aliveMiBPerMinute: round(growth, 2),
        residentSettledMiB: round(settledMiB, 0),
        residentLastMiB: round(lastMiB, 0),
        residentMaxMiB: round(Math.max(...resident.map(({ mib }) => mib)), 0),
        residentCollectedMiB: round(collectedMiB, 0),
        flat: growth <= MAX_GROWTH_MIB_PER_MINUTE && lastMiB <= settledMiB * MAX_RESIDENT_RATIO,
      },
    ];
  } finally {
    await system.stop();
  }
}

/** Least squares of MiB over seconds. */
function slope(points) {
  const mean = (of) => points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const x = mean(({ seconds }) => seconds);
  const y = mean(({ mib }) => mib);
  const above = points.reduce((sum, { seconds, mib }) => sum + (seconds - x) * (mib - y), 0);
  const below = points.reduce((sum, { seconds }) => sum + (seconds - x) ** 2, 0);
  return above / below;
}
