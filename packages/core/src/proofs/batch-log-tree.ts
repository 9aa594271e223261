import type { BatchStore } from '../batching/batch.store.js';
import type { LogPlace } from '../verify/bundle.js';
import { consistencyRanges } from '../verify/consistency.js';
import { rootFromPath } from '../verify/inclusion.js';
import { inclusionProofFromTiles } from '../verify/merkle-tiles.js';
import { merkleRoot, TILE_WIDTH } from '../verify/merkle-tree-builder.js';
import { HASH_BYTES, nodeHash, sha256Of, type Hashing } from '../verify/tree-hashing.js';
import { RecentlyUsed } from './recently-used.js';

/** How much is kept in memory. */
const CAPACITY = {
  /** Rows of up to 256 leaves, 8 KiB each. */
  leafTiles: 1024,
  /** Roots of full subtrees, 32 bytes each: those of 16 million batches at the lowest level. */
  subtreeRoots: 65_536,
  /** Places, about 1 KiB each: the entries of a batch share a few. */
  places: 1024,
};

/**
 * Places of batches in the batch log. Leaves of the log never change, so tiles of 256 and the roots of full subtrees are kept;
 * a place then costs at most the tile it stands in and the one at the log's end.
 */
export class BatchLogTree {
  /** Bounded: what was not asked for longest is read again. */
  readonly #tiles: RecentlyUsed<Uint8Array>;
  readonly #roots: RecentlyUsed<Uint8Array>;
  readonly #places: RecentlyUsed<LogPlace>;

  constructor(
    private readonly batches: Pick<BatchStore, 'logLeaves'>,
    private readonly hashing: Hashing,
    capacity = CAPACITY,
  ) {
    this.#tiles = new RecentlyUsed(capacity.leafTiles);
    this.#roots = new RecentlyUsed(capacity.subtreeRoots);
    this.#places = new RecentlyUsed(capacity.places);
  }

  /** Path and root of batch `number`, whose leaf is `leaf`, in the log of its first `size` batches. Throws `bad_index`, `bad_tile`. */
  async place(number: number, leaf: Uint8Array, size: number): Promise<LogPlace> {
    const key = `${number}/${size}`;
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const readTile = (level: number, tile: number): Promise<Uint8Array> =>
      this.#tile(level, tile, size);
    const path = await inclusionProofFromTiles('rfc9162', size, number, readTile, this.hashing);
    const claim = { profile: 'rfc9162', leaf, index: number, size, path } as const;
    const place = { size, root: rootFromPath(claim, sha256Of(this.hashing))!, path };
    this.#places.set(key, place);
    return place;
  }

  /** Hashes that prove the log of `from` batches to be a prefix of the log of `to`. 1 ≤ from ≤ to ≤ batches. */
  async consistency(from: number, to: number): Promise<readonly Uint8Array[]> {
    const path: Uint8Array[] = [];
    for (const { start, end } of consistencyRanges(from, to))
      path.push(await this.#subtree(start, end, to));
    return path;
  }

  /** Root over leaves `start` to before `end` of the tree of `size`, which must be one of its subtrees. */
  async #subtree(start: number, end: number, size: number): Promise<Uint8Array> {
    const count = end - start;
    let level = 0;
    while (TILE_WIDTH ** (level + 1) < count) level += 1;
    const tile = Math.floor(start / TILE_WIDTH ** (level + 1));
    if (count === TILE_WIDTH ** (level + 1)) return this.#root(level, tile, size);
    if (level === 0) {
      const leaves = await this.#leaves(tile, size);
      const from = start % TILE_WIDTH;
      const own = leaves.subarray(from * HASH_BYTES, (from + count) * HASH_BYTES);
      return merkleRoot('rfc9162', own, this.hashing);
    }
    let split = 1;
    while (split * 2 < count) split *= 2;
    const left = await this.#subtree(start, start + split, size);
    const right = await this.#subtree(start + split, end, size);
    return nodeHash('rfc9162', left, right, sha256Of(this.hashing));
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
    const bytes = (to - from) * HASH_BYTES;
    const known = this.#tiles.get(String(index));
    // The last tile grows with the log: what is known of it may be too short, or longer than a past log's.
    if (known !== undefined && known.length >= bytes) return known.subarray(0, bytes);
    const leaves = await this.batches.logLeaves(from, to);
    this.#tiles.set(String(index), leaves);
    return leaves;
  }
}
