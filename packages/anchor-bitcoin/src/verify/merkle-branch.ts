import { sha256 } from '@noble/hashes/sha2.js';

export const doubleSha256 = (bytes: Uint8Array): Uint8Array => sha256(sha256(bytes));

export interface BranchProof {
  /** txid in internal byte order. */
  readonly leaf: Uint8Array;
  readonly index: number;
  /** Transactions in the block. */
  readonly count: number;
  /** Siblings from leaf to root, internal byte order. */
  readonly branch: readonly Uint8Array[];
}

/**
 * Root of Bitcoin's transaction tree that this branch leads to, or the reason why it cannot be one.
 * Refuses what the tree's odd-node rule makes ambiguous (CVE-2012-2459): a left sibling equal to the running
 * hash, and an equal right sibling anywhere but at the end of a level, where duplication is the rule.
 */
export function branchRoot(
  proof: BranchProof,
): { readonly root: Uint8Array } | { readonly refused: string } {
  const { index, count, branch } = proof;
  if (!Number.isSafeInteger(count) || count < 1 || count > 1_000_000)
    return { refused: `a block of ${count} transactions` };
  if (!Number.isSafeInteger(index) || index < 0 || index >= count)
    return { refused: `index ${index} of ${count}` };
  if (branch.length !== depthOf(count))
    return { refused: `${branch.length} steps where ${count} transactions need ${depthOf(count)}` };
  let hash = proof.leaf;
  let position = index;
  let width = count;
  for (const sibling of branch) {
    if (sibling.length !== 32) return { refused: 'a sibling that is not 32 bytes' };
    const same = sibling.every((byte, i) => byte === hash[i]);
    const right = position % 2 === 0;
    const alone = right && position === width - 1;
    if (same !== alone)
      return {
        refused: same
          ? 'a repeated node away from the end of its level'
          : 'a last node that is not repeated',
      };
    hash = doubleSha256(right ? join(hash, sibling) : join(sibling, hash));
    position = Math.floor(position / 2);
    width = Math.ceil(width / 2);
  }
  return { root: hash };
}

/** Siblings of one transaction, given all txids of the block in internal byte order. */
export function branchOf(txIds: readonly Uint8Array[], index: number): Uint8Array[] {
  const branch: Uint8Array[] = [];
  let level = [...txIds];
  let position = index;
  while (level.length > 1) {
    const sibling = position % 2 === 0 ? Math.min(position + 1, level.length - 1) : position - 1;
    branch.push(level[sibling] as Uint8Array);
    const next: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i] as Uint8Array;
      next.push(doubleSha256(join(left, level[i + 1] ?? left)));
    }
    level = next;
    position = Math.floor(position / 2);
  }
  return branch;
}

function depthOf(count: number): number {
  let depth = 0;
  for (let width = count; width > 1; width = Math.ceil(width / 2)) depth += 1;
  return depth;
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(left.length + right.length);
  bytes.set(left, 0);
  bytes.set(right, left.length);
  return bytes;
}
