import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** Whom the server runs as. PostgreSQL refuses to run as root. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** Accounts that exist for such a purpose, the better first. None is ever created. */
const UNPRIVILEGED = ['postgres', 'nobody'];

/** Undefined when this process is not root and needs to drop nothing. */
export async function unprivileged(): Promise<Identity | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of UNPRIVILEGED) {
    const [, , uid, gid] = accounts.find(([account]) => account === name) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error(
    `PostgreSQL does not run as root, and there is neither a user ${UNPRIVILEGED.join(' nor ')}. Run the tests as another user.`,
  );
}

/** Runs a program to its end and gives what it printed; rejects with what it complained about. */
export function run(
  program: string,
  args: readonly string[],
  identity?: Identity,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: '/',
      ...identity,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    });
    let printed = '';
    let complained = '';
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (complained += chunk.toString('utf8')));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(printed);
      else reject(new Error(`${program} ended with ${code}: ${complained || printed}`));
    });
  });
}
