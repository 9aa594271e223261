import { z } from 'zod';
import type { JsonObject } from '../../spi/index.js';
import { statisticDetector } from '../statistic-detector.js';
import { numberOf } from '../statistics.js';
import { sineOf, sineOfSunElevation } from '../sun-elevation.js';

/** The sun's height is looked at this often within a reading, and at both ends. */
const EVERY_MS = 900_000;
/** Whatever lasts longer has a day in it somewhere but in polar winters. */
const LONGEST_MS = 86_400_000;
const UWH_PER_WH = 1_000_000;

/**
 * A solar plant that generates while the sun is far below the horizon: impossible, so the reading is held. What somebody
 * filled in is only flagged: whoever interpolates over a gap draws a line through the night.
 */
export default statisticDetector({
  name: '@wattproof/core/detectors/night-solar',
  config: z.strictObject({
    /** The sun is at least this far below the horizon during the whole reading: civil twilight. */
    belowDeg: z.number().positive().max(30).default(6),
    /** How wrong the time of a reading may be: as much before it and after it has to be night, too. An hour is a forgotten summer time. */
    clockMs: z.number().int().nonnegative().max(43_200_000).default(3_600_000),
    /** What an inverter may say of its own at night, in one reading. */
    maxWh: z.number().nonnegative().max(1_000_000).default(10),
    /** Registers that measure solar generation; absent: every register of direction generation. */
    registers: z.array(z.string().min(1)).optional(),
    /** Meters that generate from something else. */
    exceptMeters: z.array(z.string().min(1)).default([]),
  }),
  capabilities: { version: 1, canQuarantine: true },
  steps: {
    measure({ meter, reading }, { belowDeg, clockMs, maxWh, registers, exceptMeters }) {
      const { location } = meter;
      const { startsMs, endsMs, energyUWh } = reading;
      if (location === undefined || reading.direction !== 'generation') return undefined;
      if (Number(energyUWh) <= maxWh * UWH_PER_WH) return undefined;
      if (registers !== undefined && !registers.includes(reading.register)) return undefined;
      if (exceptMeters.includes(meter.meterId)) return undefined;
      const { latitude, longitude } = location;
      const statistic: JsonObject = {
        energy_uwh: String(energyUWh),
        ends_ms: endsMs,
        estimated: reading.estimated,
        latitude,
        longitude,
        starts_ms: startsMs,
      };
      return isNight(statistic, belowDeg, clockMs) ? statistic : undefined;
    },
    decide(statistic, { belowDeg, clockMs, maxWh }) {
      const energy = statistic['energy_uwh'];
      if (typeof energy !== 'string' || !(Number(energy) > maxWh * UWH_PER_WH)) return undefined;
      if (!isNight(statistic, belowDeg, clockMs)) return undefined;
      return {
        code: 'night_generation',
        action: statistic['estimated'] === false ? 'quarantine' : 'flag',
        detail: `${energy} µWh while the sun was more than ${belowDeg}° below the horizon`,
      };
    },
  },
});

/** Whether the sun stays below `−belowDeg` from the start of a reading to its end, whatever its clock makes of them. */
function isNight(statistic: JsonObject, belowDeg: number, clockMs: number): boolean {
  const startsMs = numberOf(statistic['starts_ms']) - clockMs;
  const endsMs = numberOf(statistic['ends_ms']) + clockMs;
  const place = {
    latitude: numberOf(statistic['latitude']),
    longitude: numberOf(statistic['longitude']),
  };
  const limit = -sineOf(belowDeg);
  const isDark = (atMs: number): boolean => sineOfSunElevation(atMs, place) < limit;
  // Most readings with something in them are of the day: one look tells.
  if (!isDark(startsMs) || !(endsMs - startsMs <= LONGEST_MS)) return false;
  for (let atMs = startsMs + EVERY_MS; atMs < endsMs; atMs += EVERY_MS)
    if (!isDark(atMs)) return false;
  return isDark(endsMs);
}
