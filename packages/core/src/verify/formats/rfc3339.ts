import { daysInMonth, daysOfDate } from './civil-date.js';

const FORM =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;

/**
 * Milliseconds since 1970 UTC, rounded down, of an RFC 3339 time with upper-case `T` and `Z`, up to nine digits of a second
 * and any offset; else undefined. No leap seconds: no meter counts energy in them.
 */
export function rfc3339Ms(text: string): number | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const fraction = (match[7] ?? '').slice(0, 3).padEnd(3, '0');
  const [offsetHours, offsetMinutes] = [Number(match[9] ?? 0), Number(match[10] ?? 0)];
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month))
    return undefined;
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59)
    return undefined;
  const offset = (offsetHours * 60 + offsetMinutes) * (match[8] === '-' ? -60 : 60);
  const seconds =
    daysOfDate(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
  return seconds * 1000 + Number(fraction);
}
