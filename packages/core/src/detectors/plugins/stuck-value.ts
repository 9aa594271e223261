import { z } from 'zod';
import { statisticDetector } from '../statistic-detector.js';
import { howMany, isMeasured } from '../statistics.js';

/** The same value, other than nothing, again and again: a meter that hangs, or numbers somebody typed. */
export default statisticDetector({
  name: '@wattproof/core/detectors/stuck-value',
  config: z.strictObject({
    /** Equal readings in a row, this one among them. */
    intervals: howMany.min(2).default(12),
  }),
  capabilities: { version: 1, canQuarantine: false },
  steps: {
    measure(inputs, { intervals }) {
      const { reading, history } = inputs;
      const { startsMs, endsMs, energyUWh, length } = history;
      const { energyUWh: value } = reading;
      if (!isMeasured(inputs) || value === 0n || length < intervals - 1) return undefined;
      const durationMs = reading.endsMs - reading.startsMs;
      for (let i = length - intervals + 1; i < length; i += 1)
        if (
          energyUWh[i] !== value ||
          (endsMs[i] as number) - (startsMs[i] as number) !== durationMs
        )
          return undefined;
      const values = Array.from({ length: intervals }, () => String(value));
      return { values };
    },
    decide({ values }, { intervals }) {
      if (!Array.isArray(values) || values.length < intervals) return undefined;
      if (values[0] === '0' || values.some((one) => one !== values[0])) return undefined;
      return {
        code: 'stuck_value',
        action: 'flag',
        detail: `${intervals} readings in a row say the same`,
      };
    },
  },
});
