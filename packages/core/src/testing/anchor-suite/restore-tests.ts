import assert from 'node:assert/strict';
import { newestOnLedgers } from '../../anchoring/newest-on-ledgers.js';
import { silentLogger } from '../silent-logger.js';
import type { AnchoringRun } from './anchoring-run.js';
import { SUITE_ANCHOR, SUITE_ORIGIN } from './commitments.js';
import { TIMEOUT_MS } from './everywhere.js';
import { oneRun } from './one-run.js';
import type { RewindableStore } from './rewindable-store.js';
import { scaleOf } from './run-scale.js';
import { seededRandom } from './seeded-random.js';
import type { SuiteContext } from './suite-context.js';
import { signal } from './suite-kit.js';

/** Steps after which a store may be lost: nothing sent yet, everything under way, everything final. */
const LAST_STEP = 12;

/** A store restored from an older copy, while the ledger went on. */
export function restoreTests<World>(suite: SuiteContext<World>): void {
  const { it } = suite;
  const { store: _own, ...options } = suite.options;
  const { capabilities } = options.plugin;
  const { commitments, seeds, others } = scaleOf(options);

  it(
    'pays for no commitment twice when the store comes from an older copy, and names the newest that is out',
    async () => {
      for (const seed of seeds)
        for (let nth = 0; nth < others; nth += 1) {
          const random = seededRandom(seed * 1_000 + nth);
          const at = 1 + Math.floor(random() * LAST_STEP);
          let restored = false;
          const restore = async (run: AnchoringRun<World>, world: World): Promise<void> => {
            restored = true;
            await assertNewestKnown(run, world);
            const store = run.store as RewindableStore;
            await run.startOn(await store.copyAt(Math.floor(random() * store.writes)));
          };
          await oneRun(
            { ...suite, options },
            {
              commitments,
              seed: 0,
              lossy: true,
              blockless: Math.floor(random() * 6),
              course: (run, world) => ({
                before: async (step) => (step === at ? restore(run, world) : undefined),
              }),
              settled: async (run, world) => {
                if (restored) return;
                await restore(run, world);
                await run.untilSettled({ commitments });
              },
            },
          );
        }
    },
    TIMEOUT_MS,
  );

  /** So a log restored with the store is not sealed on: it would sign another checkpoint of a size that is out. */
  async function assertNewestKnown(run: AnchoringRun<World>, world: World): Promise<void> {
    const { anchor, policy } = run;
    if (!anchor.latest) return;
    const instances = new Map([[SUITE_ANCHOR, { anchor, capabilities, policy }]]);
    const { newest } = await newestOnLedgers(SUITE_ORIGIN, instances, silentLogger, signal());
    for (const commitment of run.commitments)
      if ((await options.confirmed(world, commitment)).length > 0)
        assert.ok(
          newest && newest.size >= commitment.size,
          `size ${commitment.size} is out, the newest named is ${newest?.size}`,
        );
  }
}
