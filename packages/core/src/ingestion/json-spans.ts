import { quoted, Refusal } from './refusal.js';

/**
 * Finds where the values of a JSON text begin and end without building them, so that every item keeps its raw text:
 * number literals stay exact and each document is parsed once, by its format's strict reader. Brackets are only counted
 * here; what lies between them is judged by whoever reads the span.
 */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One member of an object: its decoded name and where its value lies. */
export interface MemberSpan extends Span {
  readonly name: string;
}

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;
const OPEN_ARRAY = 91;
const CLOSE_ARRAY = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

function isSpace(unit: number): boolean {
  return unit === 32 || unit === 10 || unit === 13 || unit === 9;
}

/** First position at or after `at` that is not JSON white space (RFC 8259 §2). */
export function skipSpace(text: string, at: number): number {
  let next = at;
  while (isSpace(text.charCodeAt(next))) next += 1;
  return next;
}

/** Position behind the string that begins at `at`, or −1 when it does not end before `stop`. */
function endOfString(text: string, at: number, stop: number): number {
  let from = at + 1;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote < 0 || quote >= stop) return -1;
    let before = quote;
    while (text.charCodeAt(before - 1) === BACKSLASH) before -= 1;
    if ((quote - before) % 2 === 0) return quote + 1;
    from = quote + 1;
  }
}

/**
 * Position behind the value that begins at `at`, or −1 when there is none or it does not end before `stop`. Nothing from
 * `stop` on is looked at: a thousand open lines must not cost a thousand times the message.
 */
export function endOfValue(text: string, at: number, stop = text.length): number {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return endOfString(text, at, stop);
  if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) {
    let end = at;
    for (; end < stop; end += 1) {
      const unit = text.charCodeAt(end);
      if (isSpace(unit) || unit === COMMA || unit === CLOSE_ARRAY || unit === CLOSE_OBJECT) break;
    }
    return end > at ? end : -1;
  }
  let depth = 0;
  for (let i = at; i < stop; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) {
      i = endOfString(text, i, stop) - 1;
      if (i < 0) return -1;
    } else if (unit === OPEN_OBJECT || unit === OPEN_ARRAY) {
      depth += 1;
    } else if (unit === CLOSE_OBJECT || unit === CLOSE_ARRAY) {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
  }
  return -1;
}

function invalid(what: string, at: number): Refusal {
  return new Refusal('json_syntax', `${what} at character ${at}`);
}

/**
 * Elements of the array that begins at `at`, and the position behind it; at most `most` + 1 elements are looked at, so
 * a caller sees that there are too many without paying for them.
 */
export function arraySpans(
  text: string,
  at: number,
  most: number,
): { readonly spans: readonly Span[]; readonly end: number } | Refusal {
  const spans: Span[] = [];
  let next = skipSpace(text, at + 1);
  if (text.charCodeAt(next) === CLOSE_ARRAY) return { spans, end: next + 1 };
  for (;;) {
    const end = endOfValue(text, next);
    if (end < 0) return invalid('expected a value', next);
    spans.push({ start: next, end });
    next = skipSpace(text, end);
    const unit = text.charCodeAt(next);
    if (unit === CLOSE_ARRAY) return { spans, end: next + 1 };
    if (spans.length > most) return { spans, end: text.length };
    if (unit !== COMMA) return invalid('expected "," or "]"', next);
    next = skipSpace(text, next + 1);
  }
}

/** Members of the object in `text[start, end)`, in order; duplicates are left for the caller to refuse. */
export function memberSpans(
  text: string,
  start: number,
  end: number,
): readonly MemberSpan[] | Refusal {
  const members: MemberSpan[] = [];
  let next = skipSpace(text, start + 1);
  if (text.charCodeAt(next) === CLOSE_OBJECT && next === end - 1) return members;
  for (;;) {
    if (text.charCodeAt(next) !== QUOTE) return invalid('expected a member name', next);
    const nameEnd = endOfString(text, next, end);
    if (nameEnd < 0) return invalid('the string does not end', next);
    const name = stringAt(text, next, nameEnd);
    if (name instanceof Refusal) return name;
    next = skipSpace(text, nameEnd);
    if (text.charCodeAt(next) !== COLON) return invalid('expected ":"', next);
    next = skipSpace(text, next + 1);
    const valueEnd = endOfValue(text, next, end);
    if (valueEnd < 0 || valueEnd >= end) return invalid('expected a value', next);
    members.push({ name, start: next, end: valueEnd });
    next = skipSpace(text, valueEnd);
    const unit = text.charCodeAt(next);
    if (unit === CLOSE_OBJECT && next === end - 1) return members;
    if (unit !== COMMA) return invalid('expected "," or "}"', next);
    next = skipSpace(text, next + 1);
  }
}

// A plain string has no escape and no control character; then its value is its text.
const PLAIN = /^[^"\\\u0000-\u001f]*$/;

/** The value of the string literal in `text[start, end)`. */
export function stringAt(text: string, start: number, end: number): string | Refusal {
  const inner = text.slice(start + 1, end - 1);
  if (text.charCodeAt(start) !== QUOTE || end - start < 2)
    return invalid('expected a string', start);
  if (PLAIN.test(inner)) return inner;
  try {
    return JSON.parse(text.slice(start, end)) as string;
  } catch {
    return invalid(`${quoted(inner)} is not a JSON string`, start);
  }
}
