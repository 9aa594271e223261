import assert from 'node:assert/strict';
import { TIMEOUT_MS } from './everywhere.js';
import { oneRun } from './one-run.js';
import type { SuiteContext } from './suite-context.js';
import { rejectsWith, signal } from './suite-kit.js';
import { LedgerTrouble } from './trouble.js';

/** Steps before which the process is away for so long that signed bytes expire: unsent, waiting, in a block. */
const AWAY_BEFORE = [1, 2, 4];

/** Bytes that expire while the process is away, whether or not the ledger has ever seen them. */
export function expiryTests<World>(suite: SuiteContext<World>): void {
  const { options, it } = suite;
  const { expire } = options;
  if (options.plugin.capabilities.exclusion !== 'expiry' || expire === undefined) return;

  it(
    'signs again what has expired while the process was away, only then, and the old bytes stay dead',
    async () => {
      for (const away of AWAY_BEFORE)
        for (const fault of ['swallowed', undefined] as const)
          await oneRun(suite, {
            commitments: 1,
            seed: 0,
            blockless: away,
            ...(fault && {
              trouble: (world) =>
                new LedgerTrouble(1, fault, (down) => options.setDown(world, down)),
            }),
            course: (_run, world) => ({
              before: async (step) => (step === away ? expire(world) : undefined),
              after: async ([intent]) => {
                const earlier = intent?.state === 'final' ? [] : intent?.attempts.slice(0, -1);
                for (const { state } of earlier ?? [])
                  assert.equal(state, 'expired', 'signed again while the last could still win');
              },
            }),
            settled: async (run) => {
              const [intent] = await run.intents();
              const attempts = intent?.attempts ?? [];
              assert.equal(attempts.at(-1)?.state, 'final');
              for (const attempt of attempts.slice(0, -1))
                await rejectsWith('expired', () => run.anchor.broadcast(attempt, signal()));
              // Sent again within its term it wins; what expired unseen cannot.
              if (fault && away === 1) assert.equal(attempts.length, 2);
            },
          });
    },
    TIMEOUT_MS,
  );
}
