import assert from 'node:assert/strict';
import type { StoredIntent } from '../../anchoring/anchor.store.js';
import { CutPoint } from '../cut-at-await.js';
import { AnchoringRun } from './anchoring-run.js';
import { seededRandom } from './seeded-random.js';
import type { SuiteContext } from './suite-context.js';
import type { AnchorSuiteOptions } from './suite-options.js';
import { check } from './suite-kit.js';

/** Commitments of one crash run: enough for attempts of several intents to meet. */
const COMMITMENTS = 3;
const NIGHTLY_COMMITMENTS = 8;
const POINTS = 25;
const TIMEOUT_MS = 600_000;

/** The anchor under the engine, undisturbed and cut everywhere. */
export function engineTests<World>(suite: SuiteContext<World>): void {
  const { options, it } = suite;
  const nightly = Boolean(process.env['WATTPROOF_NIGHTLY']);
  const { points = POINTS, nightlyPoints = Infinity, nightlySeeds = 20 } = options.crash ?? {};
  const commitments = nightly ? NIGHTLY_COMMITMENTS : COMMITMENTS;
  const seeds = Array.from({ length: nightly ? nightlySeeds : 1 }, (_, index) => index + 1);
  const limit = nightly ? nightlyPoints : points;

  it('takes every commitment to final through the engine, once and with evidence', async () => {
    await oneRun(options, { commitments, seed: 0 });
  });

  it(
    'publishes each commitment at most once wherever the process is cut',
    async () => {
      for (const seed of seeds) {
        const { calls } = await oneRun(options, { commitments, seed });
        assert.ok(calls > 10, 'the run passed through the cutting harness');
        // Two places per call: its effect lost with the process, or done and nobody told.
        const places = calls * 2;
        // Odd, so that a sample meets both.
        const step = Math.floor(places / limit) | 1;
        for (let place = 0; place < places; place += step) {
          const at = (place >> 1) + 1;
          const moment = place % 2 === 0 ? 'before' : 'after';
          await oneRun(options, { commitments, seed, cut: new CutPoint(at, moment) });
        }
      }
    },
    TIMEOUT_MS,
  );
}

async function oneRun<World>(
  options: AnchorSuiteOptions<World>,
  run: { readonly commitments: number; readonly seed: number; readonly cut?: CutPoint },
): Promise<{ readonly calls: number }> {
  const cut = run.cut ?? new CutPoint(Infinity);
  const random = seededRandom(run.seed);
  const world = await options.open();
  const anchoring = new AnchoringRun(options, world, cut);
  const disturb =
    run.seed > 0 && options.disturb ? () => options.disturb?.(world, random) : undefined;
  try {
    const intents = await anchoring.untilSettled(
      run.commitments,
      disturb && (async () => disturb()),
    );
    await assertPublishedOnce(options, world, anchoring, intents);
  } catch (error) {
    const where = cut.cutAt ?? 'nowhere';
    throw new Error(
      `seed ${run.seed}, cut ${cut.at} at ${where}: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  } finally {
    await anchoring.close();
    await options.close?.(world);
  }
  return { calls: cut.calls };
}

async function assertPublishedOnce<World>(
  options: AnchorSuiteOptions<World>,
  world: World,
  anchoring: AnchoringRun<World>,
  intents: readonly StoredIntent[],
): Promise<void> {
  const { maxFeePerIntent } = anchoring.policy;
  assert.equal(intents.length, anchoring.commitments.length, 'no intent is lost');
  const newest = intents.at(-1);
  assert.equal(
    newest?.state,
    'final',
    'the newest checkpoint is final, so every reading is covered',
  );
  for (const intent of intents) {
    const confirmed = await options.confirmed(world, intent.commitment);
    assert.ok(
      confirmed.length <= 1,
      `${confirmed.length} transactions for size ${intent.commitment.size}`,
    );
    const txIds = intent.attempts.map(({ txId }) => txId);
    assert.ok(
      confirmed.every((txId) => txIds.includes(txId)),
      'what is on the ledger was stored before',
    );
    for (const { fee } of intent.attempts)
      assert.ok(
        maxFeePerIntent === undefined || fee.amount <= maxFeePerIntent,
        'within the fee cap',
      );
    if (intent.state !== 'final') continue;
    assert.equal(confirmed.length, 1, 'a final intent is on the ledger');
    assert.ok(intent.evidence, 'a final intent has evidence');
    const verdict = await check(options, world, intent.commitment, intent.evidence);
    assert.ok(verdict.ok, verdict.ok ? '' : `${verdict.code}: ${verdict.detail}`);
  }
}
