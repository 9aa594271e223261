import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  kwhFromWh,
  type RegisterInterval,
  registerIntervals,
  type RegisterValue,
  whFromKwh,
} from '@wattproof/core/simulator';

const FILE = resolve(import.meta.dirname, '../../../../data/household-konstanz-60min.csv');
const HOUR_MS = 3_600_000;

export const HOUSEHOLD = {
  siteId: 'konstanz-residential4',
  deviceId: 'konstanz-gateway',
  meterId: 'konstanz-meter',
  ratingW: 17_250,
  location: { latitude: 47.7, longitude: 9.2 },
} as const;

/** Register of the file, its letter in the column `interpolated`, and the field of `reading/1` it becomes. */
const REGISTERS = [
  { column: 1, letter: 'I', field: 'import_kwh' },
  { column: 2, letter: 'E', field: 'export_kwh' },
  { column: 3, letter: 'P', field: 'generation_kwh' },
] as const;

export type EnergyField = (typeof REGISTERS)[number]['field'];

export interface RegisterSeries {
  readonly field: EnergyField;
  /** Last minus first value, in watt-hours. */
  readonly differenceWh: bigint;
  readonly intervals: readonly RegisterInterval[];
}

/** The household's registers between two instants, as intervals between the values that exist. */
export function householdSeries(fromMs: number, toMs: number): readonly RegisterSeries[] {
  const rows = readFileSync(FILE, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','))
    .map((cells) => ({ atMs: Date.parse(cells[0] as string), cells }))
    .filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  return REGISTERS.map(({ column, letter, field }) => {
    const values: RegisterValue[] = rows.flatMap(({ atMs, cells }) => {
      const literal = cells[column] as string;
      if (literal === '') return [];
      const estimated = (cells[4] ?? '').includes(letter);
      return [{ atMs, registerWh: whFromKwh(literal), estimated }];
    });
    const [first, last] = [values[0], values.at(-1)] as [RegisterValue, RegisterValue];
    return {
      field,
      differenceWh: last.registerWh - first.registerWh,
      intervals: registerIntervals(values, HOUR_MS),
    };
  });
}

/** One `reading/1` document per interval of a register, in order of time. */
export function householdDocuments(series: readonly RegisterSeries[]): readonly object[] {
  return series
    .flatMap(({ field, intervals }) => intervals.map((interval) => ({ field, interval })))
    .sort((a, b) => a.interval.endsMs - b.interval.endsMs)
    .map(({ field, interval }, index) => ({
      v: 'reading/1',
      site: HOUSEHOLD.siteId,
      device: HOUSEHOLD.deviceId,
      meter: HOUSEHOLD.meterId,
      start: new Date(interval.startsMs).toISOString(),
      end: new Date(interval.endsMs).toISOString(),
      seq: index + 1,
      [field]: kwhFromWh(interval.energyWh),
      ...(interval.estimated ? { status: 'estimated' } : {}),
    }));
}
