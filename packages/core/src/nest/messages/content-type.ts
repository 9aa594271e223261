import { endOfValue, skipSpace } from '../../ingestion/json-spans.js';
import type { InboundMessage } from '../../spi/index.js';

/** First byte of a tagged and of an untagged COSE_Sign1 (RFC 9052 §4.2). */
const COSE_TAG_18 = 0xd2;
const CBOR_ARRAY_OF_4 = 0x84;

/** As it was named, parameters left out; else as the bytes look. What nobody knows is refused by the pipeline. */
export function contentTypeOf(
  bytes: Uint8Array,
  named: string | undefined,
): InboundMessage['contentType'] {
  if (named !== undefined)
    return named.split(';', 1)[0]!.trim().toLowerCase() as InboundMessage['contentType'];
  if (bytes[0] === COSE_TAG_18 || bytes[0] === CBOR_ARRAY_OF_4) return 'application/cose';
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const start = skipSpace(text, 0);
  if (text.startsWith('OCMF|', start)) return 'text/plain';
  if (text[start] !== '{') return 'application/json';
  const end = endOfValue(text, start);
  return end > 0 && skipSpace(text, end) < text.length
    ? 'application/x-ndjson'
    : 'application/json';
}

/** COSE is binary; where only text can be sent it is base64, which begins with none of its first bytes. */
export function binaryOf(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : bytes;
}
