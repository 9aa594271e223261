import { join } from './hex.js';

/** Recursive Length Prefix (yellow paper, appendix B): a byte string or a list of items. */
export type Rlp = Uint8Array | readonly Rlp[];

export class MalformedRlp extends Error {
  override readonly name = 'MalformedRlp';
}

/** Widest number of the EVM: adding up what is longer takes time with the square of its length. */
const MAX_SCALAR_BYTES = 32;
/** Far deeper than anything Ethereum hashes, far less than the stack holds. */
const MAX_DEPTH = 64;

/** Decodes exactly one item. Refuses every form that encoding would not give: a value has one encoding only. */
export function decodeRlp(bytes: Uint8Array): Rlp {
  const { item, end } = itemAt(bytes, 0, bytes.length, 0);
  if (end !== bytes.length) throw new MalformedRlp('bytes follow the item');
  return item;
}

export function encodeRlp(item: Rlp): Uint8Array {
  if (item instanceof Uint8Array) {
    if (item.length === 1 && (item[0] as number) < 0x80) return item;
    return join(prefix(0x80, item.length), item);
  }
  const content = join(...item.map(encodeRlp));
  return join(prefix(0xc0, content.length), content);
}

/** A whole number as RLP wants it: big-endian without leading zeros, nothing for 0. */
export function scalar(value: bigint | number): Uint8Array {
  const digits: number[] = [];
  for (let rest = BigInt(value); rest > 0n; rest >>= 8n) digits.unshift(Number(rest & 255n));
  return Uint8Array.from(digits);
}

/** The whole number a scalar stands for. */
export function scalarOf(item: Rlp | undefined): bigint {
  if (!(item instanceof Uint8Array)) throw new MalformedRlp('a number expected, got a list');
  if (item.length > MAX_SCALAR_BYTES) throw new MalformedRlp('a number of more than 256 bits');
  if (item[0] === 0) throw new MalformedRlp('a number with leading zeros');
  return item.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function itemAt(
  bytes: Uint8Array,
  at: number,
  limit: number,
  depth: number,
): { item: Rlp; end: number } {
  const first = at < limit ? (bytes[at] as number) : fail('the item ends early');
  if (first < 0x80) return { item: bytes.slice(at, at + 1), end: at + 1 };
  const list = first >= 0xc0;
  const short = first - (list ? 0xc0 : 0x80);
  let start = at + 1;
  let length = short;
  if (short > 55) {
    start += short - 55;
    if (start > limit || bytes[at + 1] === 0 || short - 55 > 4)
      fail('a length that is not minimal');
    length = bytes.slice(at + 1, start).reduce((sum, byte) => sum * 256 + byte, 0);
    if (length <= 55) fail('a length that is not minimal');
  }
  const end = start + length;
  if (end > limit) fail('the item ends early');
  if (!list) {
    if (length === 1 && (bytes[start] as number) < 0x80) fail('a byte that needs no prefix');
    return { item: bytes.slice(start, end), end };
  }
  if (depth === MAX_DEPTH) fail('lists within lists, too deep');
  const items: Rlp[] = [];
  for (let next = start; next < end;) {
    const inner = itemAt(bytes, next, end, depth + 1);
    items.push(inner.item);
    next = inner.end;
  }
  return { item: items, end };
}

function prefix(base: number, length: number): Uint8Array {
  if (length <= 55) return Uint8Array.of(base + length);
  const digits = scalar(length);
  return join(Uint8Array.of(base + 55 + digits.length), digits);
}

function fail(message: string): never {
  throw new MalformedRlp(message);
}
