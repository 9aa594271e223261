type Item = null | boolean | number | bigint | string | Uint8Array;

/** How elements of one type travel in PostgreSQL's binary format (the `…recv` functions of its source). */
interface Codec {
  /** `oid` of pg_type.dat. */
  readonly oid: number;
  /** Length of an element; −1 of what is not of this type. */
  readonly bytes: (item: Item) => number;
  readonly write: (to: Buffer, item: Item, at: number) => void;
}

const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

const CODECS: Readonly<Record<string, Codec>> = {
  bool: {
    oid: 16,
    bytes: (item) => (typeof item === 'boolean' ? 1 : -1),
    write: (to, item, at) => to.fill(item === true ? 1 : 0, at, at + 1),
  },
  bytea: {
    oid: 17,
    bytes: (item) => (item instanceof Uint8Array ? item.length : -1),
    write: (to, item, at) => to.set(item as Uint8Array, at),
  },
  int8: {
    oid: 20,
    bytes: (item) =>
      Number.isSafeInteger(item) || (typeof item === 'bigint' && BigInt.asIntN(64, item) === item)
        ? 8
        : -1,
    write(to, item, at) {
      if (typeof item === 'bigint') to.writeBigInt64BE(item, at);
      else {
        const high = Math.floor((item as number) / 2 ** 32);
        to.writeInt32BE(high, at);
        to.writeUInt32BE((item as number) - high * 2 ** 32, at + 4);
      }
    },
  },
  int4: {
    oid: 23,
    bytes: (item) => (typeof item === 'number' && (item | 0) === item ? 4 : -1),
    write: (to, item, at) => to.writeInt32BE(item as number, at),
  },
  text: {
    oid: 25,
    bytes: (item) => (typeof item === 'string' ? Buffer.byteLength(item) : -1),
    write: (to, item, at) => to.write(item as string, at, 'utf8'),
  },
  uuid: {
    oid: 2950,
    bytes: (item) => (typeof item === 'string' && UUID.test(item) ? 16 : -1),
    write: (to, item, at) => to.write((item as string).replaceAll('-', ''), at, 'hex'),
  },
};

/** Dimensions, has-null flag, element type, length and lower bound; then every element behind its length. */
const HEAD_BYTES = 20;
const LENGTH_BYTES = 4;
const NULL_LENGTH = -1;

/** The element types that a statement casts its parameters to, at the parameters' places. */
export function arrayTypes(text: string): readonly (string | undefined)[] {
  const types: (string | undefined)[] = [];
  for (const [, place, type] of text.matchAll(/\$(\d+)::(\w+)\[\]/g))
    types[Number(place) - 1] = type;
  return types;
}

/**
 * A one-dimensional array as `array_recv` reads it: neither side turns bytes into text and back. Undefined for a type it
 * does not know and for an element that is not of its type: then the server is to say so.
 */
export function binaryArray(type: string | undefined, items: readonly Item[]): Buffer | undefined {
  const codec = type === undefined ? undefined : CODECS[type];
  if (codec === undefined || items.length === 0) return undefined;
  const lengths = new Int32Array(items.length);
  let size = HEAD_BYTES + items.length * LENGTH_BYTES;
  let hasNull = 0;
  for (let i = 0; i < items.length; i += 1) {
    const item = items[i] ?? null;
    // Columns repeat themselves: account, format, key.
    const bytes =
      item === null ? NULL_LENGTH : item === items[i - 1] ? lengths[i - 1]! : codec.bytes(item);
    if (item === null) hasNull = 1;
    else if (bytes < 0) return undefined;
    else size += bytes;
    lengths[i] = bytes;
  }
  const array = Buffer.allocUnsafe(size);
  [1, hasNull, codec.oid, items.length, 1].forEach((value, i) => array.writeInt32BE(value, i * 4));
  let at = HEAD_BYTES;
  for (let i = 0; i < items.length; i += 1) {
    const bytes = lengths[i]!;
    array.writeInt32BE(bytes, at);
    at += LENGTH_BYTES;
    if (bytes === NULL_LENGTH) continue;
    if (i > 0 && items[i] === items[i - 1])
      array.copyWithin(at, at - LENGTH_BYTES - bytes, at - LENGTH_BYTES);
    else codec.write(array, items[i] ?? null, at);
    at += bytes;
  }
  return array;
}
