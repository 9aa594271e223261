import assert from 'node:assert/strict';
import { oneRun } from './one-run.js';
import { sampleOf, scaleOf } from './run-scale.js';
import type { SuiteContext } from './suite-context.js';
import type { Trouble } from './trouble.js';

export const TIMEOUT_MS = 3_600_000;

/** One run for each call of a run and each kind of trouble, or for a sample of them; of every seed. */
export async function everywhere<World, Kind>(
  suite: SuiteContext<World>,
  what: string,
  kinds: readonly Kind[],
  trouble: (at: number, kind: Kind, world: World) => Trouble,
  most: number = scaleOf(suite.options).points,
): Promise<void> {
  const { commitments, seeds } = scaleOf(suite.options);
  const total = { points: Infinity, runs: 0, finals: 0, superseded: 0 };
  const run = (seed: number, at: number, kind: Kind) =>
    oneRun(suite, { commitments, seed, trouble: (world) => trouble(at, kind, world) });
  for (const seed of seeds) {
    const { calls } = await run(seed, Infinity, kinds[0] as Kind);
    assert.ok(calls > 10, 'the run passed through the harness');
    let ofSeed = 0;
    for (const [at, kind] of sampleOf(calls, kinds, most)) {
      const { finals, superseded } = await run(seed, at, kind);
      ofSeed += 1;
      total.finals += finals;
      total.superseded += superseded;
    }
    total.points = Math.min(total.points, ofSeed);
    total.runs += ofSeed;
  }
  tell(suite, what, total, seeds.length);
}

/** By night, how much was run: what a green test alone does not say. */
function tell<World>(
  { options }: SuiteContext<World>,
  what: string,
  total: {
    readonly points: number;
    readonly runs: number;
    readonly finals: number;
    readonly superseded: number;
  },
  seeds: number,
): void {
  if (!scaleOf(options).nightly) return;
  process.stdout.write(
    `${options.plugin.name} ${what}: ${total.points} points or more x ${seeds} seeds = ${total.runs} runs, 0 duplicates, ` +
      `${total.finals} intents final, ${total.superseded} superseded, 0 open\n`,
  );
}
