import type { ReadingFacts } from '../verify/formats/format.js';

/** Formats that may state one timestamp instead of an interval. In others equal ends are an empty interval. */
const POINT_FORMATS: readonly string[] = ['reading/1', 'gridtokenx-meter/1'];

/** Whether the reading was submitted with one timestamp. */
export function isPointReading(
  format: string,
  { startsMs, endsMs }: Pick<ReadingFacts, 'startsMs' | 'endsMs'>,
): boolean {
  return startsMs === endsMs && POINT_FORMATS.includes(format);
}
