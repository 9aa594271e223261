import { fromHex, toHex, uint32be } from '../../verify/bytes.js';
import { consistencyProof, verifyConsistency } from '../../verify/consistency.js';
import { inclusionProof, verifyInclusion } from '../../verify/inclusion.js';
import { merkleRoot } from '../../verify/merkle-tree-builder.js';
import { leafHash } from '../../verify/tree-hashing.js';
import { sha256 } from '../../verify/sha256.js';
import { compare, type VectorResult } from './vector-case.js';

interface Rfc6962File {
  readonly leaf_inputs?: readonly string[];
  readonly leaf_hashes?: readonly string[];
  readonly empty_root?: string;
  readonly roots?: readonly { size: number; root: string }[];
  readonly inclusion?: readonly {
    index: number;
    size: number;
    leaf_hash: string;
    proof: readonly string[];
    root: string;
    valid: boolean;
    desc?: string;
  }[];
  readonly consistency?: readonly {
    size1: number;
    size2: number;
    root1: string;
    root2: string;
    proof: readonly string[];
    valid: boolean;
    desc?: string;
  }[];
  readonly big_trees?: {
    readonly cases: readonly { size: number; root: string; proof_of_last: readonly string[] }[];
  };
  readonly broken_constructions?: {
    readonly duplicate_odd_leaf?: { leaves3_root: string; leaves4_last_repeated_root: string };
    readonly no_prefix_second_preimage?: {
      root4: string;
      forged_leaf_messages: readonly string[];
      forged_root2: string;
    };
  };
}

const PROFILE = 'rfc9162';

/** RFC 6962 / RFC 9162 trees: heads, inclusion, consistency, and the constructions that must not be confused with them. */
export function* run(file: unknown): Generator<VectorResult> {
  const vectors = file as Rfc6962File;
  const inputs = (vectors.leaf_inputs ?? []).map(fromHex);
  const leaves = inputs.map((input) => leafHash(PROFILE, input));
  for (const [i, hash] of (vectors.leaf_hashes ?? []).entries())
    yield compare(`leaf hash ${i}`, hash, () => toHex(leaves[i]!));
  if (vectors.empty_root !== undefined)
    yield compare('root of no leaves', vectors.empty_root, () => toHex(merkleRoot(PROFILE, [])));
  for (const { size, root } of vectors.roots ?? [])
    yield compare(`root of ${size}`, root, () => toHex(merkleRoot(PROFILE, leaves.slice(0, size))));

  for (const [i, one] of (vectors.inclusion ?? []).entries()) {
    const name = `inclusion ${i}: leaf ${one.index} of ${one.size} ${one.desc ?? ''}`.trim();
    yield compare(`${name}: verification`, one.valid, () =>
      verifyInclusion({
        profile: PROFILE,
        leaf: fromHex(one.leaf_hash),
        index: one.index,
        size: one.size,
        path: one.proof.map(fromHex),
        root: fromHex(one.root),
      }),
    );
    if (one.valid && one.size <= leaves.length)
      yield compare(`${name}: proof`, one.proof, () =>
        inclusionProof(PROFILE, leaves.slice(0, one.size), one.index).map(toHex),
      );
  }

  for (const [i, one] of (vectors.consistency ?? []).entries()) {
    const name = `consistency ${i}: ${one.size1} to ${one.size2} ${one.desc ?? ''}`.trim();
    yield compare(`${name}: verification`, one.valid, () =>
      verifyConsistency({
        from: one.size1,
        to: one.size2,
        fromRoot: fromHex(one.root1),
        toRoot: fromHex(one.root2),
        path: one.proof.map(fromHex),
      }),
    );
    if (one.valid && one.size1 >= 1 && one.size2 <= leaves.length)
      yield compare(`${name}: proof`, one.proof, () =>
        consistencyProof(leaves, one.size1, one.size2).map(toHex),
      );
  }

  for (const { size, root, proof_of_last: proof } of vectors.big_trees?.cases ?? []) {
    const big = Array.from({ length: size }, (_, i) => leafHash(PROFILE, uint32be(i)));
    yield compare(`big tree of ${size}: root`, root, () => toHex(merkleRoot(PROFILE, big)));
    yield compare(`big tree of ${size}: proof of its last leaf`, proof, () =>
      inclusionProof(PROFILE, big, size - 1).map(toHex),
    );
  }

  yield* brokenConstructions(vectors, inputs, leaves);
}

/** Both constructions must behave as described, and profile rfc9162 must not share their fault. */
function* brokenConstructions(
  vectors: Rfc6962File,
  inputs: readonly Uint8Array[],
  leaves: readonly Uint8Array[],
): Generator<VectorResult> {
  const { duplicate_odd_leaf: odd, no_prefix_second_preimage: preimage } =
    vectors.broken_constructions ?? {};
  if (odd !== undefined) {
    const three = leaves.slice(0, 3);
    const four = [...three, three[2]!];
    yield compare('three leaves and four with the last repeated differ', false, () => {
      return toHex(merkleRoot(PROFILE, three)) === toHex(merkleRoot(PROFILE, four));
    });
    const bare = inputs.slice(0, 3).map((input) => sha256(input));
    yield compare('profile kwh-btc-iot: three leaves', odd.leaves3_root, () =>
      toHex(merkleRoot('kwh-btc-iot', bare)),
    );
    yield compare(
      'profile kwh-btc-iot: four leaves, the last repeated',
      odd.leaves4_last_repeated_root,
      () => toHex(merkleRoot('kwh-btc-iot', [...bare, bare[2]!])),
    );
  }
  if (preimage !== undefined) {
    const forged = preimage.forged_leaf_messages.map(fromHex);
    yield compare('64-byte messages forge a root without prefixes', preimage.forged_root2, () =>
      toHex(
        merkleRoot(
          'kwh-btc-iot',
          forged.map((message) => sha256(message)),
        ),
      ),
    );
    yield compare('with prefixes they do not', false, () => {
      const honest = toHex(merkleRoot(PROFILE, leaves.slice(0, 4)));
      const two = forged.map((message) => leafHash(PROFILE, message));
      return [honest, preimage.root4].includes(toHex(merkleRoot(PROFILE, two)));
    });
  }
}
