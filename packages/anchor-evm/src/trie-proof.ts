import { keccak_256 as keccak256 } from '@noble/hashes/sha3.js';
import { nibblesOf } from './verify/merkle-patricia.js';
import { encodeRlp, type Rlp } from './verify/rlp.js';

interface Entry {
  readonly path: readonly number[];
  readonly value: Uint8Array;
}

/** The root of the Merkle-Patricia trie over these values, and the nodes from it to the value at `target`. */
export function trieProof(
  values: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[],
  target: number,
): { readonly root: Uint8Array; readonly proof: readonly Uint8Array[] } {
  const entries = values.map(({ key, value }) => ({ path: nibblesOf(key), value }));
  const steps: Uint8Array[] = [];
  const root = encodeRlp(nodeOf(entries, 0, entries[target] as Entry, steps));
  return { root: keccak256(root), proof: [root, ...steps.reverse()] };
}

function nodeOf(entries: readonly Entry[], at: number, target: Entry, steps: Uint8Array[]): Rlp {
  const [first] = entries as readonly [Entry, ...Entry[]];
  if (entries.length === 1) return [hexPrefix(first.path.slice(at), true), first.value];
  const child = (inside: readonly Entry[], from: number): Rlp => {
    const node = nodeOf(inside, from, target, steps);
    const bytes = encodeRlp(node);
    // A node shorter than a hash stands in its parent itself.
    if (bytes.length < 32) return node;
    if (inside.includes(target)) steps.push(bytes);
    return keccak256(bytes);
  };
  let common = at;
  while (
    entries.every(({ path }) => path[common] !== undefined && path[common] === first.path[common])
  )
    common += 1;
  if (common > at) return [hexPrefix(first.path.slice(at, common), false), child(entries, common)];
  const branch: Rlp[] = Array.from({ length: 16 }, (_unused, nibble) => {
    const inside = entries.filter(({ path }) => path[at] === nibble);
    return inside.length === 0 ? new Uint8Array() : child(inside, at + 1);
  });
  const here = entries.find(({ path }) => path.length === at);
  return [...branch, here?.value ?? new Uint8Array()];
}

/** Compact encoding of a path (yellow paper, appendix C). */
function hexPrefix(nibbles: readonly number[], leaf: boolean): Uint8Array {
  const odd = nibbles.length % 2;
  const flags = (leaf ? 2 : 0) + odd;
  const all = odd === 1 ? [flags, ...nibbles] : [flags, 0, ...nibbles];
  return Uint8Array.from(
    { length: all.length / 2 },
    (_unused, i) => (all[2 * i] as number) * 16 + (all[2 * i + 1] as number),
  );
}
