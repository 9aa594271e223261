// npm run bench [-- NAME…]: every file bench/NAME.bench.mjs exports `name` and an async `run(measure)` that yields
// rows. Peers and ceilings are measured in the same run; what counts is the ratio, never the absolute figure.
import { readdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
// A run with options (--quick, --only=…) is for looking; what is kept comes from whole runs.
const keeps = process.argv.slice(2).length === wanted.length;
const files = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.bench.mjs'))
  .filter((file) => wanted.length === 0 || wanted.some((name) => file.startsWith(`${name}.`)));
if (files.length === 0) {
  console.error(`No benchmark named ${wanted.join(', ')}.`);
  process.exit(2);
}
const machine = {
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
};
for (const file of files) {
  const bench = await import(join(import.meta.dirname, file));
  console.log(`\n# ${bench.name}`);
  const rows = await bench.run();
  console.table(rows);
  if (!keeps) continue;
  const result = join(import.meta.dirname, 'results', file.replace('.bench.mjs', '.json'));
  writeFileSync(
    result,
    `${JSON.stringify({ name: bench.name, measuredAt: new Date().toISOString(), machine, rows }, undefined, 2)}\n`,
  );
}
