import type { AnchorSuiteOptions } from './suite-options.js';

const POINTS = 25;
const NIGHTLY_POINTS = 250;
const NIGHTLY_SEEDS = 20;

/** How much a suite runs: a fixed sample by day, a tight one over many courses of events by night. */
export interface RunScale {
  readonly nightly: boolean;
  /** Commitments of one run: enough for attempts of several intents to meet. */
  readonly commitments: number;
  /** The course of what disturbs a run; each is another. */
  readonly seeds: readonly number[];
  /** Most places at which the process is cut, per seed. */
  readonly points: number;
}

export function scaleOf<World>({ crash = {} }: AnchorSuiteOptions<World>): RunScale {
  const { points = POINTS, nightlyPoints = NIGHTLY_POINTS, nightlySeeds = NIGHTLY_SEEDS } = crash;
  const nightly = Boolean(process.env['WATTPROOF_NIGHTLY']);
  return {
    nightly,
    commitments: nightly ? 6 : 3,
    seeds: Array.from({ length: nightly ? nightlySeeds : 1 }, (_unused, index) => index + 1),
    points: nightly ? nightlyPoints : points,
  };
}

/** Of all calls (from 1) with all kinds of what can happen there, at most `limit` pairs: spread evenly, kinds in turn. */
export function* sampleOf<Kind>(
  calls: number,
  kinds: readonly Kind[],
  limit: number,
): Generator<readonly [at: number, kind: Kind]> {
  const places = calls * kinds.length;
  const count = Math.min(places, Math.ceil(limit));
  for (let nth = 0; nth < count; nth += 1) {
    const at = Math.floor((nth * places) / count / kinds.length) + 1;
    yield [at, kinds[nth % kinds.length] as Kind];
  }
}
