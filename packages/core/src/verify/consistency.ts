import { equal } from './bytes.js';
import type { Sha256 } from './contracts.js';
import { MAX_PATH_LENGTH } from './inclusion.js';
import { flatLeaves, type Leaves } from './merkle-levels.js';
import { merkleRoot } from './merkle-tree-builder.js';
import { sha256 as pureSha256 } from './sha256.js';
import { TreeError } from './tree-error.js';
import { HASH_BYTES, nodeHash, type Hashing } from './tree-hashing.js';

/**
 * The subtrees whose roots prove that `to` leaves extend `from`, in the order of the proof: leaves `start` to before `end`.
 * 1 ≤ from ≤ to.
 */
export function consistencyRanges(
  from: number,
  to: number,
): readonly { readonly start: number; readonly end: number }[] {
  const ranges: { readonly start: number; readonly end: number }[] = [];
  let start = 0;
  let end = to;
  let whole = true;
  // SUBPROOF(m, D_n, b) of RFC 9162 walked from the top; hashes come out root first.
  while (from !== end) {
    let split = 1;
    while (split * 2 < end - start) split *= 2;
    if (from <= start + split) {
      ranges.push({ start: start + split, end });
      end = start + split;
    } else {
      ranges.push({ start, end: start + split });
      start += split;
      whole = false;
    }
  }
  if (!whole) ranges.push({ start, end });
  return ranges.toReversed();
}

/**
 * Proof that the first `from` leaves of the tree of `to` leaves are the tree of `from` leaves (RFC 9162 §2.1.4.1).
 * Only the batch log grows, so only profile rfc9162 has it. 1 ≤ from ≤ to ≤ leaves; equal sizes need no hashes.
 * Throws `bad_size`, `bad_leaf`.
 */
export function consistencyProof(
  leaves: Leaves,
  from: number,
  to: number,
  hashing: Hashing = pureSha256,
): Uint8Array[] {
  const flat = flatLeaves(leaves);
  const count = flat.length / HASH_BYTES;
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 1 || from > to || to > count)
    throw new TreeError('bad_size', `no proof from ${from} to ${to} over ${count} leaves`);
  return consistencyRanges(from, to).map(({ start, end }) =>
    merkleRoot('rfc9162', flat.subarray(start * HASH_BYTES, end * HASH_BYTES), hashing),
  );
}

/** A claim that a log of `to` leaves extends the log of `from` leaves. */
export interface ConsistencyClaim {
  readonly from: number;
  readonly to: number;
  readonly fromRoot: Uint8Array;
  readonly toRoot: Uint8Array;
  readonly path: readonly Uint8Array[];
}

/** True when the path proves it (RFC 9162 §2.1.4.2). Never throws; from = 0 proves nothing and is false. */
export function verifyConsistency(claim: ConsistencyClaim, sha256: Sha256 = pureSha256): boolean {
  const { from, to, fromRoot, toRoot, path } = claim;
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 1 || from > to)
    return false;
  if (fromRoot.length !== HASH_BYTES || toRoot.length !== HASH_BYTES) return false;
  if (path.length > MAX_PATH_LENGTH || path.some((node) => node.length !== HASH_BYTES))
    return false;
  if (from === to) return path.length === 0 && equal(fromRoot, toRoot);
  let fn = from - 1;
  let sn = to - 1;
  while (fn % 2 === 1) {
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  // An exact power of two is a complete subtree: its root starts the walk and is not sent.
  const nodes = fn === 0 ? [fromRoot, ...path] : [...path];
  const first = nodes.shift();
  if (first === undefined) return false;
  let oldRoot = first;
  let newRoot = first;
  for (const node of nodes) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      oldRoot = nodeHash('rfc9162', node, oldRoot, sha256);
      newRoot = nodeHash('rfc9162', node, newRoot, sha256);
      while (fn !== 0 && fn % 2 === 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else {
      newRoot = nodeHash('rfc9162', newRoot, node, sha256);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && equal(oldRoot, fromRoot) && equal(newRoot, toRoot);
}
