// Brings the workspace to where its commands can run: dependencies as the lockfile says, and a Node that
// is new enough. Plain JavaScript for Node 20 and later, without a dependency: it runs before there is one.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');
const BIN = join(ROOT, 'node_modules', '.bin');
const STAMP = join(ROOT, 'node_modules', '.installed-lockfile');
const PNPM = 'pnpm@12.21.0';
const OLDEST_NODE = [22, 17];

/** Environment in which `node` is the pinned one and the workspace's tools are found first. */
export function environment(extra = {}) {
  return { ...process.env, PATH: `${BIN}${delimiter}${process.env.PATH ?? ''}`, ...extra };
}

/** A pinned Node comes with the dependencies on Linux x64 with glibc; elsewhere the running one must do. */
function hasPinnedNode() {
  return (
    process.platform === 'linux' &&
    process.arch === 'x64' &&
    Boolean(process.report.getReport().header.glibcVersionRuntime)
  );
}

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
}

/** What is installed follows from the lockfile, the install settings and the machine. */
function wantedStamp() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml']) {
    hash.update(readFileSync(join(ROOT, file)));
  }
  return hash.digest('hex');
}

/**
 * Runs one command in the foreground and resolves to its exit code. Signals sent to this process reach
 * it; a terminal delivers SIGINT to the whole group by itself, so that one is not sent twice.
 */
export function run(command, args, options = {}) {
  const { env = environment(), quiet = false } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      env,
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
      shell: process.platform === 'win32',
    });
    const output = [];
    child.stdout?.on('data', (chunk) => output.push(chunk));
    child.stderr?.on('data', (chunk) => output.push(chunk));
    const forward = (signal) => {
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, forward);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(name, forward);
      if (quiet && code !== 0) process.stderr.write(Buffer.concat(output));
      resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}

/** Installs when node_modules is missing or older than the lockfile. Resolves to an exit code. */
export async function bootstrap() {
  if (!hasPinnedNode() && !isNewEnough(process.versions.node)) {
    process.stderr.write(
      `Wattproof needs Node ${OLDEST_NODE.join('.')} or later (24 is recommended) on ${process.platform} ${process.arch}; this is Node ${process.versions.node}, please install Node 24 from https://nodejs.org.\n`,
    );
    return 1;
  }
  const stamp = wantedStamp();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) return 0;
  process.stderr.write('installing dependencies (a minute or two the first time) …\n');
  // pnpm asks before it replaces a folder it did not make; there may be nobody to answer.
  const env = { ...process.env, CI: 'true' };
  const args = ['--yes', PNPM, 'install', '--frozen-lockfile'];
  const code = await run('npx', args, { env, quiet: !process.stderr.isTTY });
  if (code !== 0) {
    process.stderr.write(
      'installing dependencies failed; see the output above, then run the command again.\n',
    );
    return code;
  }
  writeFileSync(STAMP, stamp);
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await bootstrap();
