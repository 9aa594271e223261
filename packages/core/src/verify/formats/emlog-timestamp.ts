import { JsonNumber } from '../json/number-literal.js';
import { dateOfDays, daysInMonth, daysOfDate, pad } from './civil-date.js';
import { FormatError } from './format.js';

/** Above this many seconds (either sign) a number is taken as milliseconds. */
const MILLISECONDS_ABOVE = 20_000_000_000;

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt _](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:([Zz])|([+\-\u2212])(\d\d):?(\d\d))?)?$/;
const INTEGER = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * Reads what the reference implementation's validator (pydantic 2, lax mode) takes for a datetime:
 * ISO 8601 text with `T`, `t`, `_` or a space, with or without seconds, fraction (cut to microseconds)
 * and offset (kept); a date alone; seconds or milliseconds since 1970 as number or as text. Returns
 * the canonical text.
 */
export function emlogTimestamp(raw: unknown, path: string): string {
  if (typeof raw === 'string') {
    if (isPlainUtc(raw) && isDateTime(raw)) return raw;
    return fromIso(raw, path) ?? fromNumberText(raw, path);
  }
  if (raw instanceof JsonNumber) return fromNumber(Number(raw.literal), path);
  if (typeof raw === 'number') return fromNumber(raw, path);
  if (typeof raw === 'bigint') return fromNumber(Number(raw), path);
  throw new FormatError('datetime_type', `${path} must be a timestamp`, path);
}

function isPlainUtc(text: string): boolean {
  return (
    text.length === 20 &&
    text.charCodeAt(4) === 45 &&
    text.charCodeAt(7) === 45 &&
    text.charCodeAt(10) === 84 &&
    text.charCodeAt(13) === 58 &&
    text.charCodeAt(16) === 58 &&
    text.charCodeAt(19) === 90
  );
}

/** True when the digits of a text that begins `YYYY-MM-DD?HH:MM:SS` are a date and a time of day. */
function isDateTime(text: string): boolean {
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  return (
    year >= 1 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysInMonth(year, month) &&
    twoDigits(text, 11) <= 23 &&
    twoDigits(text, 14) <= 59 &&
    twoDigits(text, 17) <= 59
  );
}

/** Two decimal digits as a number; NaN when they are none. */
function twoDigits(text: string, at: number): number {
  const high = text.charCodeAt(at) - 48;
  const low = text.charCodeAt(at + 1) - 48;
  return high >= 0 && high <= 9 && low >= 0 && low <= 9 ? high * 10 + low : Number.NaN;
}

/**
 * Milliseconds since 1970 UTC, rounded down, of a canonical timestamp. One without an offset is read
 * as UTC.
 */
export function timestampMs(canonical: string): number {
  const days = daysOfDate(
    twoDigits(canonical, 0) * 100 + twoDigits(canonical, 2),
    twoDigits(canonical, 5),
    twoDigits(canonical, 8),
  );
  const seconds =
    days * 86_400 +
    twoDigits(canonical, 11) * 3600 +
    twoDigits(canonical, 14) * 60 +
    twoDigits(canonical, 17);
  const fraction = canonical.charCodeAt(19) === 46 ? Number(canonical.slice(20, 23)) : 0;
  const ms = seconds * 1000 + fraction;
  const sign = canonical.charCodeAt(canonical.length - 6);
  if (sign !== 43 && sign !== 45) return ms;
  const hours = twoDigits(canonical, canonical.length - 5);
  const offsetMs = (hours * 60 + twoDigits(canonical, canonical.length - 2)) * 60_000;
  return sign === 43 ? ms - offsetMs : ms + offsetMs;
}

function fromIso(text: string, path: string): string | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, y, mo, d, h = '00', mi = '00', s = '00', fraction = '', z, sign, oh, om] = match;
  const time = `${y}-${mo}-${d}T${h}:${mi}:${s}`;
  const offsetMinutes = sign === undefined ? 0 : Number(oh) * 60 + Number(om);
  if (Number(om ?? 0) > 59 || offsetMinutes >= 1440) return bad(path);
  if (!isDateTime(time))
    // The reference tells a date it cannot hold, of the year 0, from one that does not exist.
    return bad(path, isDateTime(time.replace(/^0000/, '2000')) ? 'datetime_parsing' : undefined);
  const micros = fraction.slice(0, 6).padEnd(6, '0');
  const utc = z !== undefined || (sign !== undefined && offsetMinutes === 0);
  const offset = utc ? 'Z' : sign === undefined ? '' : `${sign === '+' ? '+' : '-'}${oh}:${om}`;
  return `${time}${micros === '000000' ? '' : `.${micros}`}${offset}`;
}

function fromNumberText(text: string, path: string): string {
  if (INTEGER.test(text)) return fromNumber(Number(text), path, NOT_A_TIMESTAMP);
  if (!DECIMAL.test(text)) return bad(path);
  // The reference divides milliseconds as a double and then judges the size once more.
  const value = Number(text);
  const seconds = Math.abs(value) > MILLISECONDS_ABOVE ? value / 1000 : value;
  const whole = Math.floor(seconds);
  const micros = Math.round((seconds - whole) * 1e6);
  return fromParts(whole, Math.abs(whole) > MILLISECONDS_ABOVE, micros, path, NOT_A_TIMESTAMP);
}

/**
 * Seconds (or milliseconds) as a number. The fraction of a negative number is added, not subtracted:
 * −0.1 s becomes 23:59:59.1. That is how the reference reads it, and its hashes depend on it.
 */
function fromNumber(value: number, path: string, tooFar = 'datetime_parsing'): string {
  if (!Number.isFinite(value)) return bad(path, tooFar);
  const fraction = Math.abs(value - Math.trunc(value));
  const micros = Math.round(fraction * (Math.abs(value) > MILLISECONDS_ABOVE ? 1e3 : 1e6));
  const whole = Math.floor(value);
  return fromParts(whole, Math.abs(whole) > MILLISECONDS_ABOVE, micros, path, tooFar);
}

/** `tooFar`: the code for a time outside the years 1 … 9999, which depends on how it was written. */
function fromParts(
  whole: number,
  inMs: boolean,
  extraMicros: number,
  path: string,
  tooFar: string,
): string {
  let seconds = inMs ? Math.floor(whole / 1000) : whole;
  let micros = extraMicros + (inMs ? (whole - seconds * 1000) * 1000 : 0);
  if (micros >= 1_000_000) {
    seconds += 1;
    micros -= 1_000_000;
  }
  const days = Math.floor(seconds / 86_400);
  const date = dateOfDays(days);
  if (date === undefined) return bad(path, tooFar);
  const ofDay = seconds - days * 86_400;
  const time = `${pad(Math.floor(ofDay / 3600), 2)}:${pad(Math.floor(ofDay / 60) % 60, 2)}:${pad(ofDay % 60, 2)}`;
  return `${date}T${time}${micros === 0 ? '' : `.${pad(micros, 6)}`}Z`;
}

const NOT_A_TIMESTAMP = 'datetime_from_date_parsing';

function bad(path: string, code = NOT_A_TIMESTAMP): never {
  throw new FormatError(
    code,
    `${path} is not a timestamp; send RFC 3339 such as 2025-12-01T10:10:00Z`,
    path,
  );
}
