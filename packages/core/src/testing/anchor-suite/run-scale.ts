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
    commitments: nightly ? 4 : 3,
    seeds: Array.from({ length: nightly ? nightlySeeds : 1 }, (_unused, index) => index + 1),
    points: nightly ? nightlyPoints : points,
  };
}

/** At most `limit` of the numbers below `places`, evenly; the stride is odd, so that a sample meets every kind. */
export function* sampleOf(places: number, limit: number): Generator<number> {
  const stride = Math.ceil(places / Math.max(1, limit)) | 1;
  for (let place = 0; place < places; place += stride) yield place;
}
