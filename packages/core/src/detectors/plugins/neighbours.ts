import { z } from 'zod';
import type { DetectorHistory } from '../../spi/index.js';
import { statisticDetector } from '../statistic-detector.js';
import {
  DAY_MS,
  dayOf,
  isFirstOfDay,
  isMeasured,
  numberOf,
  numbersOf,
  robustZ,
  threshold,
  wattHoursWithin,
} from '../statistics.js';

/** Intervals of yesterday are awaited this long: they come late, or not at all. */
const PATIENCE_MS = 7_200_000;

/**
 * What a plant generated yesterday against the median of plants nearby, which have the same weather. `per: 'rating'` compares
 * yield by rated power; `history` by what the plant itself usually yields, as the rating of a connection says nothing of the
 * panels behind it.
 */
export default statisticDetector({
  name: '@wattproof/core/detectors/neighbours',
  config: z.strictObject({
    z: threshold.default(5),
    per: z.enum(['history', 'rating']).default('history'),
    /** Plants nearby there must be. */
    minNeighbours: z.number().int().min(3).max(1_000).default(5),
    /** Days before yesterday that say what is usual. */
    days: z.number().int().min(3).max(366).default(14),
    /** The least spread, in thousandths of the usual yield (or watt-hours per kW of rating). */
    floor: threshold.default(10),
  }),
  capabilities: { version: 1, canQuarantine: false, neighbours: true },
  steps: {
    measure(inputs, { per, minNeighbours, days }) {
      const { meter, reading, history } = inputs;
      if (!isMeasured(inputs) || reading.direction !== 'generation') return undefined;
      // Once a day, and only then are neighbours looked for.
      if (!isFirstOfDay(inputs, PATIENCE_MS)) return undefined;
      const { neighbours } = inputs;
      if (neighbours.length < minNeighbours) return undefined;
      const today = dayOf(reading.startsMs - PATIENCE_MS);
      const relative = (of: DetectorHistory, ratingW: number | undefined): number | undefined => {
        const yesterday = wattHoursWithin(of, today - DAY_MS, today);
        const unit = per === 'rating' ? ratingW : usualDay(of, today - DAY_MS, days);
        return yesterday === undefined || unit === undefined || unit <= 0
          ? undefined
          : Math.floor((yesterday * 1000) / unit);
      };
      const own = relative(history, meter.ratingW);
      if (own === undefined) return undefined;
      const others = neighbours.flatMap((one) => relative(one.history, one.ratingW) ?? []);
      // In the order of their size: whose value it is is nobody's business.
      return others.length < minNeighbours
        ? undefined
        : { own, others: others.sort((a, b) => a - b) };
    },
    decide(statistic, { z, floor, minNeighbours }) {
      const others = numbersOf(statistic['others']);
      if (others.length < minNeighbours) return undefined;
      const distance = robustZ(numberOf(statistic['own']), others, floor);
      if (!(Math.abs(distance) > z)) return undefined;
      return {
        code: 'unlike_neighbours',
        action: 'flag',
        detail: `yesterday's yield is ${distance > 0 ? 'above' : 'below'} that of ${others.length} plants nearby by a modified z-score beyond ${z}`,
      };
    },
  },
});

/** Mean yield of a day, in watt-hours. */
function usualDay(of: DetectorHistory, untilMs: number, days: number): number | undefined {
  let sum = 0;
  let count = 0;
  for (let day = untilMs - days * DAY_MS; day < untilMs; day += DAY_MS) {
    const total = wattHoursWithin(of, day, day + DAY_MS);
    if (total === undefined) continue;
    sum += total;
    count += 1;
  }
  return count * 2 < days ? undefined : sum / count;
}
