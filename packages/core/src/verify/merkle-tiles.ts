import type { BatchProfile } from './contracts.js';
import { nextLevel } from './merkle-levels.js';
import { TILE_WIDTH } from './merkle-tree-builder.js';
import { sha256 as pureSha256 } from './sha256.js';
import { TreeError } from './tree-error.js';
import { HASH_BYTES, pairHasher, type Hashing } from './tree-hashing.js';

/** Levels of a tree between two levels of tiles. */
const TILE_HEIGHT = 8;

/** The eight rows of nodes of which a tile's hashes are the lowest. */
export type TileRows = readonly Uint8Array[];

/** Reads one tile: its hashes, or with all that stands above them, or undefined when there is none. */
export type TileReader = (
  level: number,
  index: number,
) => Promise<Uint8Array | TileRows | undefined>;

/** Up to 256 hashes of a tile with the nodes above them, so that paths through it need no hashing. */
export function tileRows(
  profile: BatchProfile,
  hashes: Uint8Array,
  hashing: Hashing = pureSha256,
): TileRows {
  const hashPairs = pairHasher(profile, hashing);
  const rows = [hashes];
  let count = hashes.length / HASH_BYTES;
  while (rows.length < TILE_HEIGHT) {
    const row: Uint8Array = new Uint8Array(Math.ceil(count / 2) * HASH_BYTES);
    count = nextLevel(profile, hashPairs, rows.at(-1)!, 0, count, row);
    rows.push(row);
  }
  return rows;
}

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
  const path: Uint8Array[] = [];
  let width = size;
  let at = index;
  for (let level = 0; width > 1; level += 1) {
    const tile = Math.floor(at / TILE_WIDTH);
    const found = await readTile(level, tile);
    const nodes = found instanceof Uint8Array ? found : found?.[0];
    let count = Math.min(TILE_WIDTH, width - tile * TILE_WIDTH);
    if (found === undefined || nodes?.length !== count * HASH_BYTES)
      throw new TreeError(
        'bad_tile',
        `tile ${level}/${tile} of a tree of ${size} has ${nodes?.length ?? 'no'} bytes instead of ${count * HASH_BYTES}`,
      );
    const rows = found instanceof Uint8Array ? tileRows(profile, found, hashing) : found;
    let inTile = at % TILE_WIDTH;
    for (let height = 0; height < TILE_HEIGHT && width > 1; height += 1) {
      const sibling = inTile % 2 === 1 ? inTile - 1 : inTile + 1;
      const position = sibling < count ? sibling : inTile;
      if (sibling < count || profile === 'kwh-btc-iot')
        path.push(rows[height]!.slice(position * HASH_BYTES, (position + 1) * HASH_BYTES));
      count = Math.ceil(count / 2);
      inTile = Math.floor(inTile / 2);
      width = Math.ceil(width / 2);
    }
    at = tile;
  }
  return path;
}
