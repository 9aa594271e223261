import type { BatchStore, StoredBatch } from '../batching/batch.store.js';
import { type TileRows, tileRows } from '../verify/merkle-tiles.js';
import type { Hashing } from '../verify/tree-hashing.js';
import { RecentlyUsed } from './recently-used.js';

/** How much is remembered. */
const CAPACITY = {
  /** Signed batches. */
  batches: 256,
  /** Tiles of leaves, 8 KiB each: those of a batch of a million entries are 3,907. */
  leafTiles: 4096,
  /** Tiles above, 16 KiB each with all the nodes up to the next: a million entries share seventeen. */
  upperTiles: 1024,
};

/** Reads of sealed batches that remember what can never change: a batch once its checkpoint is signed, and the tiles of its tree. */
export class SealedReads {
  readonly #batches: RecentlyUsed<StoredBatch>;
  readonly #leafTiles: RecentlyUsed<Uint8Array>;
  readonly #upperTiles: RecentlyUsed<TileRows>;

  constructor(
    private readonly store: Pick<BatchStore, 'byNumber' | 'tile'>,
    private readonly hashing: Hashing,
    capacity = CAPACITY,
  ) {
    this.#batches = new RecentlyUsed(capacity.batches);
    this.#leafTiles = new RecentlyUsed(capacity.leafTiles);
    this.#upperTiles = new RecentlyUsed(capacity.upperTiles);
  }

  async batch(number: number): Promise<StoredBatch | undefined> {
    const key = String(number);
    const known = this.#batches.get(key);
    if (known !== undefined) return known;
    const batch = await this.store.byNumber(number);
    if (batch?.checkpoint !== undefined) this.#batches.set(key, batch);
    return batch;
  }

  async tile(
    { number, profile }: Pick<StoredBatch, 'number' | 'profile'>,
    level: number,
    index: number,
  ): Promise<Uint8Array | TileRows | undefined> {
    const key = `${number}/${level}/${index}`;
    const known = level === 0 ? this.#leafTiles.get(key) : this.#upperTiles.get(key);
    if (known !== undefined) return known;
    const hashes = await this.store.tile(number, level, index);
    if (hashes === undefined) return undefined;
    if (level === 0) {
      this.#leafTiles.set(key, hashes);
      return hashes;
    }
    const rows = tileRows(profile, hashes, this.hashing);
    this.#upperTiles.set(key, rows);
    return rows;
  }
}
