import type { CanonicalDocument } from '../verify/formats/format.js';

/**
 * A named, versioned codec: text in, canonical bytes out, and what the document measures.
 * Throws `FormatError` with a stable code for anything it does not accept.
 */
export interface FormatCodec {
  /** `emlog-1.1`, `reading/1`. */
  readonly name: string;
  /** Canonical bytes and facts of a document given as its JSON text. */
  read(json: string): CanonicalDocument;
}

export interface FormatCapabilities {
  readonly type: string;
}
