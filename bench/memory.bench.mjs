/**
 * Resident memory of the gateway under steady signed load: two and a half minutes, or ten with WATTPROOF_NIGHTLY=1. The slope is the
 * least-squares line through the second half, after caches and the heap have found their size.
 */
import { openLoop, request } from './http-load.mjs';
import { round } from './measure.mjs';
import { FORMS, PER_MESSAGE, ReadingSource } from './reading-messages.mjs';
import { startSystem } from './system-under-load.mjs';

const quick = process.argv.includes('--quick');
const SECONDS = process.env.WATTPROOF_NIGHTLY === '1' ? 600 : quick ? 10 : 150;
const MESSAGES_PER_SECOND = 5;
const SAMPLE_MS = 1_000;

export const name = 'resident memory of the gateway under steady load';

export async function run() {
  const system = await startSystem({ meters: 200 });
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
    const samples = [];
    const sampling = setInterval(async () => {
      samples.push(await system.residentMiB());
    }, SAMPLE_MS);
    const { statuses } = await openLoop(url, nextRequest, {
      perSecond: MESSAGES_PER_SECOND,
      seconds: SECONDS,
      connections: 32,
    });
    clearInterval(sampling);
    const settled = samples.slice(Math.floor(samples.length / 2));
    return [
      {
        minutes: round(SECONDS / 60, 1),
        readingsPerSecond: MESSAGES_PER_SECOND * PER_MESSAGE,
        statuses: JSON.stringify(statuses),
        firstMiB: round(samples[0], 0),
        middleMiB: round(settled[0], 0),
        lastMiB: round(settled.at(-1), 0),
        maxMiB: round(Math.max(...samples), 0),
        slopeMiBPerMinute: round(slope(settled) * (60_000 / SAMPLE_MS), 2),
      },
    ];
  } finally {
    await system.stop();
  }
}

/** Least squares over equally spaced values. */
function slope(values) {
  const meanX = (values.length - 1) / 2;
  const meanY = values.reduce((sum, value) => sum + value, 0) / values.length;
  let above = 0;
  let below = 0;
  values.forEach((value, x) => {
    above += (x - meanX) * (value - meanY);
    below += (x - meanX) ** 2;
  });
  return above / below;
}
