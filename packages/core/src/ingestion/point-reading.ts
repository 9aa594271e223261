import type { ReadingFacts } from '../verify/formats/format.js';

/** Formats that may state one timestamp instead of an interval. In others equal ends are an empty interval. */
const POINT_FORMATS: readonly string[] = ['reading/1'];
/** Formats that never state more than one timestamp; their readings have the interval it stands for already. */
const SUBMITTING_FORMATS: readonly string[] = ['gridtokenx-meter/1'];
/** Registers whose energy may be worth something: two readings of it must never count the same minutes. */
const DELIVERING: readonly string[] = ['generation', 'export'];
/** What a reading of delivered energy with one timestamp stands for. */
export const COVERED_MS = 900_000;

/** Whether the reading has one timestamp and no interval. */
export function isPointReading(
  format: string,
  { startsMs, endsMs }: Pick<ReadingFacts, 'startsMs' | 'endsMs'>,
): boolean {
  return startsMs === endsMs && POINT_FORMATS.includes(format);
}

/** Whether the document stated one timestamp, whatever interval that stands for. */
export function isSubmitted(
  format: string,
  stated: Pick<ReadingFacts, 'startsMs' | 'endsMs'>,
): boolean {
  return SUBMITTING_FORMATS.includes(format) || isPointReading(format, stated);
}

/**
 * The reading with the time it covers: delivered energy with one timestamp t covers [t − 15 min, t). Consumption with one
 * timestamp stays a point.
 */
export function covered(format: string, reading: ReadingFacts): ReadingFacts {
  const delivers = ({ energies }: ReadingFacts): boolean =>
    energies.some(({ register }) => DELIVERING.includes(register));
  if (!isPointReading(format, reading) || !delivers(reading)) return reading;
  return { ...reading, startsMs: reading.endsMs - COVERED_MS };
}
