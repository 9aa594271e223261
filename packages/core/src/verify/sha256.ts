import { sha256 as pureSha256 } from '@noble/hashes/sha2.js';
import type { Sha256 } from './contracts.js';

/** SHA-256 (FIPS 180-4) in plain JavaScript: the default wherever a function takes a `Sha256`. */
export const sha256: Sha256 = (bytes) => pureSha256(bytes);
