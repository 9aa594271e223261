import type { StoredEntry } from '../../logs/entry.store.js';
import { toHex } from '../../verify/bytes.js';

/** Formats whose documents a client gets back flat, with the gateway's fields beside its own, as their system did. */
const FLAT_FORMATS: ReadonlySet<string> = new Set(['emlog-1.1']);

const decoder = new TextDecoder();

/**
 * An entry as JSON text. The document inside is its canonical bytes, never re-serialised, so number
 * literals arrive as they were hashed. A format whose canonical bytes are no JSON object comes as
 * base64 in `bytes`.
 */
export function entryDocument(entry: StoredEntry): string {
  const flat = FLAT_FORMATS.has(entry.format);
  const own = JSON.stringify({
    id: entry.id,
    batch_id: entry.batch?.id ?? null,
    leaf_hash: toHex(entry.logHash),
    verdict: entry.verdict,
    ...(entry.reason === undefined ? {} : { reason: entry.reason }),
    assurance: entry.assurance,
    ...(flat ? {} : { type: entry.type, format: entry.format, source: entry.source }),
    received_at: new Date(entry.receivedAtMs).toISOString(),
  });
  if (entry.bytes[0] !== 0x7b) {
    const bytes = Buffer.from(entry.bytes).toString('base64');
    return `${own.slice(0, -1)},"bytes":"${bytes}"}`;
  }
  const document = decoder.decode(entry.bytes);
  return flat ? beside(document, own) : `${own.slice(0, -1)},"document":${document}}`;
}

/** Both objects' members in one: `{"a":1}` and `{"b":2}` give `{"a":1,"b":2}`. */
export function beside(first: string, second: string): string {
  if (first === '{}') return second;
  return second === '{}' ? first : `${first.slice(0, -1)},${second.slice(1)}`;
}
