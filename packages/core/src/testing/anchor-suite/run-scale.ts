import type { AnchorSuiteOptions } from './suite-options.js';

const POINTS = 25;
const NIGHTLY_POINTS = 250;
const NIGHTLY_SEEDS = 20;
const COMMITMENTS = 3;
const NIGHTLY_COMMITMENTS = 6;
/** Of the points of crash runs, in runs with other trouble: what goes wrong there has fewer outcomes. */
const SHARE = 0.4;
const NIGHTLY_SHARE = 0.2;

/** How much a suite runs: a fixed sample by day, a tight one over many courses of events by night. */
export interface RunScale {
  readonly nightly: boolean;
  /** Commitments of one run: enough for attempts of several intents to meet. */
  readonly commitments: number;
  /** The course of what disturbs a run; each is another. */
  readonly seeds: readonly number[];
  /** Most places at which the process is cut, per seed. */
  readonly points: number;
  /** Most places of any other trouble, per seed. */
  readonly others: number;
}

export function scaleOf<World>({ crash = {} }: AnchorSuiteOptions<World>): RunScale {
  const { nightlySeeds = NIGHTLY_SEEDS, nightlyCommitments = NIGHTLY_COMMITMENTS } = crash;
  const nightly = Boolean(process.env['WATTPROOF_NIGHTLY']);
  const points = nightly ? (crash.nightlyPoints ?? NIGHTLY_POINTS) : (crash.points ?? POINTS);
  return {
    nightly,
    commitments: nightly ? nightlyCommitments : COMMITMENTS,
    seeds: Array.from({ length: nightly ? nightlySeeds : 1 }, (_unused, index) => index + 1),
    points,
    others: Math.ceil(points * (nightly ? NIGHTLY_SHARE : SHARE)),
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
