import { utf8 } from '../bytes.js';
import type { DocumentCodec } from './codec.js';
import type { ReadingFacts } from './format.js';

/**
 * A format whose received text is its canonical form, for signed documents that must never be
 * written anew. `facts` reads what the document measures and throws `FormatError` when it cannot be one.
 */
export function asReceived(
  name: string,
  facts: (text: string) => ReadingFacts | undefined,
): DocumentCodec {
  return Object.freeze({
    name,
    read(text: string) {
      const reading = facts(text);
      const bytes = utf8(text);
      return reading === undefined ? { format: name, bytes } : { format: name, bytes, reading };
    },
  });
}
