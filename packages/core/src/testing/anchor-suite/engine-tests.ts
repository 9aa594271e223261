import assert from 'node:assert/strict';
import { CutPoint } from '../cut-at-await.js';
import { everywhere, TIMEOUT_MS } from './everywhere.js';
import { oneRun } from './one-run.js';
import { sampleOf, scaleOf } from './run-scale.js';
import type { SuiteContext } from './suite-context.js';

const MOMENTS = ['before', 'after'] as const;
/** Steps without a block: enough for an attempt to be made dearer. */
const BLOCKLESS = 5;

/** The anchor under the engine, undisturbed and cut everywhere. */
export function engineTests<World>(suite: SuiteContext<World>): void {
  const { it, options } = suite;
  const { commitments, points, nightly } = scaleOf(options);

  it('takes every commitment to final through the engine, once and with evidence', async () => {
    await oneRun(suite, { commitments, seed: 0 });
  });

  it(
    'publishes each commitment at most once wherever the process is cut',
    // Two places per call: its effect lost with the process, or done and nobody told.
    () => everywhere(suite, 'crash', MOMENTS, (at, moment) => new CutPoint(at, moment)),
    TIMEOUT_MS,
  );

  if (options.plugin.capabilities.bump.length > 1)
    it(
      'has children pay where the ledger keeps what waits, and publishes once wherever the process is cut',
      async () => {
        let children = 0;
        const kept = (cut: CutPoint) =>
          oneRun(suite, {
            commitments,
            blockless: BLOCKLESS,
            seed: 0,
            trouble: () => cut,
            course: (_run, world) => ({
              before: async (step) => (step === 0 ? options.keepFirst?.(world, true) : undefined),
            }),
            settled: async (run, world) => {
              await options.keepFirst?.(world, false);
              for (const { attempts } of await run.intents())
                children += attempts.filter(({ childOf }) => childOf !== undefined).length;
            },
          });
        const { calls } = await kept(new CutPoint(Infinity));
        assert.ok(children > 0, 'what waited got no child');
        for (const [at, moment] of sampleOf(calls, MOMENTS, nightly ? points : points * 0.4))
          await kept(new CutPoint(at, moment));
      },
      TIMEOUT_MS,
    );
}
