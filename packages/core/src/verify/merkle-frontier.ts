import type { Sha256 } from './contracts.js';
import { sha256 as pureSha256 } from './sha256.js';
import { TreeError } from './tree-error.js';
import { emptyRoot, HASH_BYTES, nodeHash } from './tree-hashing.js';

/**
 * The right edge of a growing RFC 9162 tree: the roots of its complete subtrees, largest first, one for
 * every 1 bit of `size`. It is all that is needed to append and to know the root.
 */
export interface Frontier {
  readonly size: number;
  readonly hashes: readonly Uint8Array[];
}

function onesOf(size: number): number {
  let ones = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}

function check(frontier: Frontier): void {
  if (!Number.isSafeInteger(frontier.size) || frontier.size < 0)
    throw new TreeError('bad_size', `tree size ${frontier.size} is not 0 … 2^53 - 1`);
  if (frontier.hashes.length !== onesOf(frontier.size))
    throw new TreeError(
      'bad_size',
      `a tree of ${frontier.size} has ${onesOf(frontier.size)} complete subtrees, got ${frontier.hashes.length}`,
    );
}

/** The frontier with one more leaf. Throws `bad_size`, `bad_leaf`. */
export function appendToFrontier(
  frontier: Frontier,
  leaf: Uint8Array,
  sha256: Sha256 = pureSha256,
): Frontier {
  check(frontier);
  if (leaf.length !== HASH_BYTES)
    throw new TreeError('bad_leaf', `a leaf has 32 bytes, got ${leaf.length}`);
  const hashes = [...frontier.hashes];
  let node = leaf;
  for (let rest = frontier.size; rest % 2 === 1; rest = Math.floor(rest / 2))
    node = nodeHash('rfc9162', hashes.pop()!, node, sha256);
  hashes.push(node);
  return { size: frontier.size + 1, hashes };
}

/** Root of the tree with that frontier, 32 bytes. Throws `bad_size`. */
export function frontierRoot(frontier: Frontier, sha256: Sha256 = pureSha256): Uint8Array {
  check(frontier);
  const [last, ...larger] = frontier.hashes.toReversed();
  if (last === undefined) return emptyRoot('rfc9162', sha256);
  return larger.reduce((root, subtree) => nodeHash('rfc9162', subtree, root, sha256), last);
}
