import { concat, toHex, utf8 } from '../verify/bytes.js';
import { sha256 } from '../verify/sha256.js';

/**
 * The idempotency key of publishing one commitment on one anchor, 64 hex digits:
 * SHA-256(`wattproof/anchor-intent/v1\n` ‖ anchor instance id ‖ `\n` ‖ commitment digest). An instance id
 * holds no line feed, so no two pairs share an id.
 */
export function anchorIntentId(anchor: string, digest: Uint8Array): string {
  if (anchor.includes('\n')) throw new RangeError('An anchor instance id holds no line feed.');
  return toHex(sha256(concat(utf8(`wattproof/anchor-intent/v1\n${anchor}\n`), digest)));
}
