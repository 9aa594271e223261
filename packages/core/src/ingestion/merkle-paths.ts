import type { Sha256 } from '../verify/contracts.js';
import { flatLeaves, nextLevel } from '../verify/merkle-levels.js';
import { HASH_BYTES, pairHasher } from '../verify/tree-hashing.js';

/** An RFC 9162 tree kept whole, for when every leaf's path is wanted: n − 1 hashes for all of them together. */
export class MerklePaths {
  private readonly levels: readonly Uint8Array[];

  /** `leaves`: n ≥ 1 leaf hashes of 32 bytes. */
  constructor(leaves: readonly Uint8Array[], sha256: Sha256) {
    const hashPairs = pairHasher('rfc9162', sha256);
    const levels = [flatLeaves(leaves)];
    for (let count = leaves.length; count > 1;) {
      const next = new Uint8Array(Math.ceil(count / 2) * HASH_BYTES);
      count = nextLevel('rfc9162', hashPairs, levels.at(-1)!, 0, count, next);
      levels.push(next);
    }
    this.levels = levels;
  }

  get root(): Uint8Array {
    return this.levels.at(-1)!;
  }

  /** Siblings of leaf `index`, leaf to root. */
  path(index: number): readonly Uint8Array[] {
    const path: Uint8Array[] = [];
    let at = index;
    for (const level of this.levels.slice(0, -1)) {
      const sibling = at % 2 === 1 ? at - 1 : at + 1;
      // An odd last node moves up without a sibling (RFC 9162 §2.1.1).
      if (sibling * HASH_BYTES < level.length)
        path.push(level.slice(sibling * HASH_BYTES, (sibling + 1) * HASH_BYTES));
      at = Math.floor(at / 2);
    }
    return path;
  }
}
