import { levelOf, RegisterHistory } from '../../src/detectors/register-history.js';
import type { DetectorInputs } from '../../src/spi/index.js';

export const HOUR_MS = 3_600_000;

/** A Monday. */
export const MONDAY_MS = Date.parse('2026-03-02T00:00:00Z');

export type WattHours = (hour: number) => number;

/** Hours of a register from `fromMs` on, and the reading of the hour after them. */
export function hourly(options: {
  readonly hours: number;
  readonly wattHours: WattHours;
  readonly reading: number;
  readonly register?: string;
  readonly fromMs?: number;
  readonly meter?: Partial<DetectorInputs['meter']>;
  readonly estimated?: boolean;
  readonly endsMs?: number;
  readonly neighbours?: readonly WattHours[];
}): DetectorInputs {
  const { hours, wattHours, reading, register = 'generation', fromMs = MONDAY_MS } = options;
  const startsMs = fromMs + hours * HOUR_MS;
  const { endsMs = startsMs + HOUR_MS } = options;
  const historyOf = (of: WattHours) => {
    const history = new RegisterHistory(100_000);
    for (let hour = 0; hour < hours; hour += 1)
      history.add({
        startsMs: fromMs + hour * HOUR_MS,
        endsMs: fromMs + (hour + 1) * HOUR_MS,
        energyUWh: BigInt(of(hour)) * 1_000_000n,
      });
    return history.before(startsMs, 0);
  };
  const energyUWh = BigInt(reading) * 1_000_000n;
  return {
    meter: { meterId: 'm', ...options.meter },
    reading: {
      startsMs,
      endsMs,
      register,
      direction: register === 'generation' ? 'generation' : 'consumption',
      energyUWh,
      level: levelOf({ startsMs, endsMs, energyUWh }),
      estimated: options.estimated ?? false,
    },
    history: historyOf(wattHours),
    neighbours: (options.neighbours ?? []).map((of) => ({ history: historyOf(of) })),
  };
}
