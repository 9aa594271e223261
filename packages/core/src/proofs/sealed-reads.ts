import type { BatchStore, StoredBatch } from '../batching/batch.store.js';

/** Signed batches remembered. */
const BATCHES = 256;
/** Tiles remembered, 8 KiB each at most. */
const TILES = 1024;

/**
 * Reads of sealed batches that remember what can never change and is asked for again and again: a batch once its checkpoint is
 * signed, and the upper tiles of its tree, of which a million entries share seventeen.
 */
export class SealedReads {
  readonly #batches = new Map<number, StoredBatch>();
  readonly #tiles = new Map<string, Uint8Array>();

  constructor(private readonly store: Pick<BatchStore, 'byNumber' | 'tile'>) {}

  async batch(number: number): Promise<StoredBatch | undefined> {
    const known = this.#batches.get(number);
    if (known !== undefined) return known;
    const batch = await this.store.byNumber(number);
    if (batch?.checkpoint !== undefined) remember(this.#batches, number, batch, BATCHES);
    return batch;
  }

  async tile(number: number, level: number, index: number): Promise<Uint8Array | undefined> {
    if (level === 0) return this.store.tile(number, level, index);
    const key = `${number}/${level}/${index}`;
    const known = this.#tiles.get(key);
    if (known !== undefined) return known;
    const tile = await this.store.tile(number, level, index);
    if (tile !== undefined) remember(this.#tiles, key, tile, TILES);
    return tile;
  }
}

/** The longest remembered goes first. */
function remember<K, V>(map: Map<K, V>, key: K, value: V, limit: number): void {
  map.set(key, value);
  if (map.size <= limit) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
