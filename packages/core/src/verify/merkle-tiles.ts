import type { BatchProfile } from './contracts.js';
import { nextLevel } from './merkle-levels.js';
import { TILE_WIDTH } from './merkle-tree-builder.js';
import { sha256 as pureSha256 } from './sha256.js';
import { TreeError } from './tree-error.js';
import { HASH_BYTES, pairHasher, type Hashing } from './tree-hashing.js';

/** Reads one tile: its hashes, or undefined when there is none. */
export type TileReader = (level: number, index: number) => Promise<Uint8Array | undefined>;

/**
 * Siblings of leaf `index` from the tiles of a finished tree, leaf to root: one tile is read for every eight levels.
 * Throws `bad_index`; `bad_tile` when a tile is missing or has not the length that `size` demands.
 */
export async function inclusionProofFromTiles(
  profile: BatchProfile,
  size: number,
  index: number,
  readTile: TileReader,
  hashing: Hashing = pureSha256,
): Promise<Uint8Array[]> {
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(index) || index < 0 || index >= size)
    throw new TreeError('bad_index', `no leaf ${index} in a tree of ${size}`);
  const hashPairs = pairHasher(profile, hashing);
  const path: Uint8Array[] = [];
  let width = size;
  let at = index;
  for (let level = 0; width > 1; level += 1) {
    const tile = Math.floor(at / TILE_WIDTH);
    let nodes = await readTile(level, tile);
    let count = Math.min(TILE_WIDTH, width - tile * TILE_WIDTH);
    if (nodes === undefined || nodes.length !== count * HASH_BYTES)
      throw new TreeError(
        'bad_tile',
        `tile ${level}/${tile} of a tree of ${size} has ${nodes?.length ?? 'no'} bytes instead of ${count * HASH_BYTES}`,
      );
    let inTile = at % TILE_WIDTH;
    for (let height = 0; height < 8 && width > 1; height += 1) {
      const sibling = inTile % 2 === 1 ? inTile - 1 : inTile + 1;
      const position = sibling < count ? sibling : inTile;
      if (sibling < count || profile === 'kwh-btc-iot')
        path.push(nodes.slice(position * HASH_BYTES, (position + 1) * HASH_BYTES));
      const next: Uint8Array = new Uint8Array(Math.ceil(count / 2) * HASH_BYTES);
      count = nextLevel(profile, hashPairs, nodes, 0, count, next);
      nodes = next;
      inTile = Math.floor(inTile / 2);
      width = Math.ceil(width / 2);
    }
    at = tile;
  }
  return path;
}
