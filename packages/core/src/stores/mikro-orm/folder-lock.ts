import { open, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { StoreError } from './store-error.js';

interface Holder {
  readonly host: string;
  readonly pid: number;
  readonly bootedAtMs: number;
}

/** Two processes on one embedded database destroy it; PGlite itself does not notice. */
export class FolderLock {
  private constructor(private readonly path: string) {}

  /** Throws `store_in_use`. The lock of a process that is gone is taken over. */
  static async take(path: string): Promise<FolderLock> {
    const self: Holder = {
      host: hostname(),
      pid: process.pid,
      bootedAtMs: Math.round(performance.timeOrigin),
    };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      try {
        const file = await open(path, 'wx', 0o600);
        await file.writeFile(JSON.stringify(self));
        await file.close();
        return new FolderLock(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = parseHolder(await readFile(path, 'utf8').catch(() => ''));
      if (holder !== undefined && isAlive(holder, self))
        throw new StoreError(
          'store_in_use',
          `Process ${holder.pid} on ${holder.host} has this store open (lock file "${path}"). Stop it first; if it is certainly gone, delete the file.`,
        );
      await rm(path, { force: true });
    }
    throw new StoreError('store_in_use', `Another process is opening this store (lock "${path}").`);
  }

  async release(): Promise<void> {
    await rm(this.path, { force: true });
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Partial<Holder>;
    return typeof holder.pid === 'number' && typeof holder.host === 'string'
      ? { host: holder.host, pid: holder.pid, bootedAtMs: Number(holder.bootedAtMs) }
      : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(holder: Holder, self: Holder): boolean {
  // Containers reuse host names and process 1: the same id started at another time is another process.
  if (holder.pid === self.pid) return holder.bootedAtMs === self.bootedAtMs;
  if (holder.host !== self.host) return false;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
