import { FormatError, type CanonicalDocument } from '../verify/formats/format.js';
import type { Envelope } from './envelope.js';
import { Refusal } from './refusal.js';

/** Parses and canonicalises the JSON text of one document. Throws `FormatError`. */
export type ReadDocument = (format: string, jsonText: string) => CanonicalDocument;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Step: the canonical document of an item. A `document` is brought into canonical form; `bytes` must already have it,
 * for they are what the device signed.
 */
export function readItem(
  { format, content }: Envelope,
  readDocument: ReadDocument,
): CanonicalDocument | Refusal {
  let text: string;
  if (content.kind === 'document') {
    text = content.text;
  } else {
    try {
      text = decoder.decode(content.bytes);
    } catch {
      return new Refusal('json_utf8', '"bytes" are not valid UTF-8');
    }
  }
  let document: CanonicalDocument;
  try {
    document = readDocument(format, text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const where = error.path === undefined ? '' : `${error.path}: `;
    return new Refusal(error.code, `${where}${error.message}`);
  }
  if (content.kind === 'bytes' && Buffer.compare(document.bytes, content.bytes) !== 0)
    return new Refusal(
      'not_canonical',
      `"bytes" are not the canonical form of their ${format} document; send "document" instead`,
    );
  if (document.reading === undefined)
    return new Refusal('format_not_a_reading', `documents of format ${format} are not readings`);
  return document;
}
