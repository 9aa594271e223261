import type { CanonicalDocument } from './format.js';

/** A named, versioned document format: text in, canonical bytes out, and what the document measures. */
export interface DocumentCodec {
  /** `emlog-1.1`, `reading/1`. */
  readonly name: string;
  /** Written by the gateway alone: not offered to those who send. */
  readonly system?: true;
  /** Canonical bytes and facts of JSON text. Throws `FormatError` with a stable code. */
  read(json: string): CanonicalDocument;
  /**
   * Canonical bytes alone, of text or of an already parsed object. Optional: without it an object is
   * written as JSON and read. Text keeps number literals exact; an object has lost them.
   */
  canonical?(document: string | object): Uint8Array;
}
