import type { JsonValue } from '../../spi/index.js';
import { CursorInvalid } from '../list-cursor.js';

/** What an index can hold. Integers sort before strings; strings sort by code point, as `COLLATE "C"` does. */
export type IndexValue = string | number;

const MAX_INDEXED_BYTES = 512;

export function isIndexValue(value: JsonValue): value is IndexValue {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  return (
    typeof value === 'string' &&
    !value.includes('\0') &&
    isWellFormed(value) &&
    Buffer.byteLength(value, 'utf8') <= MAX_INDEXED_BYTES
  );
}

/** No lone surrogate: every code unit survives UTF-8. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

export function compareIndexValues(a: IndexValue, b: IndexValue): number {
  if (typeof a === 'number') return typeof b === 'number' ? a - b : -1;
  return typeof b === 'number' ? 1 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Where a page ended: the last document's index value and key. */
export interface RangePlace {
  readonly value: IndexValue;
  readonly key: string;
}

export function rangeCursor(place: RangePlace): string {
  return Buffer.from(JSON.stringify([place.value, place.key]), 'utf8').toString('base64url');
}

export function readRangeCursor(cursor: string): RangePlace {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (Array.isArray(parsed) && parsed.length === 2) {
      const [value, key] = parsed as [JsonValue, JsonValue];
      if (isIndexValue(value) && typeof key === 'string') return { value, key };
    }
  } catch {
    // Not JSON: not one of ours, as below.
  }
  throw new CursorInvalid(cursor);
}
