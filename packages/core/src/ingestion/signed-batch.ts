import { batchItemLeaf, batchItemNonce } from '../verify/device-signing.js';
import type { Sha256 } from '../verify/contracts.js';
import { flatLeaves, nextLevel } from '../verify/merkle-levels.js';
import { HASH_BYTES, pairHasher } from '../verify/tree-hashing.js';

/** The tree that one signature of `batch/1` covers, built once for all its readings. */
export interface SignedBatchTree {
  readonly root: Uint8Array;
  readonly nonces: readonly Uint8Array[];
  /** Siblings of reading `index`, leaf to root. */
  path(index: number): readonly Uint8Array[];
}

/** The tree over the readings' logHashes, in the order of the envelope. */
export function signedBatchTree(
  batchNonce: Uint8Array,
  logHashes: readonly Uint8Array[],
  sha256: Sha256,
): SignedBatchTree {
  const nonces = logHashes.map((_, index) => batchItemNonce(batchNonce, index, sha256));
  const leaves = logHashes.map((logHash, index) => batchItemLeaf(nonces[index]!, logHash, sha256));
  const hashPairs = pairHasher('rfc9162', sha256);
  const levels = [flatLeaves(leaves)];
  for (let count = leaves.length; count > 1;) {
    const next = new Uint8Array(Math.ceil(count / 2) * HASH_BYTES);
    count = nextLevel('rfc9162', hashPairs, levels.at(-1)!, 0, count, next);
    levels.push(next);
  }
  return {
    root: levels.at(-1)!,
    nonces,
    path(index) {
      const path: Uint8Array[] = [];
      let at = index;
      for (const level of levels.slice(0, -1)) {
        const sibling = at % 2 === 1 ? at - 1 : at + 1;
        // An odd last node moves up without a sibling (RFC 9162 §2.1.1).
        if (sibling * HASH_BYTES < level.length)
          path.push(level.slice(sibling * HASH_BYTES, (sibling + 1) * HASH_BYTES));
        at = Math.floor(at / 2);
      }
      return path;
    },
  };
}
