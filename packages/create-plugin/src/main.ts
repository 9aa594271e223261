import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runCreatePlugin } from './create-plugin.js';

const beside = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
// The packed package brings its templates; in the repository they stand at its root.
const packed = beside('../templates');
const { version } = JSON.parse(readFileSync(beside('../package.json'), 'utf8')) as {
  version: string;
};

process.exitCode = runCreatePlugin(process.argv.slice(2), {
  folder: process.cwd(),
  templates: existsSync(packed) ? packed : beside('../../../templates'),
  coreVersion: version, // the packages of one release share their version
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
});
