import type { BatchProfile } from './contracts.js';
import { HASH_BYTES, type PairHasher } from './tree-hashing.js';
import { TreeError } from './tree-error.js';

/** Leaves as callers have them: one array of n × 32 bytes, or n arrays of 32 bytes. */
export type Leaves = Uint8Array | readonly Uint8Array[];

/** n × 32 bytes; a flat input is returned as it is. Throws `bad_leaf`. */
export function flatLeaves(leaves: Leaves): Uint8Array {
  if (leaves instanceof Uint8Array) {
    if (leaves.length % HASH_BYTES !== 0)
      throw new TreeError('bad_leaf', `${leaves.length} bytes are not a whole number of leaves`);
    return leaves;
  }
  const flat = new Uint8Array(leaves.length * HASH_BYTES);
  leaves.forEach((leaf, i) => {
    if (leaf.length !== HASH_BYTES)
      throw new TreeError('bad_leaf', `leaf ${i} has ${leaf.length} bytes instead of 32`);
    flat.set(leaf, i * HASH_BYTES);
  });
  return flat;
}

/**
 * Hashes one level of a tree into the next: `count` nodes of `input` from byte `from` become ⌈count / 2⌉ nodes of `output`.
 * An odd last node moves up unchanged under `rfc9162` (which is RFC 9162's split at the largest
 * power of two), and is hashed with itself under `kwh-btc-iot`.
 */
export function nextLevel(
  profile: BatchProfile,
  hashPairs: PairHasher,
  input: Uint8Array,
  from: number,
  count: number,
  output: Uint8Array,
): number {
  const pairs = Math.floor(count / 2);
  hashPairs(input, from, pairs, output, 0);
  if (count % 2 === 0) return pairs;
  const last = input.slice(from + (count - 1) * HASH_BYTES, from + count * HASH_BYTES);
  if (profile === 'rfc9162') {
    output.set(last, pairs * HASH_BYTES);
  } else {
    const twice = new Uint8Array(2 * HASH_BYTES);
    twice.set(last);
    twice.set(last, HASH_BYTES);
    hashPairs(twice, 0, 1, output, pairs * HASH_BYTES);
  }
  return pairs + 1;
}
