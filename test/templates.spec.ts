import { beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const templates = fileURLToPath(new URL('../templates', import.meta.url));
const kinds = readdirSync(templates).filter((name) => !name.includes('.'));

/** As the author of a plugin runs them: node's own runner on what the build made. */
function run(kind: string): Promise<{ readonly failed: boolean; readonly said: string }> {
  // Files of this repository's tests run below jest; a runner inside must not take itself for its child.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const args = ['--test', '--test-reporter=tap', 'dist/test/**/*.spec.js'];
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      args,
      { cwd: `${templates}/${kind}`, env, maxBuffer: 1 << 24 },
      (error, stdout, stderr) => resolve({ failed: error !== null, said: stdout + stderr }),
    );
  });
}

describe('templates', () => {
  /** Side by side: each waits for sockets more than it computes. */
  let runs: ReadonlyMap<string, ReturnType<typeof run>>;
  beforeAll(() => {
    runs = new Map(kinds.map((kind) => [kind, run(kind)]));
  });

  it('are there for an anchor, a transport and a price model', () => {
    expect(kinds).toEqual(['anchor', 'pricing', 'transport']);
  });

  it.each([
    ['anchor', 30],
    ['pricing', 10],
    ['transport', 5],
  ])(
    'template %s passes its own tests, at least %d of them',
    async (kind, atLeast) => {
      const { failed, said } = (await runs.get(kind)) ?? { failed: true, said: 'never run' };
      if (failed) throw new Error(said);
      expect(Number(/^# pass (\d+)$/m.exec(said)?.[1])).toBeGreaterThanOrEqual(atLeast);
    },
    900_000,
  );
});
