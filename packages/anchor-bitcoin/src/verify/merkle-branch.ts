import { sha256 } from '@noble/hashes/sha2.js';

export const doubleSha256 = (bytes: Uint8Array): Uint8Array => sha256(sha256(bytes));

export interface BranchProof {
  /** txid in internal byte order. */
  readonly leaf: Uint8Array;
  readonly index: number;
  /** Levels between the transactions and the root, which the coinbase's branch shows: its length. */
  readonly depth: number;
  /** Siblings from leaf to root, internal byte order. */
  readonly branch: readonly Uint8Array[];
}

/**
 * Root of Bitcoin's transaction tree that this branch leads to, or the reason why it cannot be one.
 * Refuses what the tree's odd-node rule makes ambiguous (CVE-2012-2459): a left sibling equal to the running
 * hash, and an equal right sibling anywhere but at the end of a level, where duplication is the rule. A node that
 * stands at the end of its level has only nodes above it that do, so one repetition says where the others must be.
 */
export function branchRoot(
  proof: BranchProof,
): { readonly root: Uint8Array } | { readonly refused: string } {
  const { index, depth, branch } = proof;
  if (branch.length !== depth)
    return { refused: `${branch.length} steps in a tree of ${depth} levels` };
  if (!Number.isSafeInteger(index) || index < 0 || index >= 2 ** depth)
    return { refused: `index ${index} in a tree of ${depth} levels` };
  let hash = proof.leaf;
  let position = index;
  let last = false;
  for (const sibling of branch) {
    if (sibling.length !== 32) return { refused: 'a sibling that is not 32 bytes' };
    const same = sibling.every((byte, i) => byte === hash[i]);
    const right = position % 2 === 0;
    // A level whose only node is repeated would be the root.
    if (same && (!right || position === 0))
      return { refused: 'a repeated node away from the end of its level' };
    if (last && right && !same) return { refused: 'a last node that is not repeated' };
    last ||= same;
    hash = doubleSha256(right ? join(hash, sibling) : join(sibling, hash));
    position = Math.floor(position / 2);
  }
  return { root: hash };
}

/** Siblings of one transaction, given all txids of the block in internal byte order. */
export function branchOf(txIds: readonly Uint8Array[], index: number): Uint8Array[] {
  const branch: Uint8Array[] = [];
  let position = index;
  for (const level of levelsOf(txIds)) {
    if (level.length === 1) break;
    const sibling = position % 2 === 0 ? Math.min(position + 1, level.length - 1) : position - 1;
    branch.push(level[sibling] as Uint8Array);
    position = Math.floor(position / 2);
  }
  return branch;
}

/** Root of the tree over all txids of a block, internal byte order; undefined of none. */
export function rootOf(txIds: readonly Uint8Array[]): Uint8Array | undefined {
  return [...levelsOf(txIds)].at(-1)?.[0];
}

/** From the transactions to the root. */
function* levelsOf(txIds: readonly Uint8Array[]): Generator<readonly Uint8Array[]> {
  let level = txIds;
  for (;;) {
    yield level;
    if (level.length <= 1) return;
    const next: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i] as Uint8Array;
      next.push(doubleSha256(join(left, level[i + 1] ?? left)));
    }
    level = next;
  }
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(left.length + right.length);
  bytes.set(left, 0);
  bytes.set(right, left.length);
  return bytes;
}
