import { z } from 'zod';
import type { DetectorHistory, DetectorInputs } from '../spi/index.js';

export const DAY_MS = 86_400_000;
export const WEEK_MS = 7 * DAY_MS;

/** A threshold: finite and more than nothing. */
export const threshold = z.number().positive().max(1_000);
/** How many of something. */
export const howMany = z.number().int().positive().max(100_000);

/**
 * The least spread that counts as one, in watt-hours of an interval: a display moves in steps, and what never varied would
 * otherwise be infinitely surprised. Two steps of a usual meter.
 */
export const floorWh = z.number().positive().max(1_000_000).default(2);

/** The same as a level (`DetectorHistory.level`) of intervals of this length. */
export function floorLevel(wattHours: number, durationMs: number): number {
  return durationMs <= 1 ? wattHours * 1_000_000 : (wattHours * 3_600_000_000) / durationMs;
}

/** Whether a reading can be compared with others at all. */
export function isMeasured({ reading }: DetectorInputs): boolean {
  return !reading.estimated;
}

/** Median of a sorted list; of an even number, the mean of the middle two. */
export function median(sorted: ArrayLike<number>): number {
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? 0) + high) / 2;
}

export function sorted(values: readonly number[]): Float64Array {
  return Float64Array.from(values).sort();
}

/** 0.6745 (x − median) / MAD (Iglewicz and Hoaglin 1993), the spread no less than `floor`. */
export function robustZ(value: number, values: readonly number[], floor: number): number {
  const middle = median(sorted(values));
  const spread = median(sorted(values.map((one) => Math.abs(one - middle))));
  return (0.6745 * (value - middle)) / Math.max(spread, floor);
}

/** The first place whose interval starts at `startsMs` or later. */
export function placeOf({ startsMs, length }: DetectorHistory, atMs: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((startsMs[middle] as number) < atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether the reading is the register's first since `offsetMs` after a midnight UTC: what looks at days looks once a day. */
export function isFirstOfDay({ reading, history }: DetectorInputs, offsetMs = 0): boolean {
  const { length, startsMs } = history;
  if (length === 0) return false;
  const markMs = dayOf(reading.startsMs - offsetMs) + offsetMs;
  return (startsMs[length - 1] as number) < markMs;
}

/** Midnight UTC before or at an instant. */
export function dayOf(atMs: number): number {
  return Math.floor(atMs / DAY_MS) * DAY_MS;
}

/**
 * Watt-hours of `[fromMs, untilMs)`, rounded down, of the intervals within it; undefined when they cover less than nine
 * tenths of it.
 */
export function wattHoursWithin(
  history: DetectorHistory,
  fromMs: number,
  untilMs: number,
): number | undefined {
  const { startsMs, endsMs, level, length } = history;
  let coveredMs = 0;
  // Milliwatts × milliseconds.
  let sum = 0;
  for (let i = placeOf(history, fromMs); i < length; i += 1) {
    const endMs = endsMs[i] as number;
    if (endMs > untilMs) break;
    const durationMs = endMs - (startsMs[i] as number);
    // A point has no duration, and its level is none that could be multiplied with it.
    if (durationMs <= 1) continue;
    coveredMs += durationMs;
    sum += (level[i] as number) * durationMs;
  }
  return coveredMs * 10 < (untilMs - fromMs) * 9 ? undefined : Math.floor(sum / 3_600_000_000);
}

/** Figures of a stored statistic; what is none is NaN, which exceeds nothing. */
export function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN;
}

export function numbersOf(value: unknown): number[] {
  return Array.isArray(value) ? value.map(numberOf) : [];
}
