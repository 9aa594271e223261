import { JsonError } from './json/json-error.js';
import { parseJson } from './json/parse.js';
import { hasLoneSurrogate } from './json/lone-surrogate.js';
import { MAX_JSON_DEPTH } from './json/reader.js';
import { utf8Bytes } from './native-text.js';

/**
 * The JSON Canonicalization Scheme of RFC 8785: members sorted by UTF-16 code units, ECMAScript
 * numbers, minimal escapes, no white space. Throws `JsonError` for whatever has no such form: NaN,
 * infinities, lone surrogates, undefined, functions, and bigints a double cannot hold.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

/** `canonicalJson` as UTF-8. */
export function canonicalJsonBytes(value: unknown): Uint8Array {
  return utf8Bytes(canonicalJson(value));
}

/** The canonical bytes of JSON text (or UTF-8 bytes), read strictly; integers must be exact doubles. */
export function canonicalizeJsonText(json: string | Uint8Array): Uint8Array {
  return canonicalJsonBytes(parseJson(json, 'i-json'));
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      if (!Number.isFinite(value)) return refuse(`${value} is not a JSON number`);
      // ECMA-262 Number::toString is the form RFC 8785 §3.2.2.3 prescribes; it writes −0 as 0.
      return String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      if (BigInt(Number(value)) !== value || String(Number(value)) !== String(value))
        throw new JsonError(
          'json_number_precision',
          `${value} is not exactly a double; write it as a string`,
        );
      return String(value);
    case 'object':
      if (value === null) return 'null';
      if (depth >= MAX_JSON_DEPTH)
        throw new JsonError('json_too_deep', `Nested deeper than ${MAX_JSON_DEPTH} levels`);
      return Array.isArray(value) ? writeArray(value, depth) : writeObject(value, depth);
    default:
      return refuse(`A ${typeof value} has no JSON form`);
  }
}

function writeArray(items: readonly unknown[], depth: number): string {
  let out = '[';
  for (let i = 0; i < items.length; i += 1) {
    if (i > 0) out += ',';
    out += write(items[i], depth + 1);
  }
  return `${out}]`;
}

function writeObject(object: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(object);
  // Only plain objects: a Date, a Map or bytes would silently become something else.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
    return refuse(`A ${object.constructor?.name ?? 'class'} instance has no JSON form`);
  // Array.prototype.sort without a comparator orders by UTF-16 code units, as §3.2.3 asks.
  const keys = Object.keys(object).sort();
  let out = '{';
  for (let i = 0; i < keys.length; i += 1) {
    const key = keys[i]!;
    if (i > 0) out += ',';
    out += `${quote(key)}:${write((object as Record<string, unknown>)[key], depth + 1)}`;
  }
  return `${out}}`;
}

function quote(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  if (hasLoneSurrogate(text))
    throw new JsonError('json_lone_surrogate', 'Half a surrogate pair in a string');
  // JSON.stringify escapes exactly what RFC 8785 §3.2.2.2 lists, in the same form.
  return JSON.stringify(text);
}

const PLAIN = /^[ !#-[\]-~]*$/;

function refuse(message: string): never {
  throw new JsonError('json_not_serialisable', message);
}
