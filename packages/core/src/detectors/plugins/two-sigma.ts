import { z } from 'zod';
import { statisticDetector } from '../statistic-detector.js';
import { floorLevel, floorWh, howMany, isMeasured, numberOf, threshold } from '../statistics.js';

/**
 * More than `sigmas` standard deviations from the mean of what the register measured before. A rule of old: on normally
 * distributed readings it flags one in twenty of an honest meter.
 */
export default statisticDetector({
  name: '@wattproof/core/detectors/two-sigma',
  config: z.strictObject({
    sigmas: threshold.default(2),
    /** The newest intervals that are looked at; a week of quarter hours. */
    intervals: howMany.default(672),
    /** Readings of the same length among them before anything is said. */
    minIntervals: howMany.default(96),
    floorWh,
  }),
  capabilities: { version: 1, canQuarantine: false },
  steps: {
    measure(inputs, settings) {
      const { reading, history } = inputs;
      const { startsMs, endsMs, level, length } = history;
      if (!isMeasured(inputs) || length < settings.minIntervals) return undefined;
      const durationMs = reading.endsMs - reading.startsMs;
      let count = 0;
      let sum = 0;
      let squares = 0;
      for (let i = Math.max(0, length - settings.intervals); i < length; i += 1) {
        if ((endsMs[i] as number) - (startsMs[i] as number) !== durationMs) continue;
        const one = level[i] as number;
        count += 1;
        sum += one;
        squares += one * one;
      }
      if (count < settings.minIntervals) return undefined;
      const floor = floorLevel(settings.floorWh, durationMs);
      return { level: reading.level, count, sum, squares, floor };
    },
    decide(statistic, { sigmas }) {
      const [level, count, sum, squares, floor] = ['level', 'count', 'sum', 'squares', 'floor'].map(
        (name) => numberOf(statistic[name]),
      ) as [number, number, number, number, number];
      const mean = sum / count;
      const sigma = Math.max(Math.sqrt(Math.max(0, squares / count - mean * mean)), floor);
      if (!(Math.abs(level - mean) > sigmas * sigma)) return undefined;
      return {
        code: 'two_sigma',
        action: 'flag',
        detail: `more than ${sigmas} standard deviations from the mean of ${count} readings`,
      };
    },
  },
});
