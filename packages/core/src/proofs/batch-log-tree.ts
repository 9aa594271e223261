import type { BatchStore } from '../batching/batch.store.js';
import type { LogPlace } from '../verify/bundle.js';
import { rootFromPath } from '../verify/inclusion.js';
import { inclusionProofFromTiles } from '../verify/merkle-tiles.js';
import { merkleRoot, TILE_WIDTH } from '../verify/merkle-tree-builder.js';
import { HASH_BYTES, sha256Of, type Hashing } from '../verify/tree-hashing.js';
import { RecentlyUsed } from './recently-used.js';

/** Full rows of 256 leaves kept in memory, 8 KiB each. */
const LEAF_TILES = 1024;
/** Roots of full subtrees kept in memory, 32 bytes each: those of 16 million batches at the lowest level. */
const SUBTREE_ROOTS = 65_536;

/**
 * Places of batches in the batch log. Leaves of the log never change, so full tiles of 256 and the roots of full subtrees are kept;
 * a place then costs at most the tile it stands in and the incomplete one at the log's end.
 */
export class BatchLogTree {
  /** Bounded: what was not asked for longest is read again. */
  readonly #tiles: RecentlyUsed<Uint8Array>;
  readonly #roots: RecentlyUsed<Uint8Array>;

  constructor(
    private readonly batches: Pick<BatchStore, 'logLeaves'>,
    private readonly hashing: Hashing,
    capacity = { leafTiles: LEAF_TILES, subtreeRoots: SUBTREE_ROOTS },
  ) {
    this.#tiles = new RecentlyUsed(capacity.leafTiles);
    this.#roots = new RecentlyUsed(capacity.subtreeRoots);
  }

  /** Path and root of batch `number`, whose leaf is `leaf`, in the log of its first `size` batches. Throws `bad_index`, `bad_tile`. */
  async place(number: number, leaf: Uint8Array, size: number): Promise<LogPlace> {
    const readTile = (level: number, tile: number): Promise<Uint8Array> =>
      this.#tile(level, tile, size);
    const path = await inclusionProofFromTiles('rfc9162', size, number, readTile, this.hashing);
    const claim = { profile: 'rfc9162', leaf, index: number, size, path } as const;
    return { size, root: rootFromPath(claim, sha256Of(this.hashing))!, path };
  }

  /** Nodes at height 8 · level of the tree of `size` leaves, up to 256 of them. */
  async #tile(level: number, index: number, size: number): Promise<Uint8Array> {
    if (level === 0) return this.#leaves(index, size);
    const first = index * TILE_WIDTH;
    const count = Math.min(TILE_WIDTH, Math.ceil(size / TILE_WIDTH ** level) - first);
    const nodes = new Uint8Array(count * HASH_BYTES);
    for (let i = 0; i < count; i += 1)
      nodes.set(await this.#root(level - 1, first + i, size), i * HASH_BYTES);
    return nodes;
  }

  /** Root of what stands under one tile. */
  async #root(level: number, index: number, size: number): Promise<Uint8Array> {
    const full = (index + 1) * TILE_WIDTH ** (level + 1) <= size;
    const key = `${level}/${index}`;
    const known = full ? this.#roots.get(key) : undefined;
    if (known !== undefined) return known;
    const root = merkleRoot('rfc9162', await this.#tile(level, index, size), this.hashing);
    if (full) this.#roots.set(key, root);
    return root;
  }

  async #leaves(index: number, size: number): Promise<Uint8Array> {
    const from = index * TILE_WIDTH;
    const to = Math.min(from + TILE_WIDTH, size);
    const known = this.#tiles.get(String(index));
    if (known !== undefined) return known.subarray(0, (to - from) * HASH_BYTES);
    const leaves = await this.batches.logLeaves(from, to);
    if (leaves.length === TILE_WIDTH * HASH_BYTES) this.#tiles.set(String(index), leaves);
    return leaves;
  }
}
