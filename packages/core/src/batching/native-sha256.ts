import { hash } from 'node:crypto';
import type { BatchProfile, Sha256 } from '../verify/contracts.js';
import { HASH_BYTES, type PairHasher, type TreeHashing } from '../verify/tree-hashing.js';

/** SHA-256 of the host's own library. */
const nativeSha256: Sha256 = (bytes) => {
  // A digest as latin1 text costs a third of one as a Buffer, which needs an allocation of its own.
  const digest = hash('sha256', bytes, 'binary');
  const out = new Uint8Array(HASH_BYTES);
  for (let i = 0; i < HASH_BYTES; i += 1) out[i] = digest.charCodeAt(i);
  return out;
};

/** Longest document that is hashed behind the tag that stands in one reused buffer. */
const REUSED_BYTES = 65_536;
const LOG_TAG = Buffer.from('LOG::');

/** SHA-256("LOG::" ‖ bytes) in half the time: a preimage of its own would cost as much as hashing it. */
function nativeLogHash(): Sha256 {
  const preimage = Buffer.allocUnsafeSlow(LOG_TAG.length + REUSED_BYTES);
  preimage.set(LOG_TAG);
  return (bytes) => {
    if (bytes.length > REUSED_BYTES) return nativeSha256(Buffer.concat([LOG_TAG, bytes]));
    preimage.set(bytes, LOG_TAG.length);
    return nativeSha256(preimage.subarray(0, LOG_TAG.length + bytes.length));
  };
}

/** Hashes pairs with one reused input and no allocation but the digest's text. */
function nativePairs(profile: BatchProfile): PairHasher {
  const head = profile === 'rfc9162' ? 1 : 0;
  return (input, from, pairs, output, at) => {
    const node = Buffer.allocUnsafe(head + 2 * HASH_BYTES);
    if (head === 1) node[0] = 1;
    const target = Buffer.from(output.buffer, output.byteOffset, output.byteLength);
    for (let i = 0; i < pairs; i += 1) {
      const start = from + i * 2 * HASH_BYTES;
      node.set(input.subarray(start, start + 2 * HASH_BYTES), head);
      target.write(hash('sha256', node, 'binary'), at + i * HASH_BYTES, 'latin1');
    }
  };
}

/** Node's SHA-256 for trees and single hashes: several times the pure one. */
export const nativeHashing: TreeHashing = Object.freeze({
  sha256: nativeSha256,
  pairs: nativePairs,
  logHash: nativeLogHash(),
});

/**
 * Salted leaves of profile rfc9162, n × 32 bytes: what `leafHashes` gives, without an allocation for each.
 * `logHashes` n × 32 bytes, `salts` n × `saltBytes`.
 */
export function nativeSaltedLeaves(
  logHashes: Uint8Array,
  salts: Uint8Array,
  saltBytes = 16,
): Uint8Array {
  const out = Buffer.alloc(logHashes.length);
  const leaf = Buffer.alloc(1 + saltBytes + HASH_BYTES);
  for (let at = 0, salt = 0; at < logHashes.length; at += HASH_BYTES, salt += saltBytes) {
    leaf.set(salts.subarray(salt, salt + saltBytes), 1);
    leaf.set(logHashes.subarray(at, at + HASH_BYTES), 1 + saltBytes);
    out.write(hash('sha256', leaf, 'binary'), at, 'latin1');
  }
  return out;
}
