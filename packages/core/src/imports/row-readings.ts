import type { RefusedRow } from './imported-file.js';
import { RowRefusal } from './import-error.js';
import type { ImportedReading, MeterSeries } from './meter-series.js';
import type { RowsOfPart } from './read-rows.js';

/** A reading and the row of the file that ended it. */
export interface RowReading {
  readonly row: number;
  readonly document: ImportedReading;
}

/** What the rows of a part become, in their order. `rowsBefore`: rows of the file that are done. */
export function readingsOf(
  rows: RowsOfPart['rows'],
  series: MeterSeries,
  rowsBefore: number,
): {
  readonly readings: readonly RowReading[];
  readonly refused: readonly RefusedRow[];
  readonly missingValues: number;
} {
  const readings: RowReading[] = [];
  const refused: RefusedRow[] = [];
  let missingValues = 0;
  for (const [at, one] of rows.entries()) {
    const row = rowsBefore + at + 1;
    const read =
      one instanceof RowRefusal
        ? { readings: [], refused: [one], missingValues: 0 }
        : series.read(one);
    missingValues += read.missingValues;
    for (const document of read.readings) readings.push({ row, document });
    for (const { code, detail } of read.refused) refused.push({ row, code, detail });
  }
  return { readings, refused, missingValues };
}

/** First and last instant of the readings, and of those before. */
export function spanWith(
  before: { readonly fromMs?: number; readonly toMs?: number },
  readings: readonly RowReading[],
): { readonly fromMs?: number; readonly toMs?: number } {
  if (readings.length === 0) return before;
  let { fromMs = Infinity, toMs = -Infinity } = before;
  for (const { document } of readings) {
    fromMs = Math.min(fromMs, Date.parse(document['start']!));
    toMs = Math.max(toMs, Date.parse(document['end']!));
  }
  return { fromMs, toMs };
}
