// Loaded into the gateway before anything else: answers SIGUSR2 with what its event loop was held up for.
import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const file = process.env.WATTPROOF_BENCH_LAG_FILE;
if (file !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  process.on('SIGUSR2', () => {
    const answer = { maxMs: delay.max / 1e6, p99Ms: delay.percentile(99) / 1e6 };
    delay.reset();
    writeFileSync(`${file}.new`, `${JSON.stringify(answer)}\n`);
    renameSync(`${file}.new`, file);
  });
}
