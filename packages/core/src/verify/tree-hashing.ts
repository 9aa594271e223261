import { concat, utf8 } from './bytes.js';
import type { BatchProfile, Sha256 } from './contracts.js';
import { sha256 as pureSha256 } from './sha256.js';
import { TreeError } from './tree-error.js';

/** Bytes of one node. */
export const HASH_BYTES = 32;

/**
 * Hashes `pairs` neighbouring pairs of 32-byte nodes, `input` from byte `from`, into `output` from
 * byte `at`, under one profile. `output` may be `input` when `at` ≤ `from`.
 */
export type PairHasher = (
  input: Uint8Array,
  from: number,
  pairs: number,
  output: Uint8Array,
  at: number,
) => void;

/** SHA-256 of a host that hashes whole tree levels faster than one node at a time. */
export interface TreeHashing {
  readonly sha256: Sha256;
  readonly pairs: (profile: BatchProfile) => PairHasher;
  /** `logHash` of canonical bytes, when the host need not copy them into a fresh array for it. */
  readonly logHash?: Sha256;
  /** `leafHashes` of profile `rfc9162` with salts of 16 bytes. */
  readonly saltedLeaves?: (logHashes: Uint8Array, salts: Uint8Array) => Uint8Array;
}

/** What every tree function accepts: a plain SHA-256, or a host's faster way. */
export type Hashing = Sha256 | TreeHashing;

const LEAF_PREFIX = Uint8Array.of(0);
const NODE_PREFIX = Uint8Array.of(1);
const LOG_TAG = utf8('LOG::');

export function sha256Of(hashing: Hashing): Sha256 {
  return typeof hashing === 'function' ? hashing : hashing.sha256;
}

/** The pair hasher of a profile: the host's own, else one node at a time. */
export function pairHasher(profile: BatchProfile, hashing: Hashing): PairHasher {
  if (typeof hashing !== 'function') return hashing.pairs(profile);
  const head = profile === 'rfc9162' ? 1 : 0;
  return (input, from, pairs, output, at) => {
    const node = new Uint8Array(head + 2 * HASH_BYTES);
    if (head === 1) node[0] = 1;
    for (let i = 0; i < pairs; i += 1) {
      const start = from + i * 2 * HASH_BYTES;
      node.set(input.subarray(start, start + 2 * HASH_BYTES), head);
      output.set(hashing(node), at + i * HASH_BYTES);
    }
  };
}

/** What an entry is known by, 32 bytes: SHA-256("LOG::" ‖ canonical bytes), the same in every format. */
export function logHash(canonicalBytes: Uint8Array, hashing: Hashing = pureSha256): Uint8Array {
  if (typeof hashing !== 'function' && hashing.logHash !== undefined)
    return hashing.logHash(canonicalBytes);
  return sha256Of(hashing)(concat(LOG_TAG, canonicalBytes));
}

/**
 * Leaf of a batch tree, 32 bytes. `rfc9162`: SHA-256(0x00 ‖ salt ‖ data) (RFC 9162 §2.1.1; the salt is
 * part of the leaf's data). `kwh-btc-iot`: the logHash itself, which must be 32 bytes and unsalted.
 * Throws `bad_leaf`, `bad_salt`.
 */
export function leafHash(
  profile: BatchProfile,
  data: Uint8Array,
  salt?: Uint8Array,
  sha256: Sha256 = pureSha256,
): Uint8Array {
  if (profile === 'rfc9162') return sha256(concat(LEAF_PREFIX, salt ?? new Uint8Array(0), data));
  if (salt !== undefined && salt.length > 0)
    throw new TreeError('bad_salt', 'profile kwh-btc-iot has no salt; leave it out');
  if (data.length !== HASH_BYTES)
    throw new TreeError('bad_leaf', `a kwh-btc-iot leaf is a 32-byte logHash, got ${data.length}`);
  return data.slice();
}

/** Inner node, 32 bytes. `rfc9162`: SHA-256(0x01 ‖ left ‖ right). `kwh-btc-iot`: SHA-256(left ‖ right). */
export function nodeHash(
  profile: BatchProfile,
  left: Uint8Array,
  right: Uint8Array,
  sha256: Sha256 = pureSha256,
): Uint8Array {
  return sha256(profile === 'rfc9162' ? concat(NODE_PREFIX, left, right) : concat(left, right));
}

/** Root of no leaves: SHA-256 of nothing (RFC 9162 §2.1.1), 32 zero bytes under `kwh-btc-iot`. */
export function emptyRoot(profile: BatchProfile, sha256: Sha256 = pureSha256): Uint8Array {
  return profile === 'rfc9162' ? sha256(new Uint8Array(0)) : new Uint8Array(HASH_BYTES);
}

/**
 * Leaves of many entries at once: `logHashes` n × 32 bytes, `salts` n × 16 bytes (empty under
 * `kwh-btc-iot`) → n × 32 bytes. Throws `bad_leaf`, `bad_salt`.
 */
export function leafHashes(
  profile: BatchProfile,
  logHashes: Uint8Array,
  salts: Uint8Array,
  hashing: Hashing = pureSha256,
): Uint8Array {
  if (logHashes.length % HASH_BYTES !== 0)
    throw new TreeError('bad_leaf', `${logHashes.length} bytes are not a whole number of hashes`);
  const count = logHashes.length / HASH_BYTES;
  if (profile === 'kwh-btc-iot') {
    if (salts.length > 0)
      throw new TreeError('bad_salt', 'profile kwh-btc-iot has no salt; leave it out');
    return logHashes.slice();
  }
  const saltBytes = count === 0 ? 0 : salts.length / count;
  if (!Number.isInteger(saltBytes))
    throw new TreeError('bad_salt', `${salts.length} bytes of salt do not divide among ${count}`);
  if (typeof hashing !== 'function' && hashing.saltedLeaves !== undefined && saltBytes === 16)
    return hashing.saltedLeaves(logHashes, salts);
  const sha256 = sha256Of(hashing);
  const out = new Uint8Array(logHashes.length);
  const leaf = new Uint8Array(1 + saltBytes + HASH_BYTES);
  for (let i = 0; i < count; i += 1) {
    leaf.set(salts.subarray(i * saltBytes, (i + 1) * saltBytes), 1);
    leaf.set(logHashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES), 1 + saltBytes);
    out.set(sha256(leaf), i * HASH_BYTES);
  }
  return out;
}
