import { z } from 'zod';
import { statisticDetector } from '../statistic-detector.js';
import {
  DAY_MS,
  dayOf,
  isFirstOfDay,
  isMeasured,
  numbersOf,
  threshold,
  wattHoursWithin,
} from '../statistics.js';

/**
 * Cumulative sum (Page 1954) over the totals of days UTC: a slow drift, as of a fault of a current transformer or of theft.
 * Looked at once a day, with the first reading of the next.
 */
export default statisticDetector({
  name: '@wattproof/core/detectors/cusum',
  config: z
    .strictObject({
      /** Drift that is let pass, in standard deviations of a day. */
      k: threshold.default(0.5),
      /** Sum that is too much, in the same. */
      h: threshold.default(5),
      /** Days that say what is usual; the days after them are summed up. */
      baselineDays: z.number().int().min(5).max(366).default(14),
      /** Days looked at in all. */
      days: z.number().int().min(6).max(400).default(28),
      /** The least standard deviation, in parts of the mean. */
      floorShare: z.number().positive().max(1).default(0.05),
    })
    .refine(({ days, baselineDays }) => days > baselineDays, 'days must be more than baselineDays'),
  capabilities: { version: 1, canQuarantine: false },
  steps: {
    measure(inputs, { days: howManyDays, baselineDays }) {
      const { reading, history } = inputs;
      if (!isMeasured(inputs) || !isFirstOfDay(inputs)) return undefined;
      const today = dayOf(reading.startsMs);
      const first = today - howManyDays * DAY_MS;
      // Without yesterday there is nothing new to say.
      if (wattHoursWithin(history, today - DAY_MS, today) === undefined) return undefined;
      const days: number[] = [];
      for (let day = first; day < today; day += DAY_MS) {
        const total = wattHoursWithin(history, day, day + DAY_MS);
        if (total !== undefined) days.push(total);
      }
      return days.length > baselineDays ? { days } : undefined;
    },
    decide(statistic, { k, h, baselineDays, floorShare }) {
      const days = numbersOf(statistic['days']);
      const baseline = days.slice(0, baselineDays);
      let sum = 0;
      let squares = 0;
      for (const day of baseline) {
        sum += day;
        squares += day * day;
      }
      const mean = sum / baseline.length;
      const variance = Math.max(0, squares / baseline.length - mean * mean);
      // A watt-hour a day is the least: a register that stands still has no drift in its last digit.
      const sigma = Math.max(Math.sqrt(variance), mean * floorShare, 1);
      let up = 0;
      let down = 0;
      let before = 0;
      for (const day of days.slice(baselineDays)) {
        const distance = (day - mean) / sigma;
        before = Math.max(up, down);
        up = Math.max(0, up + distance - k);
        down = Math.max(0, down - distance - k);
      }
      // Said on the day on which it becomes too much.
      if (!(Math.max(up, down) > h) || before > h) return undefined;
      return {
        code: 'cusum',
        action: 'flag',
        detail: `the totals of days drift ${up > down ? 'up' : 'down'}: their cumulative sum is beyond ${h} standard deviations`,
      };
    },
  },
});
