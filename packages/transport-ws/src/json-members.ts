/** Where a value lies among the bytes of a message. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Members that any message of ours could have, and some to spare. */
const MAX_MEMBERS = 16;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Where the values of a JSON object's members lie, without building any: what a device signs or measures is handed on byte for
 * byte and read once, strictly, by whoever judges it. In UTF-8 no structural character hides inside another one. Undefined when the
 * bytes are no object of few members with names of their own; brackets inside of values are only counted.
 */
export function memberSpans(bytes: Uint8Array): ReadonlyMap<string, Span> | undefined {
  const found = new Map<string, Span>();
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPEN_OBJECT) return undefined;
  at = skipSpace(bytes, at + 1);
  if (bytes[at] === CLOSE_OBJECT) return atEnd(bytes, at + 1) ? found : undefined;
  for (;;) {
    const name = nameAt(bytes, at);
    if (name === undefined || found.has(name.text) || found.size === MAX_MEMBERS) return undefined;
    at = skipSpace(bytes, name.end);
    if (bytes[at] !== COLON) return undefined;
    const start = skipSpace(bytes, at + 1);
    const end = endOfValue(bytes, start);
    if (end === undefined) return undefined;
    found.set(name.text, { start, end });
    at = skipSpace(bytes, end);
    if (bytes[at] === CLOSE_OBJECT) return atEnd(bytes, at + 1) ? found : undefined;
    if (bytes[at] !== COMMA) return undefined;
    at = skipSpace(bytes, at + 1);
  }
}

const atEnd = (bytes: Uint8Array, at: number): boolean => skipSpace(bytes, at) === bytes.length;

function nameAt(
  bytes: Uint8Array,
  at: number,
): { readonly text: string; readonly end: number } | undefined {
  const end = bytes[at] === QUOTE ? endOfString(bytes, at) : undefined;
  if (end === undefined) return undefined;
  const text = new TextDecoder().decode(bytes.subarray(at + 1, end - 1));
  // No name of ours needs an escape.
  return text.includes('\\') ? undefined : { text, end };
}

/** White space of RFC 8259 §2. */
function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09)
    at += 1;
  return at;
}

/** Behind the string that begins at `at`. */
function endOfString(bytes: Uint8Array, at: number): number | undefined {
  for (let from = at + 1; ;) {
    const quote = bytes.indexOf(QUOTE, from);
    if (quote < 0) return undefined;
    let before = quote;
    while (bytes[before - 1] === BACKSLASH) before -= 1;
    if ((quote - before) % 2 === 0) return quote + 1;
    from = quote + 1;
  }
}

/** Behind the value that begins at `start`; undefined when there is none, or no end of it. */
function endOfValue(bytes: Uint8Array, start: number): number | undefined {
  const first = bytes[start];
  if (first === QUOTE) return endOfString(bytes, start);
  let at = start;
  if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) {
    while (at < bytes.length && !isDelimiter(bytes[at]!)) at += 1;
    return at === start ? undefined : at;
  }
  for (let depth = 0; at < bytes.length;) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      const end = endOfString(bytes, at);
      if (end === undefined) return undefined;
      at = end;
      continue;
    }
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth += 1;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth -= 1;
    at += 1;
    if (depth === 0) return at;
  }
  return undefined;
}

function isDelimiter(byte: number): boolean {
  return (
    byte <= 0x20 ||
    byte === COMMA ||
    byte === COLON ||
    byte === CLOSE_OBJECT ||
    byte === CLOSE_ARRAY ||
    byte === OPEN_OBJECT ||
    byte === OPEN_ARRAY ||
    byte === QUOTE
  );
}
