import { equal } from './bytes.js';
import type { BatchProfile, Sha256 } from './contracts.js';
import { flatLeaves, nextLevel, type Leaves } from './merkle-levels.js';
import { sha256 as pureSha256 } from './sha256.js';
import { TreeError } from './tree-error.js';
import { HASH_BYTES, nodeHash, pairHasher, type Hashing } from './tree-hashing.js';

/** A path through a tree of 2⁵³ leaves has 53 steps; nothing longer than this is even looked at. */
export const MAX_PATH_LENGTH = 64;

/** Where the sibling of a step stands. */
export type Side = 'left' | 'right';

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/**
 * Which sides the siblings of a path stand on, leaf to root. They follow from index and size alone: under `rfc9162`
 * an odd last node has no sibling and takes no step, under `kwh-btc-iot` it is its own, on the right.
 * Throws `bad_index`, `bad_size`.
 */
export function pathSides(profile: BatchProfile, index: number, size: number): Side[] {
  if (!isCount(size)) throw new TreeError('bad_size', `tree size ${size} is not 0 … 2^53 - 1`);
  if (!isCount(index) || index >= size)
    throw new TreeError('bad_index', `no leaf ${index} in a tree of ${size}`);
  const sides: Side[] = [];
  let at = index;
  for (let width = size; width > 1; width = Math.ceil(width / 2)) {
    if (at % 2 === 1) sides.push('left');
    else if (at < width - 1 || profile === 'kwh-btc-iot') sides.push('right');
    at = Math.floor(at / 2);
  }
  return sides;
}

/**
 * Siblings of leaf `index`, leaf to root (RFC 9162 §2.1.3.1; the reference's own order under `kwh-btc-iot`).
 * Throws `bad_index`, `bad_leaf`.
 */
export function inclusionProof(
  profile: BatchProfile,
  leaves: Leaves,
  index: number,
  hashing: Hashing = pureSha256,
): Uint8Array[] {
  let level = flatLeaves(leaves);
  let count = level.length / HASH_BYTES;
  if (!isCount(index) || index >= count)
    throw new TreeError('bad_index', `no leaf ${index} in a tree of ${count}`);
  const hashPairs = pairHasher(profile, hashing);
  const path: Uint8Array[] = [];
  let at = index;
  while (count > 1) {
    const sibling = at % 2 === 1 ? at - 1 : at + 1;
    const position = sibling < count ? sibling : at;
    if (sibling < count || profile === 'kwh-btc-iot')
      path.push(level.slice(position * HASH_BYTES, (position + 1) * HASH_BYTES));
    const next = new Uint8Array(Math.ceil(count / 2) * HASH_BYTES);
    count = nextLevel(profile, hashPairs, level, 0, count, next);
    level = next;
    at = Math.floor(at / 2);
  }
  return path;
}

/** A claim that a leaf stands at a place of a tree. */
export interface InclusionClaim {
  readonly profile: BatchProfile;
  readonly leaf: Uint8Array;
  readonly index: number;
  readonly size: number;
  readonly path: readonly Uint8Array[];
  readonly root: Uint8Array;
}

/**
 * Root that a path leads to, or undefined when the path cannot belong to that index and size.
 * RFC 9162 §2.1.3.2, and for `kwh-btc-iot`: the length must be exactly the tree's height (so an inner node cannot
 * stand for a leaf), a duplicated node must equal itself, and the last pair of a level of more than
 * two nodes must differ, because such a pair is how one root is given two sizes (CVE-2012-2459).
 */
export function rootFromPath(
  claim: Omit<InclusionClaim, 'root'>,
  sha256: Sha256 = pureSha256,
): Uint8Array | undefined {
  const { profile, leaf, index, size, path } = claim;
  if (!isCount(size) || !isCount(index) || index >= size) return undefined;
  if (leaf.length !== HASH_BYTES || path.length > MAX_PATH_LENGTH) return undefined;
  let node = leaf;
  let at = index;
  let step = 0;
  for (let width = size; width > 1; width = Math.ceil(width / 2)) {
    const last = at === width - 1;
    const unpaired = at % 2 === 0 && last;
    if (!unpaired || profile === 'kwh-btc-iot') {
      const sibling = path[step];
      step += 1;
      if (sibling === undefined || sibling.length !== HASH_BYTES) return undefined;
      if (profile === 'kwh-btc-iot') {
        const lastPair = Math.floor(at / 2) === Math.floor((width - 1) / 2);
        const same = equal(sibling, node);
        if (unpaired ? !same : same && lastPair && width > 2) return undefined;
      }
      node =
        at % 2 === 1
          ? nodeHash(profile, sibling, node, sha256)
          : nodeHash(profile, node, sibling, sha256);
    }
    at = Math.floor(at / 2);
  }
  return step === path.length ? node : undefined;
}

/** True when `leaf` is leaf `index` of the tree of `size` leaves with that root. Never throws. */
export function verifyInclusion(claim: InclusionClaim, sha256: Sha256 = pureSha256): boolean {
  const root = rootFromPath(claim, sha256);
  return root !== undefined && equal(root, claim.root);
}

/** One step of a proof as the kwh-btc-iot system writes it; `position` is where the sibling stands. */
export interface PositionedHash {
  readonly position: Side;
  readonly hash: Uint8Array;
}

/** The same path with its sides written out. Throws `bad_index`, `bad_size`. */
export function positionedPath(
  profile: BatchProfile,
  index: number,
  size: number,
  path: readonly Uint8Array[],
): PositionedHash[] {
  const sides = pathSides(profile, index, size);
  if (sides.length !== path.length)
    throw new TreeError(
      'bad_size',
      `leaf ${index} of ${size} has ${sides.length} siblings, got ${path.length}`,
    );
  return path.map((hash, i) => ({ position: sides[i]!, hash }));
}

/**
 * Path of a proof with written-out sides, or undefined when a side is not the one that index and size demand.
 */
export function pathOfPositioned(
  profile: BatchProfile,
  index: number,
  size: number,
  proof: readonly PositionedHash[],
): Uint8Array[] | undefined {
  if (!isCount(size) || !isCount(index) || index >= size) return undefined;
  const sides = pathSides(profile, index, size);
  if (sides.length !== proof.length) return undefined;
  if (proof.some((step, i) => step.position !== sides[i])) return undefined;
  return proof.map((step) => step.hash);
}
