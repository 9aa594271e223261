import { daysInMonth, daysOfDate } from './civil-date.js';

const UTC_MS = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})Z$/;

/** Milliseconds since 1970 of `YYYY-MM-DDTHH:MM:SS.mmmZ`, the one form our own formats know; else undefined. */
export function utcMilliseconds(text: string): number | undefined {
  const match = UTC_MS.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second, ms] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month))
    return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const seconds = daysOfDate(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
  return seconds * 1000 + ms;
}

export const UTC_MS_FORM = 'a UTC time with milliseconds such as 2025-12-01T10:10:00.000Z';
