import assert from 'node:assert/strict';
import type { StoredIntent } from '../../anchoring/anchor.store.js';
import type { AnchoringRun } from './anchoring-run.js';
import { TIMEOUT_MS } from './everywhere.js';
import { assertFinal, oneRun } from './one-run.js';
import { sampleOf, scaleOf } from './run-scale.js';
import { seededRandom } from './seeded-random.js';
import type { SuiteContext } from './suite-context.js';
import { check, signal } from './suite-kit.js';

const MAX_DEPTH = 10;
/** Steps without a block: enough for an attempt to be made dearer before the first. */
const BLOCKLESS = 8;

/** Blocks that are taken back: below the depth of finality nothing final falls, beyond it what fell is published again. */
export function reorgTests<World>(suite: SuiteContext<World>): void {
  const { options, it } = suite;
  if (!options.plugin.capabilities.reorgs) return;
  const { commitments, seeds, others } = scaleOf(options);
  /** Such a ledger reorganises what it has not finalised and nothing else. */
  const finalised = options.plugin.capabilities.finality === 'deterministic';
  const anyFinalOf = (intents: readonly StoredIntent[]): boolean =>
    intents.some(({ state }) => state === 'final');

  /** So many blocks that no reorganisation reaches what the world began with. */
  const deepen = async (world: World): Promise<void> => {
    for (let block = 0; block <= MAX_DEPTH; block += 1) await options.settle(world);
  };

  it(
    'calls nothing final that a reorganisation of less than the policy’s depth takes back',
    async () => {
      for (const seed of seeds)
        for (const [depth] of sampleOf(MAX_DEPTH, ['reorg'], others)) {
          const random = seededRandom(seed * 100 + depth);
          const moments = [1, 2].map((nth) => Math.floor(random() * (depth + 4)) * nth + 1);
          let anyFinal = false;
          await oneRun(suite, {
            commitments,
            seed: 0,
            policy: { ...options.policy, finalityDepth: depth + 1 },
            course: (run, world) => ({
              before: async (step) => {
                if (step === 0) await deepen(world);
                if (moments.includes(step) && (!finalised || !anyFinalOf(await run.intents())))
                  await options.reorg?.(world, depth);
              },
              after: async (intents) => {
                await assertNothingStale(intents, world);
                // And when something has just become final: no block lies between that and a mistake.
                if (finalised || anyFinal || !anyFinalOf(intents)) return;
                anyFinal = true;
                await options.reorg?.(world, depth);
              },
            }),
          });
        }
    },
    TIMEOUT_MS,
  );

  it(
    'opens a final commitment again that a deeper reorganisation took, and sends the same bytes first',
    async () => {
      await oneRun(suite, {
        commitments: 1,
        blockless: BLOCKLESS,
        seed: 0,
        course: (_run, world) => ({
          before: async (step) => (step === 0 ? deepen(world) : undefined),
        }),
        settled: async (run, world) => {
          const won = await winnerOf(run);
          const [seen] = await run.anchor.observe([won], signal());
          await options.reorg?.(world, seen?.inclusion?.depth ?? 0);
          const before = run.audit.sent.length;
          await run.recheckFinals();
          assert.notEqual((await run.intents())[0]?.state, 'final', 'its block is gone');
          await run.untilSettled({ commitments: 1 });
          const resent = run.audit.sent[before];
          // A node that gave the transaction back to its waiting ones needs no sending.
          if (resent)
            assert.equal(resent.txId, won.txId, 'the bytes that were in a block go first');
        },
      });
    },
    TIMEOUT_MS,
  );

  async function assertNothingStale(intents: readonly StoredIntent[], world: World): Promise<void> {
    for (const intent of intents) {
      if (intent.state === 'final') await assertFinal(options, world, intent);
      if (intent.state !== 'included') continue;
      assert.ok(intent.evidence, 'an included intent has evidence');
      const verdict = await check(options, world, intent.commitment, intent.evidence);
      assert.ok(verdict.ok, verdict.ok ? '' : `stale evidence: ${verdict.code}`);
    }
  }

  async function winnerOf(run: AnchoringRun<World>) {
    const [intent] = await run.intents();
    const winner = intent?.attempts.find(
      ({ state, childOf }) => state === 'final' && childOf === undefined,
    );
    return winner ?? assert.fail('no attempt is final');
  }
}
