// What the tarball brings of the repository's templates, beside the package for as long as it is packed.
import { cpSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';

const SOURCE = join(import.meta.dirname, '../../templates');
const TARGET = join(import.meta.dirname, 'templates');
/** Built, installed, or about this repository only. */
const LEFT_OUT = /^(node_modules|dist|tsconfig\..*\.json)$/;

rmSync(TARGET, { recursive: true, force: true });
if (!process.argv.includes('--remove')) {
  cpSync(SOURCE, TARGET, { recursive: true, filter: (path) => !LEFT_OUT.test(basename(path)) });
  // A package inside a package: tools would take it for one.
  for (const kind of readdirSync(TARGET))
    renameSync(join(TARGET, kind, 'package.json'), join(TARGET, kind, 'package.json.txt'));
}
