import { JsonNumber } from '../json/number-literal.js';
import { dateOfDays, daysInMonth, daysOfDate, pad } from './civil-date.js';
import { FormatError } from './format.js';

/** A timestamp of an emlog document: its canonical text, and the instant (a naive one is read as UTC). */
export interface EmlogTimestamp {
  readonly text: string;
  /** Milliseconds since 1970 UTC, rounded down. */
  readonly ms: number;
}

/** Above this many seconds (either sign) a number is taken as milliseconds. */
const MILLISECONDS_ABOVE = 20_000_000_000;

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt _](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:([Zz])|([+\-\u2212])(\d\d):?(\d\d))?)?$/;
const INTEGER = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * Reads what the reference implementation's validator (pydantic 2, lax mode) takes for a datetime:
 * ISO 8601 text with `T`, `t`, `_` or a space, with or without seconds, fraction (cut to microseconds)
 * and offset (kept); a date alone; seconds or milliseconds since 1970 as number or as text.
 */
export function emlogTimestamp(raw: unknown, path: string): EmlogTimestamp {
  if (typeof raw === 'string') {
    if (isPlainUtc(raw)) {
      const ms = plainUtcMs(raw);
      if (ms !== undefined) return { text: raw, ms };
    }
    return fromIso(raw, path) ?? fromNumberText(raw, path);
  }
  if (raw instanceof JsonNumber) {
    const value = Number(raw.literal);
    // An integer literal keeps its own path: it has no fraction to round.
    return fromNumber(value, path);
  }
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

/** Milliseconds of `YYYY-MM-DDTHH:MM:SSZ`, whose separators were checked; undefined when not a valid time. */
function plainUtcMs(text: string): number | undefined {
  const two = (at: number): number => {
    const high = text.charCodeAt(at) - 48;
    const low = text.charCodeAt(at + 1) - 48;
    return high >= 0 && high <= 9 && low >= 0 && low <= 9 ? high * 10 + low : Number.NaN;
  };
  const year = two(0) * 100 + two(2);
  const month = two(5);
  const day = two(8);
  const hour = two(11);
  const minute = two(14);
  const second = two(17);
  const valid =
    year >= 1 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysInMonth(year, month) &&
    hour <= 23 &&
    minute <= 59 &&
    second <= 59;
  if (!valid) return undefined;
  return (daysOfDate(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second) * 1000;
}

function fromIso(text: string, path: string): EmlogTimestamp | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, y, mo, d, h = '00', mi = '00', s = '00', fraction = '', z, sign, oh, om] = match;
  const offsetMinutes = sign === undefined ? 0 : Number(oh) * 60 + Number(om);
  if (Number(om ?? 0) > 59 || offsetMinutes >= 1440) return bad(path);
  const seconds = plainUtcMs(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  if (seconds === undefined) return bad(path);
  const micros = fraction.slice(0, 6).padEnd(6, '0');
  const utc = z !== undefined || (sign !== undefined && offsetMinutes === 0);
  const offset = utc ? 'Z' : sign === undefined ? '' : `${sign === '+' ? '+' : '-'}${oh}:${om}`;
  const east = sign === '+' ? offsetMinutes : -offsetMinutes;
  return {
    text: `${y}-${mo}-${d}T${h}:${mi}:${s}${micros === '000000' ? '' : `.${micros}`}${offset}`,
    ms: seconds + Number(micros.slice(0, 3)) - east * 60_000,
  };
}

function fromNumberText(text: string, path: string): EmlogTimestamp {
  if (INTEGER.test(text)) return fromNumber(Number(text), path);
  if (!DECIMAL.test(text)) return bad(path);
  // The reference divides milliseconds as a double and then judges the size once more.
  const value = Number(text);
  const seconds = Math.abs(value) > MILLISECONDS_ABOVE ? value / 1000 : value;
  const whole = Math.floor(seconds);
  const micros = Math.round((seconds - whole) * 1e6);
  return fromParts(whole, Math.abs(whole) > MILLISECONDS_ABOVE, micros, path);
}

/**
 * Seconds (or milliseconds) as a number. The fraction of a negative number is added, not subtracted:
 * −0.1 s becomes 23:59:59.1. That is how the reference reads it, and its hashes depend on it.
 */
function fromNumber(value: number, path: string): EmlogTimestamp {
  if (!Number.isFinite(value)) return bad(path);
  const fraction = Math.abs(value - Math.trunc(value));
  const micros = Math.round(fraction * (Math.abs(value) > MILLISECONDS_ABOVE ? 1e3 : 1e6));
  const whole = Math.floor(value);
  return fromParts(whole, Math.abs(whole) > MILLISECONDS_ABOVE, micros, path);
}

function fromParts(
  whole: number,
  inMs: boolean,
  extraMicros: number,
  path: string,
): EmlogTimestamp {
  let seconds = inMs ? Math.floor(whole / 1000) : whole;
  let micros = extraMicros + (inMs ? (whole - seconds * 1000) * 1000 : 0);
  if (micros >= 1_000_000) {
    seconds += 1;
    micros -= 1_000_000;
  }
  const days = Math.floor(seconds / 86_400);
  const date = dateOfDays(days);
  if (date === undefined) return bad(path, 'datetime_parsing');
  const ofDay = seconds - days * 86_400;
  const time = `${pad(Math.floor(ofDay / 3600), 2)}:${pad(Math.floor(ofDay / 60) % 60, 2)}:${pad(ofDay % 60, 2)}`;
  return {
    text: `${date}T${time}${micros === 0 ? '' : `.${pad(micros, 6)}`}Z`,
    ms: seconds * 1000 + Math.floor(micros / 1000),
  };
}

function bad(path: string, code = 'datetime_from_date_parsing'): never {
  throw new FormatError(
    code,
    `${path} is not a timestamp; send RFC 3339 such as 2025-12-01T10:10:00Z`,
    path,
  );
}
