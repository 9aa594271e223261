import { createHash } from 'node:crypto';
import { fromHex } from '../verify/bytes.js';
import type { HeaderSource } from '../verify/contracts.js';

/** Largest header file that is read, in bytes. */
export const MAX_HEADER_FILE_BYTES = 256 * 1024 * 1024;

/**
 * Block headers from a file or an address: 80-byte headers in hex, one a line, `HEIGHT HEX` when heights are to be known.
 * Found by height or by double SHA-256 as Bitcoin shows it. Throws on a line that is neither.
 */
export function headersOf(text: string): HeaderSource {
  const byHeight = new Map<number, Uint8Array>();
  const byHash = new Map<string, Uint8Array>();
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const match = /^(?:(\d{1,9})\s+)?([0-9a-fA-F]{160})$/.exec(line.trim());
    if (match === null) throw new Error(`headers, line ${i + 1}: not [HEIGHT] and 160 hex digits`);
    const header = fromHex(match[2]!);
    if (match[1] !== undefined) byHeight.set(Number(match[1]), header);
    const once = createHash('sha256').update(header).digest();
    byHash.set(createHash('sha256').update(once).digest().reverse().toString('hex'), header);
  }
  return {
    header: async (_ledger, { height, hash }) =>
      hash === undefined
        ? height === undefined
          ? undefined
          : byHeight.get(height)
        : byHash.get(hash.toLowerCase()),
  };
}
