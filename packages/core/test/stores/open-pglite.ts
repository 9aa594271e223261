import { createHash } from 'node:crypto';
import { readFile, realpath, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PgliteSql } from '../../src/stores/mikro-orm/pglite.sql.js';

/**
 * An empty database in memory. Making one takes ten times as long as loading one, so the first is kept beside the system's
 * temporary files, under the name of the installed PGlite: its path has its version.
 */
export async function openPglite(): Promise<PgliteSql> {
  const installed = await realpath(createRequire(import.meta.url).resolve('@electric-sql/pglite'));
  const name = createHash('sha256').update(installed).digest('hex').slice(0, 16);
  const kept = join(tmpdir(), `wattproof-pglite-${name}.tar`);
  const known = await readFile(kept).catch(() => undefined);
  if (known !== undefined) return PgliteSql.open(undefined, new Blob([known]));
  const sql = await PgliteSql.open();
  const dump = await sql.pglite.dumpDataDir('none');
  const own = `${kept}.${process.pid}`;
  await writeFile(own, Buffer.from(await dump.arrayBuffer()));
  await rename(own, kept);
  return sql;
}
