import { installedEcdsa, installedVerifiers } from './evidence-verifiers.js';
import { USAGE } from './verify-arguments.js';
import { DETECTORS_USAGE, runDetectors } from './detectors.js';
import { IMPORT_USAGE, runImport } from './import-file.js';
import { RECOMPUTE_USAGE, runRecompute } from './recompute.js';
import { runSimulate, SIMULATE_USAGE } from './simulate.js';
import { EXIT, runVerify } from './verify-command.js';
import { readSource } from './verify-source.js';

const [command, ...args] = process.argv.slice(2);
// Whoever stopped reading, such as `| head -1`, has seen enough; the exit code is not for them.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
const helped = args.includes('--help') || args.includes('-h');
if (command === 'verify' && !helped) {
  process.exitCode = await runVerify(args, {
    read: (source, maxBytes) => readSource(source, maxBytes),
    verifiers: (packages) => installedVerifiers(process.cwd(), packages),
    ecdsa: () => installedEcdsa(),
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
  });
} else if (command === 'recompute' && !helped) {
  process.exitCode = await runRecompute(
    args,
    (line) => process.stdout.write(`${line}\n`),
    (line) => process.stderr.write(`${line}\n`),
  );
} else if (command === 'import' && !helped) {
  process.exitCode = await runImport(args, {
    env: process.env,
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    ...(process.stdout.isTTY
      ? {
          update: (line) =>
            process.stdout.write(`\r\x1b[K${line.slice(0, (process.stdout.columns || 80) - 1)}`),
        }
      : {}),
  });
} else if (command === 'detectors' && !helped) {
  process.exitCode = await runDetectors(
    args,
    (line) => process.stdout.write(`${line}\n`),
    (line) => process.stderr.write(`${line}\n`),
  );
} else if (command === 'simulate' && !helped) {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  process.exitCode = await runSimulate(args, {
    env: process.env,
    signal: stop.signal,
    nowMs: () => Date.now(),
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    ...(process.stdout.isTTY
      ? {
          // A line that wraps could not be replaced.
          update: (line) =>
            process.stdout.write(`\r\x1b[K${line.slice(0, (process.stdout.columns || 80) - 1)}`),
        }
      : {}),
  });
} else {
  const help = helped || command === '--help' || command === '-h' || command === 'help';
  (help ? process.stdout : process.stderr).write(
    `${USAGE}\n\n${SIMULATE_USAGE}\n\n${IMPORT_USAGE}\n\n${DETECTORS_USAGE}\n\n${RECOMPUTE_USAGE}\n`,
  );
  process.exitCode = help ? EXIT.valid : EXIT.unusable;
}
