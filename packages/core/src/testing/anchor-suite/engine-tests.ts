import { CutPoint } from '../cut-at-await.js';
import { everywhere, TIMEOUT_MS } from './everywhere.js';
import { oneRun } from './one-run.js';
import { scaleOf } from './run-scale.js';
import type { SuiteContext } from './suite-context.js';

const MOMENTS = ['before', 'after'] as const;

/** The anchor under the engine, undisturbed and cut everywhere. */
export function engineTests<World>(suite: SuiteContext<World>): void {
  const { it } = suite;
  const { commitments } = scaleOf(suite.options);

  it('takes every commitment to final through the engine, once and with evidence', async () => {
    await oneRun(suite, { commitments, seed: 0 });
  });

  it(
    'publishes each commitment at most once wherever the process is cut',
    // Two places per call: its effect lost with the process, or done and nobody told.
    () => everywhere(suite, 'crash', MOMENTS, (at, moment) => new CutPoint(at, moment)),
    TIMEOUT_MS,
  );
}
