import { hash } from 'node:crypto';
import type { Sha256 } from '../verify/contracts.js';

/**
 * SHA-256 of the host: a few times faster on short input than the verifier's own. The way through a one-byte-per-character
 * string is not a detour: Node 24 takes 0.6 µs for 49 bytes like this and 1.4 µs when asked for a Buffer.
 */
export const nativeSha256: Sha256 = (bytes) =>
  Buffer.from(hash('sha256', bytes, 'binary'), 'latin1');
