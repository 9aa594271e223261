import type { Sha256 } from '../verify/contracts.js';
import { batchItemLeaf, batchItemNonce } from '../verify/device-signing.js';
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
  sha256: Sha256,
): SignedBatchTree {
  const nonces = logHashes.map((_, index) => batchItemNonce(batchNonce, index, sha256));
  const leaves = logHashes.map((logHash, index) => batchItemLeaf(nonces[index]!, logHash, sha256));
  return { nonces, tree: new MerklePaths(leaves, sha256) };
}
