// mosquitto as it comes: it acknowledges what it has in memory, and nobody subscribes.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

const PROGRAM = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', '/usr/bin/mosquitto'].find(
  existsSync,
);

/** Undefined when it is not installed. */
export async function startMosquitto() {
  if (PROGRAM === undefined) return undefined;
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'wattproof-bench-mosquitto-'));
  const file = join(folder, 'mosquitto.conf');
  // As root it would become another user.
  await writeFile(
    file,
    `listener ${port} 127.0.0.1\nallow_anonymous true\nuser ${userInfo().username}\nlog_dest stderr\n`,
  );
  const child = spawn(PROGRAM, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise((resolve, reject) => {
    let output = '';
    child.stderr.on('data', (text) => {
      output += text;
      if (/mosquitto version \S+ running/.test(output)) resolve();
    });
    child.once('exit', () => reject(new Error(`mosquitto did not start:\n${output}`)));
  });
  return {
    port,
    async stop() {
      child.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
