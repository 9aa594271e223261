import { createHash } from 'node:crypto';
import { fromHex } from '../verify/bytes.js';
import type { HeaderSource } from '../verify/contracts.js';

/** Largest header file that is read, in bytes. */
export const MAX_HEADER_FILE_BYTES = 256 * 1024 * 1024;

/** What lines without a ledger are of: were they anybody's, the name of the ledger in a proof would be bound by nothing. */
const UNNAMED = 'bitcoin:mainnet';
const LINE =
  /^(?:(?:(?<height>\d{1,9})\s+)?(?<bitcoin>[0-9a-fA-F]{160})|(?<ledger>[^\s:]+:\S+)\s+(?<at>\d{1,15})\s+(?<other>(?:[0-9a-fA-F]{2}){80,4096}))$/;

/**
 * Block headers from a file or an address, in hex, one a line: 80 bytes of Bitcoin's main network as `HEX`, or `HEIGHT HEX` when
 * heights are to be known; those of any ledger as `LEDGER HEIGHT HEX`. Found by height, the former also by double SHA-256 as Bitcoin
 * shows it. Throws on a line that is none of these.
 */
export function headersOf(text: string): HeaderSource {
  const byHeight = new Map<string, Uint8Array>();
  const byHash = new Map<string, Uint8Array>();
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const found = LINE.exec(line.trim())?.groups;
    if (found === undefined)
      throw new Error(
        `headers, line ${i + 1}: not [HEIGHT] and 160 hex digits, nor LEDGER HEIGHT HEX`,
      );
    const { height, bitcoin, ledger = UNNAMED, at = height, other } = found;
    const header = fromHex((bitcoin ?? other) as string);
    if (at !== undefined) byHeight.set(`${ledger} ${Number(at)}`, header);
    if (bitcoin === undefined) continue;
    const once = createHash('sha256').update(header).digest();
    byHash.set(createHash('sha256').update(once).digest().reverse().toString('hex'), header);
  }
  return {
    header: async (ledger, { height, hash }) => {
      if (hash === undefined) return byHeight.get(`${ledger} ${height}`);
      return ledger === UNNAMED ? byHash.get(hash.toLowerCase()) : undefined;
    },
  };
}
