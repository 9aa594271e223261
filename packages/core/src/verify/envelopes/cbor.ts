import { concat, EncodingError, fromUtf8, utf8 } from '../bytes.js';
import { JsonNumber } from '../json/number-literal.js';
import type { JsonTree } from '../json/reader.js';
import { EnvelopeError } from './envelope-error.js';

/** What is read of CBOR: no floats, no tags, no undefined. A map keeps its order. */
export type CborValue =
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | readonly CborValue[]
  | CborMap;

export class CborMap {
  constructor(readonly entries: readonly (readonly [CborValue, CborValue])[]) {}

  /** Value of an integer or text label; undefined when there is none. */
  get(label: bigint | string): CborValue | undefined {
    return this.entries.find(([key]) => key === label)?.[1];
  }
}

/** Deepest nesting of arrays and maps. */
const MAX_DEPTH = 16;
/** Most items of one message: each costs memory many times its byte. */
const MAX_ITEMS = 10_000;

const [UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP] = [0, 1, 2, 3, 4, 5] as const;

function invalid(what: string, at: number): EnvelopeError {
  return new EnvelopeError('cbor_invalid', `the CBOR ${what} at byte ${at}`);
}

/**
 * One value of deterministically encoded CBOR (RFC 8949 §4.2.1): shortest heads, definite lengths, keys in bytewise order and each
 * once; nothing follows it. Throws `cbor_invalid`.
 */
export function readCbor(bytes: Uint8Array): CborValue {
  const reader = new CborReader(bytes);
  const value = reader.value(0);
  reader.end();
  return value;
}

class CborReader {
  #at = 0;
  #items = 0;

  constructor(private readonly bytes: Uint8Array) {}

