import type { BatchStore, StoredBatch } from '../batching/batch.store.js';
import { type TileRows, tileRows } from '../verify/merkle-tiles.js';
import type { Hashing } from '../verify/tree-hashing.js';
import { RecentlyUsed } from './recently-used.js';

/** How much is remembered. */
const CAPACITY = {
  /** Signed batches. */
  batches: 256,
  /** Tiles with the nodes above their hashes, 16 KiB each: a batch of a million entries has 3,924. */
  tiles: 4096,
};

/** Reads of sealed batches that remember what can never change: a batch once its checkpoint is signed, and the tiles of its tree. */
export class SealedReads {
  readonly #batches: RecentlyUsed<StoredBatch>;
  readonly #tiles: RecentlyUsed<TileRows>;

  constructor(
    private readonly store: Pick<BatchStore, 'byNumber' | 'tile'>,
    private readonly hashing: Hashing,
    capacity = CAPACITY,
  ) {
    this.#batches = new RecentlyUsed(capacity.batches);
    this.#tiles = new RecentlyUsed(capacity.tiles);
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
  ): Promise<TileRows | undefined> {
    const key = `${number}/${level}/${index}`;
    const known = this.#tiles.get(key);
    if (known !== undefined) return known;
    const hashes = await this.store.tile(number, level, index);
    if (hashes === undefined) return undefined;
    const rows = tileRows(profile, hashes, this.hashing);
    this.#tiles.set(key, rows);
    return rows;
  }
}
