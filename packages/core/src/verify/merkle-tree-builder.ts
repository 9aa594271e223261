import type { BatchProfile } from './contracts.js';
import { flatLeaves, nextLevel, type Leaves } from './merkle-levels.js';
import { sha256 as pureSha256 } from './sha256.js';
import { TreeError } from './tree-error.js';
import {
  emptyRoot,
  HASH_BYTES,
  pairHasher,
  sha256Of,
  type Hashing,
  type PairHasher,
} from './tree-hashing.js';

/** Nodes in a full tile. */
export const TILE_WIDTH = 256;

/** Pairs hashed between two looks at the budget. */
const CHUNK_PAIRS = 256;

/**
 * A row of stored tree nodes. Level L holds the tree's nodes at height 8·L, 256 a tile, also the last,
 * incomplete one of every level: batch trees never grow.
 */
export interface Tile {
  readonly level: number;
  readonly index: number;
  /** Up to 256 × 32 bytes. */
  readonly hashes: Uint8Array;
}

/**
 * Builds a batch tree in steps, so that hashing a large batch need not hold up anything else.
 * Beside the leaves it holds every eighth level and half a level of work space.
 */
export class TreeBuilder {
  readonly #profile: BatchProfile;
  readonly #hashing: Hashing;
  readonly #hashPairs: PairHasher;
  #chunks: Uint8Array[] = [];
  #size = 0;
  /** Nodes of every eighth level, lowest first. */
  readonly #kept: Uint8Array[] = [];
  #level: Uint8Array | undefined;
  #count = 0;
  #height = 0;
  #pairsDone = 0;
  #work = new Uint8Array(0);

  constructor(profile: BatchProfile, hashing: Hashing = pureSha256) {
    this.#profile = profile;
    this.#hashing = hashing;
    this.#hashPairs = pairHasher(profile, hashing);
  }

  /** Number of leaves so far. */
  get size(): number {
    return this.#size;
  }

  /** Adds leaves; the arrays are kept, not copied, so leave them alone. Throws `bad_leaf`, `bad_size`. */
  push(leaves: Leaves): this {
    if (this.#level !== undefined)
      throw new TreeError('bad_size', 'leaves cannot be added once hashing has begun');
    const flat = flatLeaves(leaves);
    if (flat.length > 0) this.#chunks.push(flat);
    this.#size += flat.length / HASH_BYTES;
    return this;
  }

  /** Hashes about `budget` nodes and says whether the tree is finished. */
  step(budget = Number.POSITIVE_INFINITY): boolean {
    let level = this.#level ?? this.#begin();
    let left = budget;
    while (this.#count > 1) {
      const pairs = Math.floor(this.#count / 2);
      while (this.#pairsDone < pairs) {
        if (left <= 0) return false;
        const some = Math.min(CHUNK_PAIRS, pairs - this.#pairsDone);
        const done = this.#pairsDone * HASH_BYTES;
        this.#hashPairs(level, 2 * done, some, this.#work, done);
        this.#pairsDone += some;
        left -= some;
      }
      level = this.#rise(level, pairs);
    }
    return true;
  }

  /** Root, 32 bytes, hashing whatever is left. */
  root(): Uint8Array {
    this.step();
    if (this.#size === 0) return emptyRoot(this.#profile, sha256Of(this.#hashing));
    return this.#level!.slice(0, HASH_BYTES);
  }

  /** Every tile of the finished tree, lowest level first. Throws `not_finished`. */
  *tiles(): Generator<Tile> {
    if (this.#level === undefined || this.#count > 1)
      throw new TreeError('not_finished', 'the tree is not hashed yet; call step until it is true');
    const width = TILE_WIDTH * HASH_BYTES;
    for (const [level, nodes] of this.#kept.entries())
      for (let index = 0; index * width < nodes.length; index += 1)
        yield { level, index, hashes: nodes.subarray(index * width, (index + 1) * width) };
  }

  #begin(): Uint8Array {
    const [only] = this.#chunks;
    let leaves = only ?? new Uint8Array(0);
    if (this.#chunks.length > 1) {
      leaves = new Uint8Array(this.#size * HASH_BYTES);
      let at = 0;
      for (const chunk of this.#chunks) {
        leaves.set(chunk, at);
        at += chunk.length;
      }
    }
    this.#chunks = [];
    this.#level = leaves;
    this.#count = this.#size;
    if (this.#size > 0) this.#kept.push(leaves);
    this.#work = new Uint8Array(Math.ceil(this.#size / 2) * HASH_BYTES);
    return leaves;
  }

  /** The hashed pairs, with the odd last node after them, become the level. */
  #rise(level: Uint8Array, pairs: number): Uint8Array {
    const rest = this.#count - 2 * pairs;
    if (rest === 1)
      nextLevel(
        this.#profile,
        this.#hashPairs,
        level,
        2 * pairs * HASH_BYTES,
        1,
        this.#work.subarray(pairs * HASH_BYTES),
      );
    this.#count = pairs + rest;
    this.#height += 1;
    this.#pairsDone = 0;
    // Work space is hashed in place from here on: a pair is read before anything is written over it.
    this.#level = this.#work;
    if (this.#height % 8 === 0 && this.#count > 1)
      this.#kept.push(this.#work.slice(0, this.#count * HASH_BYTES));
    return this.#work;
  }
}

/**
 * Root of a batch tree, 32 bytes, from its leaves (n × 32 bytes, or n arrays of 32). RFC 9162 §2.1.1 under `rfc9162`;
 * odd nodes duplicated under `kwh-btc-iot`. Throws `bad_leaf`.
 */
export function merkleRoot(
  profile: BatchProfile,
  leaves: Leaves,
  hashing: Hashing = pureSha256,
): Uint8Array {
  return new TreeBuilder(profile, hashing).push(leaves).root();
}
