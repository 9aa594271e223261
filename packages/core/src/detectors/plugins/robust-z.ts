import { z } from 'zod';
import { statisticDetector } from '../statistic-detector.js';
import {
  floorLevel,
  floorWh,
  howMany,
  isMeasured,
  numberOf,
  numbersOf,
  placeOf,
  robustZ,
  threshold,
  WEEK_MS,
} from '../statistics.js';

/**
 * Modified z-score (Iglewicz and Hoaglin 1993) against the same hour of the same weekday in the weeks before, with the
 * intervals beside it: so a change to summer time, which moves habits by an hour of UTC, does not surprise.
 */
export default statisticDetector({
  name: '@wattproof/core/detectors/robust-z',
  config: z.strictObject({
    z: threshold.default(3.5),
    /** Weeks that must all have a reading at this time. */
    weeks: z.number().int().min(2).max(52).default(4),
    /** Time before and after it that is looked at, too. */
    aroundMs: z.number().int().nonnegative().max(43_200_000).default(3_600_000),
    /** Values there must be. */
    minValues: howMany.default(8),
    floorWh,
  }),
  capabilities: { version: 1, canQuarantine: false },
  steps: {
    measure(inputs, { weeks, aroundMs, minValues, floorWh: floor }) {
      const { reading, history } = inputs;
      const { startsMs, endsMs, level, length } = history;
      if (!isMeasured(inputs) || length < minValues) return undefined;
      const oldestMs = reading.startsMs - weeks * WEEK_MS - aroundMs;
      if ((startsMs[0] as number) > oldestMs + aroundMs) return undefined;
      const durationMs = reading.endsMs - reading.startsMs;
      const values: number[] = [];
      for (let week = weeks; week >= 1; week -= 1) {
        const atMs = reading.startsMs - week * WEEK_MS;
        const before = values.length;
        for (let i = placeOf(history, atMs - aroundMs); i < length; i += 1) {
          const start = startsMs[i] as number;
          if (start > atMs + aroundMs) break;
          if ((endsMs[i] as number) - start === durationMs) values.push(level[i] as number);
        }
        if (values.length === before) return undefined;
      }
      if (values.length < minValues) return undefined;
      return { level: reading.level, values, floor: floorLevel(floor, durationMs) };
    },
    decide(statistic, settings) {
      const values = numbersOf(statistic['values']);
      const z = robustZ(numberOf(statistic['level']), values, numberOf(statistic['floor']));
      if (!(Math.abs(z) > settings.z)) return undefined;
      return {
        code: 'robust_z',
        action: 'flag',
        detail: `a modified z-score beyond ${settings.z} against ${values.length} readings of this time of the week`,
      };
    },
  },
});
