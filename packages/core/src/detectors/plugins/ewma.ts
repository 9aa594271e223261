import { z } from 'zod';
import { statisticDetector } from '../statistic-detector.js';
import {
  DAY_MS,
  floorLevel,
  floorWh,
  howMany,
  isMeasured,
  numberOf,
  placeOf,
  threshold,
} from '../statistics.js';

/**
 * Exponentially weighted moving average (Roberts 1959) of the difference to the same time a day before: a change of level
 * that stays, too small to be seen in one reading. The spread of the average is measured, not derived from that of the
 * differences: the weather of a day moves all of them together.
 */
export default statisticDetector({
  name: '@wattproof/core/detectors/ewma',
  config: z.strictObject({
    /** Weight of the newest difference. */
    lambda: z.number().positive().max(1).default(0.2),
    /** Limit, in standard deviations of the average. */
    limit: threshold.default(3),
    /** The newest differences that are looked at: two weeks of hours, three and a half days of quarter hours. */
    intervals: howMany.default(336),
    /** Differences before anything is said. */
    minDifferences: howMany.default(72),
    floorWh,
  }),
  capabilities: { version: 1, canQuarantine: false },
  steps: {
    measure(inputs, { lambda, intervals, minDifferences, floorWh: floor }) {
      const { reading, history } = inputs;
      const { startsMs, endsMs, level, length } = history;
      if (!isMeasured(inputs) || length < minDifferences) return undefined;
      const durationMs = reading.endsMs - reading.startsMs;
      let from = Math.max(0, length - intervals);
      let before = placeOf(history, (startsMs[from] ?? 0) - DAY_MS);
      let count = 0;
      let average = 0;
      let sum = 0;
      let squares = 0;
      for (; from < length; from += 1) {
        const start = startsMs[from] as number;
        while ((startsMs[before] as number) < start - DAY_MS) before += 1;
        if (startsMs[before] !== start - DAY_MS) continue;
        if ((endsMs[from] as number) - start !== durationMs) continue;
        if ((endsMs[before] as number) - (startsMs[before] as number) !== durationMs) continue;
        const difference = (level[from] as number) - (level[before] as number);
        average = lambda * difference + (1 - lambda) * average;
        count += 1;
        sum += average;
        squares += average * average;
      }
      const yesterday = placeOf(history, reading.startsMs - DAY_MS);
      if (count < minDifferences || startsMs[yesterday] !== reading.startsMs - DAY_MS)
        return undefined;
      const difference = reading.level - (level[yesterday] as number);
      return { average, count, difference, floor: floorLevel(floor, durationMs), squares, sum };
    },
    decide(statistic, { lambda, limit }) {
      const of = (name: string): number => numberOf(statistic[name]);
      const mean = of('sum') / of('count');
      const variance = Math.max(0, of('squares') / of('count') - mean * mean);
      const sigma = Math.max(Math.sqrt(variance), of('floor') * Math.sqrt(lambda / (2 - lambda)));
      const before = of('average');
      const average = lambda * of('difference') + (1 - lambda) * before;
      const isBeyond = (one: number): boolean => Math.abs(one - mean) > limit * sigma;
      // Said when it begins: an average that is beyond stays so for a while.
      if (!isBeyond(average) || isBeyond(before)) return undefined;
      return {
        code: 'ewma',
        action: 'flag',
        detail: `the moving average of the differences to the day before is beyond ${limit} standard deviations`,
      };
    },
  },
});
