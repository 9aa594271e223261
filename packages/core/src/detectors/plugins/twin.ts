import { z } from 'zod';
import { statisticDetector } from '../statistic-detector.js';
import { DAY_MS, howMany, isFirstOfDay, isMeasured, placeOf } from '../statistics.js';

/** As with the neighbours of a day: what comes late is awaited. */
const PATIENCE_MS = 7_200_000;

/** The very numbers of a meter nearby: one meter under two names. Looked at once a day. */
export default statisticDetector({
  name: '@wattproof/core/detectors/twin',
  config: z.strictObject({
    /** Intervals of the last day that must all be equal and not nothing. */
    minEqual: howMany.min(4).default(6),
  }),
  capabilities: { version: 1, canQuarantine: false, neighbours: true },
  steps: {
    measure(inputs, { minEqual }) {
      const { reading, history } = inputs;
      if (!isMeasured(inputs) || !isFirstOfDay(inputs, PATIENCE_MS)) return undefined;
      const from = placeOf(history, reading.startsMs - DAY_MS);
      for (const { history: other } of inputs.neighbours) {
        const own: string[] = [];
        const others: string[] = [];
        let at = placeOf(other, reading.startsMs - DAY_MS);
        let equal = true;
        for (let i = from; equal && i < history.length; i += 1) {
          const start = history.startsMs[i] as number;
          while (at < other.length && (other.startsMs[at] as number) < start) at += 1;
          if (other.startsMs[at] !== start || history.energyUWh[i] === 0n) continue;
          equal = other.energyUWh[at] === history.energyUWh[i];
          own.push(String(history.energyUWh[i]));
          others.push(String(other.energyUWh[at]));
        }
        if (equal && own.length >= minEqual) return { own, others };
      }
      return undefined;
    },
    decide({ own, others }, { minEqual }) {
      if (!Array.isArray(own) || !Array.isArray(others) || own.length < minEqual) return undefined;
      if (own.length !== others.length) return undefined;
      if (own.some((one, i) => one !== others[i] || one === '0')) return undefined;
      return {
        code: 'twin_meter',
        action: 'flag',
        detail: `${own.length} readings of the last day are those of another meter nearby`,
      };
    },
  },
});
