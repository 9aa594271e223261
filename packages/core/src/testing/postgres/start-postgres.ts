import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { chmod, chown, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../process/free-ports.js';
import { findBinaries, type PostgresBinaries, type PostgresVersion } from './binaries.js';
import { type Identity, run, unprivileged } from './unprivileged.js';

export interface StartPostgresOptions {
  /** Default 18. */
  readonly version?: PostgresVersion;
  /** Default false: nothing here must survive a power failure. True for tests about durability and speed. */
  readonly fsync?: boolean;
}

export interface TestPostgres {
  /** Of the administrator, in the database `postgres`. */
  readonly url: string;
  readonly dataDir: string;
  /** A new, empty database; its URL. `settings` hold for every session in it, as by ALTER DATABASE … SET. */
  createDatabase(options?: {
    readonly settings?: Readonly<Record<string, string>>;
  }): Promise<string>;
  /** `fast` disconnects everybody and shuts down cleanly; `immediate` is as good as a crash. Keeps the data. */
  stop(how: 'immediate' | 'fast'): Promise<void>;
  /** Starts the stopped server on the same data and port. */
  restart(): Promise<void>;
  /** Stops the server and deletes its data. Safe to call twice. */
  remove(): Promise<void>;
}

const READY = 'database system is ready to accept connections';
/** Other programs may take a port between choosing and binding it. */
const PORT_ATTEMPTS = 5;

/**
 * A PostgreSQL server of its own on a random port of 127.0.0.1, its data in a temporary folder. Throws
 * `PostgresMissing` when the machine has no such version.
 */
export async function startPostgres(options: StartPostgresOptions = {}): Promise<TestPostgres> {
  const identity = await unprivileged();
  const home = await mkdtemp(join(tmpdir(), 'wattproof-postgres-'));
  try {
    const binaries = await usableBinaries(
      await findBinaries(options.version ?? 18),
      home,
      identity,
    );
    const password = randomBytes(16).toString('hex');
    const passwordFile = join(home, 'password');
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (identity !== undefined) {
      await chown(home, identity.uid, identity.gid);
      await chown(passwordFile, identity.uid, identity.gid);
    }
    const dataDir = join(home, 'data');
    const initdb = ['-D', dataDir, '-U', 'postgres', '-E', 'UTF8', '--no-locale', '--no-sync'];
    await run(
      binaries.initdb,
      [...initdb, '--auth=scram-sha-256', `--pwfile=${passwordFile}`],
      identity,
    );
    const server = new PostgresServer(binaries.postgres, home, dataDir, password, {
      fsync: options.fsync ?? false,
      identity,
    });
    await server.begin();
    return server;
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
}

/** A package below a folder that only root may enter is no use to the user the server runs as: then a copy is. */
async function usableBinaries(
  binaries: PostgresBinaries,
  home: string,
  identity: Identity | undefined,
): Promise<PostgresBinaries> {
  if (identity === undefined || binaries.relocatable === undefined) return binaries;
  try {
    await run(binaries.initdb, ['--version'], identity);
    return binaries;
  } catch {
    const native = join(home, 'native');
    await cp(binaries.relocatable, native, { recursive: true, verbatimSymlinks: true });
    await chmod(native, 0o755);
    return { initdb: join(native, 'bin/initdb'), postgres: join(native, 'bin/postgres') };
  }
}

class PostgresServer implements TestPostgres {
  private process: ChildProcess | undefined;
  private port = 0;
  private databases = 0;
  private readonly removeAtExit = (): void => {
    this.process?.kill('SIGQUIT');
    rmSync(this.home, { recursive: true, force: true });
  };

  constructor(
    private readonly program: string,
    private readonly home: string,
    readonly dataDir: string,
    private readonly password: string,
    private readonly options: { readonly fsync: boolean; readonly identity: Identity | undefined },
  ) {}

  get url(): string {
    return this.urlOf('postgres');
  }

  async begin(): Promise<void> {
    process.once('exit', this.removeAtExit);
    for (let attempt = 1; ; attempt += 1) {
      this.port = await freePort();
      try {
        await this.restart();
        return;
      } catch (error) {
        if (attempt === PORT_ATTEMPTS) throw error;
      }
    }
  }

  async createDatabase(
    options: { readonly settings?: Readonly<Record<string, string>> } = {},
  ): Promise<string> {
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    try {
      this.databases += 1;
      const name = `test_${this.databases}`;
      await client.query(`CREATE DATABASE ${name}`);
      for (const [setting, value] of Object.entries(options.settings ?? {})) {
        const quoted = [client.escapeIdentifier(setting), client.escapeLiteral(value)];
        await client.query(`ALTER DATABASE ${name} SET ${quoted.join(' TO ')}`);
      }
      return this.urlOf(name);
    } finally {
      await client.end();
    }
  }

  restart(): Promise<void> {
    if (this.process !== undefined) return Promise.resolve();
    const child = spawn(this.program, ['-D', this.dataDir, ...this.settings()], {
      cwd: '/',
      ...this.options.identity,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    });
    this.process = child;
    return new Promise((resolve, reject) => {
      let log = '';
      child.stderr.on('data', (chunk: Buffer) => {
        // Reading goes on for ever, or the server would block on a full pipe; keeping does not.
        log = (log + chunk.toString('utf8')).slice(-8_192);
        if (log.includes(READY)) resolve();
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        if (this.process === child) this.process = undefined;
        reject(new Error(`PostgreSQL ended with ${code ?? signal} before it was ready: ${log}`));
      });
    });
  }

  async stop(how: 'immediate' | 'fast'): Promise<void> {
    const child = this.process;
    if (child === undefined) return;
    const ended = new Promise((resolve) => {
      child.once('exit', resolve);
    });
    child.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop('immediate');
    process.removeListener('exit', this.removeAtExit);
    await rm(this.home, { recursive: true, force: true });
  }

  private settings(): readonly string[] {
    const durable = this.options.fsync ? 'on' : 'off';
    const settings = {
      listen_addresses: '127.0.0.1',
      port: String(this.port),
      unix_socket_directories: '',
      fsync: durable,
      synchronous_commit: durable,
      full_page_writes: durable,
      max_connections: '60',
      shared_buffers: '64MB',
    };
    return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  }

  private urlOf(database: string): string {
    return `postgresql://postgres:${this.password}@127.0.0.1:${this.port}/${database}`;
  }
}
