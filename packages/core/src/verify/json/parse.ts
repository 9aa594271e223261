import { fromUtf8 } from '../bytes.js';
import { JsonError } from './json-error.js';
import type { JsonTree, NumberReading } from './reader.js';
import { JsonReader } from './reader.js';

/** JSON text or its UTF-8 bytes as a tree, strictly (see `JsonReader`). Throws `JsonError`. */
export function parseJson(json: string | Uint8Array, numbers: NumberReading = 'exact'): JsonTree {
  const reader = new JsonReader(typeof json === 'string' ? json : decodeJson(json), numbers);
  const value = reader.value();
  reader.end();
  return value;
}

/** UTF-8 bytes as text. Throws `json_utf8` on anything RFC 3629 §4 does not allow. */
export function decodeJson(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch (cause) {
    const error = new JsonError('json_utf8', 'The bytes are not valid UTF-8');
    error.cause = cause;
    throw error;
  }
}
