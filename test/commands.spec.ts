import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const bootstrap = new URL('scripts/bootstrap.mjs', root).href;

/** Runs `script` below the same runner as the root commands, inside a shell line as npm would. */
function below(script: string, prefix: string) {
  const runner = `import { run } from '${bootstrap}'; process.exitCode = await run('node', ['-e', process.env.SCRIPT]);`;
  return spawn('sh', ['-c', `${prefix}node --input-type=module -e "$RUNNER"`], {
    env: { ...process.env, RUNNER: runner, SCRIPT: script },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

describe('a root command', () => {
  it('hands SIGTERM on, waits for what runs, and exits as it does', async () => {
    const child = below(
      `process.on('SIGTERM', () => { console.log('drained'); process.exit(0); });
       setInterval(() => {}, 1000); console.log('ready');`,
      'exec ',
    );
    const said: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => {
      said.push(String(chunk));
      if (said.length === 1) child.kill('SIGTERM');
    });
    const [code] = (await once(child, 'close')) as [number | null];
    expect(said.join('')).toBe('ready\ndrained\n');
    expect(code).toBe(0);
  });

  it('hands on the exit code, and 128 + n of a signal', async () => {
    const [failed] = (await once(below('process.exit(7)', 'exec '), 'close')) as [number];
    const killed = below(`process.kill(process.pid, 'SIGKILL')`, 'exec ');
    const [code] = (await once(killed, 'close')) as [number];
    expect([failed, code]).toEqual([7, 137]);
  });

  it('replaces the shell of npm start, which would die of SIGTERM and leave the gateway behind', () => {
    const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(scripts.start).toMatch(/^exec node scripts\/run\.mjs start/);
  });
});
