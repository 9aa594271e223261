import assert from 'node:assert/strict';
import { TIMEOUT_MS } from './everywhere.js';
import { suiteCommitment, suiteIntent, suitePluginContext } from './commitments.js';
import { oneRun } from './one-run.js';
import { scaleOf } from './run-scale.js';
import type { SuiteContext } from './suite-context.js';
import { signal } from './suite-kit.js';

/** Fee floors, in multiples of what a first attempt costs on a calm ledger; a cap lies between the last two. */
const [RAISED, HIGH, CAP, BEYOND] = [2, 4, 7, 12] as const;
/** Passes in which the cap has to hold before the ledger asks less again. */
const CAPPED_PASSES = 3;

/** A ledger that asks more and more while attempts wait, up to the caps of the policy and beyond. */
export function feeTests<World>(suite: SuiteContext<World>): void {
  const { options, it } = suite;
  const { feeFloor, plugin } = options;
  if (plugin.capabilities.cost !== 'paid' || feeFloor === undefined) return;
  const { commitments } = scaleOf(options);
  const uncapped = { ...options.policy, maxFeePerIntent: undefined, maxFeePerDay: undefined };
  const never = { maxBumps: 100, bumpEveryMs: 3_600_000 };

  /** What a first attempt costs on a calm ledger. */
  const calmFee = async (): Promise<bigint> => {
    const world = await options.open();
    await feeFloor(world, 0);
    const anchor = options.create(world, suitePluginContext());
    try {
      return (await anchor.quote(suiteIntent(suiteCommitment(1)), signal())).fee.amount;
    } finally {
      await anchor.close();
      await options.close?.(world);
    }
  };

  it(
    'follows a fee floor that rises while attempts wait, and publishes each commitment once',
    async () => {
      const calm = await calmFee();
      await oneRun(suite, {
        commitments,
        seed: 0,
        blockless: 2,
        policy: uncapped,
        course: (_run, world) => ({
          before: async (step) => {
            if (step === 2) await feeFloor(world, RAISED);
            if (step === 4) await feeFloor(world, HIGH);
          },
        }),
        settled: async (run, world) => {
          await feeFloor(world, 0);
          const dearest = run.audit.sent.map(({ fee }) => fee.amount).sort((a, b) => Number(b - a));
          assert.ok((dearest[0] ?? 0n) >= calm * BigInt(RAISED), 'the floor was never paid');
        },
      });
    },
    TIMEOUT_MS,
  );

  it(
    'waits as capped while the ledger asks more than an intent may cost, sends nothing dearer, and goes on when it asks less',
    async () => {
      const maxFeePerIntent = (await calmFee()) * BigInt(CAP);
      // Before anything was signed, and behind an attempt that waits.
      for (const riseAt of [0, 1]) {
        let capped = 0;
        await oneRun(suite, {
          commitments: 1,
          seed: 0,
          blockless: 2,
          policy: { ...uncapped, maxFeePerIntent },
          course: (_run, world) => ({
            before: async (step) => {
              if (step === riseAt) await feeFloor(world, BEYOND);
            },
            after: async (intents) => {
              if (intents.every(({ state }) => state !== 'capped')) return;
              capped += 1;
              if (capped === CAPPED_PASSES) await feeFloor(world, RAISED);
            },
          }),
          settled: async (_run, world) => feeFloor(world, 0),
        });
        assert.ok(
          capped >= CAPPED_PASSES,
          `floor raised at step ${riseAt}, capped ${capped} times`,
        );
      }
    },
    TIMEOUT_MS,
  );

  it(
    'signs within a day no more than a day may cost, and the rest when it is over',
    async () => {
      const maxFeePerDay = (await calmFee()) * BigInt(CAP);
      let capped = 0;
      await oneRun(suite, {
        commitments: 2,
        seed: 0,
        policy: { ...uncapped, ...never, maxFeePerDay },
        course: (_run, world) => ({
          before: async (step) => (step === 0 ? feeFloor(world, HIGH) : undefined),
          after: async (intents) => {
            capped += intents.filter(({ state }) => state === 'capped').length;
          },
        }),
        settled: async (_run, world) => feeFloor(world, 0),
      });
      assert.ok(capped > 0, 'two commitments at this floor cost more than a day may');
    },
    TIMEOUT_MS,
  );
}
