import { keccak_256 as keccak256 } from '@noble/hashes/sha3.js';
import { same } from './hex.js';
import { decodeRlp, type Rlp } from './rlp.js';

/** Half bytes of a key, the way down the trie. */
export function nibblesOf(key: Uint8Array): number[] {
  return [...key].flatMap((byte) => [byte >> 4, byte & 15]);
}

/**
 * The value that a Merkle-Patricia trie (yellow paper, appendix D) of this root holds at a key, by the nodes from root to leaf, or the
 * reason why they do not show one. Every node must be used. Throws `MalformedRlp`.
 */
export function provenValue(
  root: Uint8Array,
  key: Uint8Array,
  proof: readonly Uint8Array[],
): { readonly value: Uint8Array } | { readonly refused: string } {
  const path = nibblesOf(key);
  let at = 0;
  let used = 0;
  let reference: Rlp = root;
  for (;;) {
    const node: Rlp | undefined = isList(reference) ? reference : hashed(reference, proof[used]);
    if (node === undefined) return { refused: `node ${used} is not the one its parent names` };
    if (!isList(reference)) used += 1;
    const step: Step | undefined = isList(node) ? descend(node, path, at) : undefined;
    if (step === undefined) return { refused: `node ${used - 1} does not lead to the key` };
    at = step.at;
    reference = step.next;
    if (!step.leaf) continue;
    if (isList(reference) || reference.length === 0) return { refused: 'no value at the key' };
    if (used !== proof.length) return { refused: `${proof.length - used} nodes too many` };
    return { value: reference };
  }
}

const isList = (item: Rlp): item is readonly Rlp[] => !(item instanceof Uint8Array);

function hashed(hash: Uint8Array, bytes: Uint8Array | undefined): Rlp | undefined {
  if (bytes === undefined || !same(keccak256(bytes), hash)) return undefined;
  return decodeRlp(bytes);
}

interface Step {
  readonly next: Rlp;
  readonly at: number;
  readonly leaf: boolean;
}

/** One node further: a branch takes a nibble, a leaf or an extension what its own path says. */
function descend(node: readonly Rlp[], path: readonly number[], at: number): Step | undefined {
  if (node.length === 17) {
    const nibble = path[at];
    if (nibble === undefined) return { next: node[16] as Rlp, at, leaf: true };
    return { next: node[nibble] as Rlp, at: at + 1, leaf: false };
  }
  const [encoded, next] = node;
  if (node.length !== 2 || next === undefined || !(encoded instanceof Uint8Array)) return undefined;
  // Hex-prefix encoding: flags in the first nibble, a filler behind them when the path is even.
  const [flags, ...rest] = nibblesOf(encoded);
  if (flags === undefined || flags > 3 || (flags % 2 === 0 && rest[0] !== 0)) return undefined;
  const own = flags % 2 === 0 ? rest.slice(1) : rest;
  const leaf = flags >= 2;
  if (own.some((nibble, i) => nibble !== path[at + i])) return undefined;
  if (leaf ? at + own.length !== path.length : own.length === 0) return undefined;
  return { next, at: at + own.length, leaf };
}
