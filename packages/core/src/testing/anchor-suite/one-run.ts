import assert from 'node:assert/strict';
import type { StoredIntent } from '../../anchoring/anchor.store.js';
import type { SignedAttempt } from '../../spi/index.js';
import { CutPoint } from '../cut-at-await.js';
import { AnchoringRun, type RunCourse } from './anchoring-run.js';
import { capBreaches } from './run-audit.js';
import { seededRandom } from './seeded-random.js';
import type { SuiteContext } from './suite-context.js';
import type { AnchorSuiteOptions } from './suite-options.js';
import { check, signal } from './suite-kit.js';
import type { Trouble } from './trouble.js';

export interface RunWish<World> extends Omit<RunCourse, 'before' | 'after'> {
  /** 0: nothing disturbs the run but its trouble. */
  readonly seed: number;
  readonly trouble?: (world: World) => Trouble;
  readonly policy?: AnchorSuiteOptions<World>['policy'];
  /** Steps of its own, with everything in reach. */
  course?(run: AnchoringRun<World>, world: World): Partial<RunCourse>;
  /** Once everything is settled and before it is judged. */
  settled?(run: AnchoringRun<World>, world: World): Promise<void>;
  /** The store lost attempts: what another one of them published need not be in it. */
  readonly lossy?: boolean;
}

export interface RunReport {
  /** Calls at which trouble could have struck. */
  readonly calls: number;
  readonly finals: number;
  readonly superseded: number;
}

/** One ledger, one store, one course of things, and the verdict on what it came to. */
export async function oneRun<World>(
  { options, build }: SuiteContext<World>,
  wish: RunWish<World>,
): Promise<RunReport> {
  const world = await options.open();
  const trouble: Trouble = wish.trouble?.(world) ?? new CutPoint(Infinity);
  const { seed, policy } = wish;
  const run = new AnchoringRun({ options, world, trouble, build, ...(policy ? { policy } : {}) });
  const random = seededRandom(seed);
  const course = wish.course?.(run, world);
  try {
    await run.untilSettled({
      ...wish,
      ...course,
      before: async (step) => {
        if (seed > 0) await disturb(options, world, run, random);
        await course?.before?.(step);
      },
    });
    await trouble.end?.();
    await options.setDown(world, false);
    await options.settle(world);
    await wish.settled?.(run, world);
    const intents = await run.intents();
    await assertPublishedOnce(options, world, run, intents, wish.lossy ?? false);
    const count = (state: string) => intents.filter((intent) => intent.state === state).length;
    return { calls: trouble.calls, finals: count('final'), superseded: count('superseded') };
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    const where = trouble.cutAt ?? 'nowhere';
    throw new Error(`seed ${seed}, trouble at ${where}: ${what}`, { cause: error });
  } finally {
    await run.close();
    await options.close?.(world);
  }
}

/** Whatever the ledger's own means are; and now and then somebody who has seen old bytes sends them again. */
async function disturb<World>(
  options: AnchorSuiteOptions<World>,
  world: World,
  run: AnchoringRun<World>,
  random: () => number,
): Promise<void> {
  await options.disturb?.(world, random);
  const { sent } = run.audit;
  if (sent.length === 0 || random() > 0.2) return;
  const old = sent[Math.floor(random() * sent.length)] as SignedAttempt;
  await run.anchor.broadcast(old, signal()).catch(() => undefined);
}

async function assertPublishedOnce<World>(
  options: AnchorSuiteOptions<World>,
  world: World,
  run: AnchoringRun<World>,
  intents: readonly StoredIntent[],
  lossy: boolean,
): Promise<void> {
  const { capabilities } = options.plugin;
  assert.deepEqual(run.audit.breaches, [], 'only stored bytes are sent, within the cap of a day');
  assert.deepEqual(capBreaches(intents, run.policy, lossy), [], 'no fee cap is exceeded');
  assert.equal(intents.length, run.commitments.length, 'no intent is lost');
  assert.equal(
    intents.at(-1)?.state,
    'final',
    'the newest checkpoint is final, so every reading is covered',
  );
  const winners = new Map<string, string>();
  for (const intent of intents) {
    const { size } = intent.commitment;
    const confirmed = await options.confirmed(world, intent.commitment);
    // Who cannot ask the ledger pays a second time for what the store has lost, and not a third time.
    const most = lossy && !run.anchor.findExisting ? 2 : 1;
    assert.ok(confirmed.length <= most, `${confirmed.length} transactions for size ${size}`);
    const carriers = intent.attempts.filter(({ childOf }) => childOf === undefined);
    assert.ok(
      lossy || confirmed.every((id) => carriers.some(({ txId }) => txId === id)),
      'what is on the ledger was stored before',
    );
    for (const { txId, conflictKey } of carriers) {
      if (!confirmed.includes(txId) || capabilities.exclusion === 'none') continue;
      assert.equal(winners.get(conflictKey), undefined, `two transactions on ${conflictKey}`);
      winners.set(conflictKey, txId);
    }
    if (intent.state !== 'final') continue;
    await assertFinal(options, world, intent, confirmed);
    const final = carriers.find(({ state }) => state === 'final');
    if (capabilities.finality === 'probabilistic')
      assert.ok(
        (final?.inclusion?.depth ?? 0) >= run.policy.finalityDepth,
        `size ${size} was called final at depth ${final?.inclusion?.depth}`,
      );
  }
}

/** What the store calls final is on the ledger now, and its evidence proves it. */
export async function assertFinal<World>(
  options: AnchorSuiteOptions<World>,
  world: World,
  { commitment, attempts, evidence }: StoredIntent,
  /** Left out, the ledger is asked. */
  confirmed?: readonly string[],
): Promise<void> {
  const final = attempts.find(({ state, childOf }) => state === 'final' && childOf === undefined);
  const onLedger = confirmed ?? (await options.confirmed(world, commitment));
  assert.ok(
    final && onLedger.includes(final.txId),
    `size ${commitment.size} is called final and ${final?.txId} is in no block`,
  );
  assert.ok(evidence, 'a final intent has evidence');
  const verdict = await check(options, world, commitment, evidence);
  assert.ok(
    verdict.ok,
    verdict.ok ? '' : `evidence of size ${commitment.size}: ${verdict.code}: ${verdict.detail}`,
  );
}
