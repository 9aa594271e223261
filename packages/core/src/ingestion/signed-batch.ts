import type { Sha256 } from '../verify/contracts.js';
import { BATCH_NONCE_BYTES } from '../verify/device-signing.js';
import { flatLeaves } from '../verify/merkle-levels.js';
import { HASH_BYTES, leafHashes, sha256Of, type Hashing } from '../verify/tree-hashing.js';
import { MerklePaths } from './merkle-paths.js';

/** The tree that one signature of `batch/1` covers, built once for all its readings. */
export interface SignedBatchTree {
  readonly nonces: readonly Uint8Array[];
  readonly tree: MerklePaths;
}

/** The tree over the readings' logHashes, in the order of the envelope. */
export function signedBatchTree(
  batchNonce: Uint8Array,
  logHashes: readonly Uint8Array[],
  hashing: Hashing,
): SignedBatchTree {
  const nonces = itemNonces(batchNonce, logHashes.length, sha256Of(hashing));
  // A leaf is SHA-256(0x00 ‖ nonce ‖ logHash): the nonces stand where a batch of the log has its salts.
  const leaves = leafHashes('rfc9162', flatLeaves(logHashes), nonces, hashing);
  return {
    nonces: logHashes.map((_, index) =>
      nonces.subarray(index * BATCH_NONCE_BYTES, (index + 1) * BATCH_NONCE_BYTES),
    ),
    tree: new MerklePaths(leaves, hashing),
  };
}

const HMAC_BLOCK_BYTES = 64;

/** `batchItemNonce` of every index, count × 16 bytes, with the two key blocks of HMAC (RFC 2104 §2) made once. */
function itemNonces(batchNonce: Uint8Array, count: number, sha256: Sha256): Uint8Array {
  const key = batchNonce.length > HMAC_BLOCK_BYTES ? sha256(batchNonce) : batchNonce;
  const inner = new Uint8Array(HMAC_BLOCK_BYTES + 4).fill(0x36, 0, HMAC_BLOCK_BYTES);
  const outer = new Uint8Array(HMAC_BLOCK_BYTES + HASH_BYTES).fill(0x5c, 0, HMAC_BLOCK_BYTES);
  key.forEach((byte, i) => {
    inner[i] = byte ^ 0x36;
    outer[i] = byte ^ 0x5c;
  });
  const nonces = new Uint8Array(count * BATCH_NONCE_BYTES);
  for (let index = 0; index < count; index += 1) {
    for (let i = 0; i < 4; i += 1) inner[HMAC_BLOCK_BYTES + i] = index >>> (24 - 8 * i);
    outer.set(sha256(inner), HMAC_BLOCK_BYTES);
    nonces.set(sha256(outer).subarray(0, BATCH_NONCE_BYTES), index * BATCH_NONCE_BYTES);
  }
  return nonces;
}
