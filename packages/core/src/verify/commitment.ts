import { concat, uint64be, utf8 } from './bytes.js';
import type { Commitment, Sha256 } from './contracts.js';
import { isOrigin } from './origin.js';
import { sha256 as pureSha256 } from './sha256.js';
import { TreeError } from './tree-error.js';
import { HASH_BYTES } from './tree-hashing.js';

const COMMITMENT_TAG = utf8('wattproof/checkpoint/v1');

/**
 * What a ledger sees of a checkpoint, 32 bytes:
 * SHA-256("wattproof/checkpoint/v1" ‖ SHA-256(origin) ‖ uint64be(size) ‖ root).
 * `size` counts the batches covered, `root` is the batch log's root at that size. Throws `bad_size`, `bad_leaf`.
 */
export function commitmentDigest(
  origin: string,
  size: number | bigint,
  root: Uint8Array,
  sha256: Sha256 = pureSha256,
): Uint8Array {
  if (root.length !== HASH_BYTES)
    throw new TreeError('bad_leaf', `a root has 32 bytes, got ${root.length}`);
  return sha256(concat(commitmentPrefix(origin, size, sha256), root));
}

/** What stands before the root in a commitment's preimage. Throws `bad_size`. */
export function commitmentPrefix(
  origin: string,
  size: number | bigint,
  sha256: Sha256 = pureSha256,
): Uint8Array {
  if (!isOrigin(origin))
    throw new TreeError('bad_size', `origin ${JSON.stringify(origin)} is not a checkpoint origin`);
  return concat(COMMITMENT_TAG, sha256(utf8(origin)), uint64be(size));
}

/** The commitment of a checkpoint. Throws as `commitmentDigest` does. */
export function commitmentOf(
  origin: string,
  size: number | bigint,
  root: Uint8Array,
  sha256: Sha256 = pureSha256,
): Commitment {
  return { origin, size: BigInt(size), root, digest: commitmentDigest(origin, size, root, sha256) };
}
