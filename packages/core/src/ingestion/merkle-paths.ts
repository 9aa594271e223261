import { flatLeaves, nextLevel, type Leaves } from '../verify/merkle-levels.js';
import { HASH_BYTES, pairHasher, type Hashing } from '../verify/tree-hashing.js';

/** An RFC 9162 tree kept whole, for when every leaf's path is wanted: n − 1 hashes for all of them together. */
export class MerklePaths {
  private readonly levels: readonly Uint8Array[];
  /** Nodes of each level, cut out when a path first needs them: the paths of all leaves share them. */
  private nodes: readonly (readonly Uint8Array[])[] | undefined;
  private hexNodes: readonly (readonly string[])[] | undefined;

  /** `leaves`: n ≥ 1 leaf hashes of 32 bytes. */
  constructor(leaves: Leaves, hashing: Hashing) {
    const hashPairs = pairHasher('rfc9162', hashing);
    const levels = [flatLeaves(leaves)];
    for (let count = levels[0]!.length / HASH_BYTES; count > 1;) {
      const next = new Uint8Array(Math.ceil(count / 2) * HASH_BYTES);
      count = nextLevel('rfc9162', hashPairs, levels.at(-1)!, 0, count, next);
      levels.push(next);
    }
    this.levels = levels;
  }

  get root(): Uint8Array {
    return this.levels.at(-1)!;
  }

  /** Siblings of leaf `index`, leaf to root. Paths share them: not to be written to. */
  path(index: number): readonly Uint8Array[] {
    this.nodes ??= this.siblingLevels((level, at) => level.subarray(at, at + HASH_BYTES));
    return siblings(this.nodes, index);
  }

  /** The same, each in hex. */
  hexPath(index: number): readonly string[] {
    this.hexNodes ??= this.siblingLevels((level, at) =>
      Buffer.from(level.buffer, level.byteOffset + at, HASH_BYTES).toString('hex'),
    );
    return siblings(this.hexNodes, index);
  }

  private siblingLevels<Node>(
    node: (level: Uint8Array, at: number) => Node,
  ): readonly (readonly Node[])[] {
    return this.levels
      .slice(0, -1)
      .map((level) =>
        Array.from({ length: level.length / HASH_BYTES }, (_, i) => node(level, i * HASH_BYTES)),
      );
  }
}

function siblings<Node>(levels: readonly (readonly Node[])[], index: number): readonly Node[] {
  const path: Node[] = [];
  let at = index;
  for (const level of levels) {
    // An odd last node moves up without a sibling (RFC 9162 §2.1.1).
    const sibling = level[at ^ 1];
    if (sibling !== undefined) path.push(sibling);
    at >>= 1;
  }
  return path;
}
