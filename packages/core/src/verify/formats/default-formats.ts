import { emlog } from './emlog.js';
import type { CanonicalDocument } from './format.js';
import { gridtokenxMeter } from './gridtokenx-meter.js';
import { ocmf } from './ocmf.js';
import { reading } from './reading.js';
import { FormatRegistry } from './registry.js';
import { audit, claim, deviceKey, erasure, finding, logKey } from './system-formats.js';

/** The formats this package defines. More are added with `defaultFormats.with([codec, …])`. */
export const defaultFormats = new FormatRegistry([
  emlog,
  reading,
  gridtokenxMeter,
  ocmf,
  logKey,
  erasure,
  audit,
  deviceKey,
  claim,
  finding,
]);

/** Names of the formats this package defines. */
export const formats: readonly string[] = defaultFormats.names;

/** Canonical bytes of a document of one of the default formats. Throws `FormatError`. */
export function canonicalize(format: string, json: string | object): Uint8Array {
  return defaultFormats.canonicalize(format, json);
}

/** Canonical bytes and facts of JSON text of one of the default formats. Throws `FormatError`. */
export function readDocument(format: string, json: string): CanonicalDocument {
  return defaultFormats.read(format, json);
}