  end(): void {
    if (this.#at < this.bytes.length) throw invalid('has something behind its value', this.#at);
  }

  value(depth: number): CborValue {
    const start = this.#at;
    this.#items += 1;
    if (this.#items > MAX_ITEMS) throw invalid(`has more than ${MAX_ITEMS} items`, start);
    const { major, argument } = this.#head();
    switch (major) {
      case UNSIGNED:
        return argument;
      case NEGATIVE:
        return -1n - argument;
      case BYTES:
        return this.#take(argument);
      case TEXT:
        return this.#text(argument, start);
      case ARRAY:
        return this.#array(argument, depth, start);
      case MAP:
        return this.#map(argument, depth, start);
      default:
        return this.#simple(major, argument, start);
    }
  }

  #head(): { readonly major: number; readonly argument: bigint } {
    const start = this.#at;
    const [first] = this.#take(1n) as unknown as [number];
    const major = first >> 5;
    const info = first & 0x1f;
    if (info < 24) return { major, argument: BigInt(info) };
    if (info > 27) throw invalid('has an indefinite or reserved length', start);
    const width = 1 << (info - 24);
    let argument = 0n;
    for (const byte of this.#take(BigInt(width))) argument = (argument << 8n) | BigInt(byte);
    // A narrower head would have held it.
    const least = width === 1 ? 24n : 1n << BigInt(4 * width);
    if (argument < least) throw invalid('has a head that is not the shortest', start);
    return { major, argument };
  }

  #take(length: bigint): Uint8Array {
    const left = this.bytes.length - this.#at;
    if (length > BigInt(left)) throw invalid('ends too early', this.#at);
    const taken = this.bytes.subarray(this.#at, this.#at + Number(length));
    this.#at += Number(length);
    return taken;
  }

  #text(length: bigint, start: number): string {
    try {
      return fromUtf8(this.#take(length));
    } catch (error) {
      if (!(error instanceof EncodingError)) throw error;
      throw invalid('has text that is not UTF-8', start);
    }
  }

  #nest(count: bigint, perItem: bigint, depth: number, start: number): number {
    if (depth >= MAX_DEPTH) throw invalid(`is nested deeper than ${MAX_DEPTH} levels`, start);
    // Every item takes a byte at least: no list is begun that cannot end.
    if (count * perItem > BigInt(this.bytes.length - this.#at))
      throw invalid('ends too early', start);
    return Number(count);
  }

  #array(argument: bigint, depth: number, start: number): CborValue[] {
    const count = this.#nest(argument, 1n, depth, start);
    const items: CborValue[] = [];
    for (let i = 0; i < count; i += 1) items.push(this.value(depth + 1));
    return items;
  }

  #map(argument: bigint, depth: number, start: number): CborMap {
    const count = this.#nest(argument, 2n, depth, start);
    const entries: (readonly [CborValue, CborValue])[] = [];
    let before: Uint8Array | undefined;
    for (let i = 0; i < count; i += 1) {
      const keyAt = this.#at;
      const key = this.value(depth + 1);
      const encoded = this.bytes.subarray(keyAt, this.#at);
      if (before !== undefined && !isBefore(before, encoded))
        throw invalid('has a map whose keys are not in order, each once', keyAt);
      before = encoded;
      entries.push([key, this.value(depth + 1)]);
    }
    return new CborMap(entries);
  }

  #simple(major: number, argument: bigint, start: number): boolean | null {
    if (major === 7 && argument === 20n) return false;
    if (major === 7 && argument === 21n) return true;
    if (major === 7 && argument === 22n) return null;
    throw invalid('has a tag, a float or a simple value that is not read here', start);
  }
}

function isBefore(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length && i < b.length; i += 1) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return a.length < b.length;
}

function head(major: number, argument: bigint | number): Uint8Array {
  const value = BigInt(argument);
  const first = major << 5;
  if (value < 24n) return Uint8Array.of(first | Number(value));
  const info = value < 1n << 8n ? 0 : value < 1n << 16n ? 1 : value < 1n << 32n ? 2 : 3;
  const out = new Uint8Array(1 + (1 << info));
  out[0] = first | (24 + info);
  for (let i = out.length - 1, rest = value; i > 0; i -= 1, rest >>= 8n)
    out[i] = Number(rest & 0xffn);
  return out;
}

/** Bytes as a CBOR byte string. */
export function cborBytes(bytes: Uint8Array): Uint8Array {
  return concat(head(BYTES, bytes.length), bytes);
}

/** Text as a CBOR text string. */
export function cborText(text: string): Uint8Array {
  const bytes = utf8(text);
  return concat(head(TEXT, bytes.length), bytes);
}

/** An array of encoded values. */
export function cborArray(...items: readonly Uint8Array[]): Uint8Array {
  return concat(head(ARRAY, items.length), ...items);
}

/**
 * The deterministic encoding of a JSON value whose numbers are integers of 64 bits (read with `literal`). Throws `cbor_invalid` for
 * other numbers: CBOR has several forms of them.
 */
export function cborOfJson(value: JsonTree): Uint8Array {
  if (typeof value === 'string') return cborText(value);
  if (value === null || typeof value === 'boolean')
    return Uint8Array.of(value === null ? 0xf6 : value ? 0xf5 : 0xf4);
  if (Array.isArray(value)) return cborArray(...value.map((item) => cborOfJson(item)));
  if (value instanceof JsonNumber || typeof value === 'number')
    return integer(String(value instanceof JsonNumber ? value.literal : value));
  const entries = Object.entries(value).map(
    ([key, item]) => [cborText(key), cborOfJson(item)] as const,
  );
  entries.sort(([a], [b]) => (isBefore(a, b) ? -1 : 1));
  return concat(head(MAP, entries.length), ...entries.flat());
}

function integer(literal: string): Uint8Array {
  if (!/^-?(?:0|[1-9]\d{0,19})$/.test(literal) || literal === '-0')
    throw invalid('has no form for a number that is no integer', 0);
  const value = BigInt(literal);
  const argument = value < 0n ? -1n - value : value;
  if (argument >> 64n !== 0n) throw invalid('has no form for an integer of more than 64 bits', 0);
  return head(value < 0n ? NEGATIVE : UNSIGNED, argument);
}

/** A value as JSON text: integers, text, booleans, null, arrays, and maps with text keys. Throws `cbor_invalid`. */
export function jsonOfCbor(value: CborValue): string {
  if (typeof value === 'bigint' || typeof value === 'boolean' || value === null)
    return String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Uint8Array) throw invalid('has a byte string where JSON has none', 0);
  if (value instanceof CborMap) {
    const members = value.entries.map(([key, item]) => {
      if (typeof key !== 'string') throw invalid('has a key that is no text', 0);
      return `${JSON.stringify(key)}:${jsonOfCbor(item)}`;
    });
    return `{${members.join(',')}}`;
  }
  return `[${value.map((item) => jsonOfCbor(item)).join(',')}]`;
}
