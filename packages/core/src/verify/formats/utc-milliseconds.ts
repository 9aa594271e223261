import { daysInMonth, daysOfDate } from './civil-date.js';

const LENGTH = 24;
/** What stands between the numbers of `YYYY-MM-DDTHH:MM:SS.mmmZ`, by place: there are four instants to every reading. */
const MARKS = [
  [4, 45],
  [7, 45],
  [10, 84],
  [13, 58],
  [16, 58],
  [19, 46],
  [23, 90],
] as const;

/** Milliseconds since 1970 of `YYYY-MM-DDTHH:MM:SS.mmmZ`, the one form our own formats know; else undefined. */
export function utcMilliseconds(text: string): number | undefined {
  if (text.length !== LENGTH) return undefined;
  for (const [at, unit] of MARKS) if (text.charCodeAt(at) !== unit) return undefined;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 7);
  const day = digits(text, 8, 10);
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month))
    return undefined;
  const hour = digits(text, 11, 13);
  const minute = digits(text, 14, 16);
  const second = digits(text, 17, 19);
  const ms = digits(text, 20, 23);
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  if (hour < 0 || minute < 0 || second < 0 || ms < 0) return undefined;
  const seconds = daysOfDate(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
  return seconds * 1000 + ms;
}

/** The number in `text[from, to)`; −1 when something else than a digit stands there. */
function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at += 1) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

export const UTC_MS_FORM = 'a UTC time with milliseconds such as 2025-12-01T10:10:00.000Z';
