// Loaded into the gateway before anything else: answers SIGUSR2 with what its event loop was held up for and what its
// memory holds, SIGPWR with the same after a full garbage collection.
import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const file = process.env.WATTPROOF_BENCH_PROBE_FILE;
if (file !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const answer = () => {
    const { heapUsed, external } = process.memoryUsage();
    const found = {
      maxMs: delay.max / 1e6,
      p99Ms: delay.percentile(99) / 1e6,
      heapMiB: heapUsed / 2 ** 20,
      // Buffers; an ArrayBuffer counts in here, too.
      externalMiB: external / 2 ** 20,
    };
    delay.reset();
    writeFileSync(`${file}.new`, `${JSON.stringify(found)}\n`);
    renameSync(`${file}.new`, file);
  };
  process.on('SIGUSR2', answer);
  process.on('SIGPWR', () => {
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
    setImmediate(answer);
  });
}
