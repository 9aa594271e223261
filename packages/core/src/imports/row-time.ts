import type { LocalTime } from './local-time.js';
import { RowRefusal } from './import-error.js';

/** RFC 3339, as files write it: a blank for the T, an offset without its colon or none at all, no seconds. */
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?(Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?$/i;

const PARTS = { yyyy: 0, MM: 1, dd: 2, HH: 3, mm: 4, ss: 5, f: 6 } as const;

/** The end of the year 9999, in ms since 1970: the last there is in RFC 3339. */
const LAST_MS = 253_402_300_799_999;

/** Instants a text can stand for, in order: two of an hour that comes twice. */
export type RowInstants = readonly [number, number?];

/** Reads the instant of a row, in ms since 1970. `form`: `iso`, `unix-s`, `unix-ms`, or letters for digits. */
export function rowTimeReader(
  form: string,
  local: LocalTime,
): (text: string) => RowInstants | RowRefusal {
  const invalid = (text: string): RowRefusal =>
    new RowRefusal('time_invalid', `"${text.slice(0, 64)}" is no instant of the form ${form}`);
  if (form === 'unix-s' || form === 'unix-ms') {
    const factor = form === 'unix-s' ? 1000 : 1;
    return (text) => {
      const ms = /^\d{1,15}$/.test(text) ? Number(text) * factor : Infinity;
      return ms <= LAST_MS ? [ms] : invalid(text);
    };
  }
  if (form === 'iso')
    return (text) => {
      const match = ISO.exec(text);
      if (match === null) return invalid(text);
      const wallMs = wall(match.slice(1, 8));
      if (wallMs === undefined) return invalid(text);
      const zone = match[8];
      if (zone === undefined) return local.instants(wallMs);
      return [wallMs - offsetOf(zone)];
    };
  const { pattern, order } = patternOf(form);
  return (text) => {
    const match = pattern.exec(text);
    if (match === null) return invalid(text);
    const fields: (string | undefined)[] = [];
    for (const [at, field] of order.entries()) fields[field] = match[at + 1];
    const wallMs = wall(fields);
    return wallMs === undefined ? invalid(text) : local.instants(wallMs);
  };
}

function patternOf(form: string): { readonly pattern: RegExp; readonly order: readonly number[] } {
  const order: number[] = [];
  const parts = form.match(/yyyy|MM|dd|HH|mm|ss|f|[^f]/g) ?? [];
  const fieldAt = (at: number): number | undefined =>
    (PARTS as Readonly<Record<string, number>>)[parts[at] ?? ''];
  const source = parts
    .map((part, at) => {
      const field = fieldAt(at);
      if (field === undefined) return part.replace(/[.*+?^${}()|[\]\\/]/, '\\$&');
      order.push(field);
      if (field === PARTS.f) return '(\\d{1,9})';
      if (field === PARTS.yyyy) return '(\\d{4})';
      // Days and months of UCI's file have no leading zero; between other digits they need it.
      const isApart = fieldAt(at - 1) === undefined && fieldAt(at + 1) === undefined;
      return isApart ? '(\\d{1,2})' : '(\\d{2})';
    })
    .join('');
  return { pattern: new RegExp(`^${source}$`), order };
}

/** Year to fraction as if the clock showed UTC; undefined for a date that no calendar has. */
function wall(fields: readonly (string | undefined)[]): number | undefined {
  const [year = NaN, month = 1, day = 1, hour = 0, minute = 0, second = 0] = fields
    .slice(0, 6)
    .map((field) => (field === undefined ? undefined : Number(field)));
  const ms = Number((fields[6] ?? '0').padEnd(3, '0').slice(0, 3));
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second, ms));
  const same =
    date.getUTCFullYear() === year &&
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  return same && year > 0 ? date.getTime() : undefined;
}

function offsetOf(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0;
  const sign = zone.startsWith('-') ? -1 : 1;
  const digits = zone.slice(1).replace(':', '');
  return sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * 60_000;
}
