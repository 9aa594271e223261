import { createHash } from 'node:crypto';
import { fromHex, toHex, uint32be } from '../../verify/bytes.js';
import { consistencyProof, verifyConsistency } from '../../verify/consistency.js';
import { inclusionProof, verifyInclusion } from '../../verify/inclusion.js';
import { merkleRoot } from '../../verify/merkle-tree-builder.js';
import { leafHash } from '../../verify/tree-hashing.js';
import { sha256 } from '../../verify/sha256.js';
import { compare, each, guarded, unknownGroups, type VectorResult } from './vector-case.js';

interface InclusionCase {
  readonly index: number;
  readonly size: number;
  readonly leaf_hash: string;
  readonly proof: readonly string[];
  readonly root: string;
  readonly valid: boolean;
  readonly desc?: string;
}

interface ConsistencyCase {
  readonly size1: number;
  readonly size2: number;
  readonly root1: string;
  readonly root2: string;
  readonly proof: readonly string[];
  readonly valid: boolean;
  readonly desc?: string;
}

interface Rfc6962File {
  readonly leaf_inputs?: readonly string[];
  readonly leaf_hashes?: Readonly<Record<number, string>>;
  readonly empty_root?: string;
  readonly roots?: readonly { size: number; root: string }[];
  readonly inclusion?: readonly InclusionCase[];
  readonly consistency?: readonly ConsistencyCase[];
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
/** Leaves of the certificate-transparency test data (Apache-2.0), which the family's trees are made of. */
const LEAF_INPUTS = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];

/** RFC 6962 / RFC 9162 trees: heads, inclusion, consistency, and the constructions that must not be confused with them. */
export function* run(file: unknown): Generator<VectorResult> {
  const vectors = file as Rfc6962File;
  const inputs = vectors.leaf_inputs === undefined ? LEAF_INPUTS.map(fromHex) : [];
  const leaves = inputs.map((input) => leafHash(PROFILE, input));
  yield* each('leaf_inputs', vectors.leaf_inputs, function* (hex, i) {
    const input = fromHex(hex);
    inputs.push(input);
    leaves.push(leafHash(PROFILE, input));
    const expected = vectors.leaf_hashes?.[i] ?? nativeLeafHash(hex);
    yield compare(`leaf hash ${i}`, expected, () => toHex(leafHash(PROFILE, input)));
  });
  if (vectors.empty_root !== undefined)
    yield compare('root of no leaves', vectors.empty_root, () => toHex(merkleRoot(PROFILE, [])));
  yield* each('roots', vectors.roots, function* ({ size, root }) {
    yield compare(`root of ${size}`, root, () => toHex(merkleRoot(PROFILE, first(leaves, size))));
  });
  const known = { hashes: leaves, told: vectors.leaf_inputs !== undefined };
  yield* each('inclusion', vectors.inclusion, (one, i) => inclusionCases(one, i, known));
  yield* each('consistency', vectors.consistency, (one, i) => consistencyCases(one, i, known));
  yield* each('big_trees', vectors.big_trees?.cases, function* (one) {
    const { size, root, proof_of_last: proof } = one;
    const big = Array.from({ length: size }, (_, i) => leafHash(PROFILE, uint32be(i)));
    yield compare(`big tree of ${size}: root`, root, () => toHex(merkleRoot(PROFILE, big)));
    yield compare(`big tree of ${size}: proof of its last leaf`, proof, () =>
      inclusionProof(PROFILE, big, size - 1).map(toHex),
    );
  });
  yield* guarded('broken_constructions', () => brokenConstructions(vectors, inputs, leaves));
  yield* unknownGroups(file, [
    'leaf_inputs',
    'leaf_hashes',
    'roots',
    'inclusion',
    'consistency',
    'big_trees',
    'broken_constructions',
  ]);
}

function nativeLeafHash(inputHex: string): string {
  return createHash('sha256').update(`00${inputHex}`, 'hex').digest('hex');
}

function first(leaves: readonly Uint8Array[], size: number): readonly Uint8Array[] {
  if (size > leaves.length) throw new RangeError(`the file has only ${leaves.length} leaf inputs`);
  return leaves.slice(0, size);
}

/**
 * Leaves of the trees that a file's cases speak of. Of a file that tells none they are the published ones, and then a case may
 * speak of another tree.
 */
interface Leaves {
  readonly hashes: readonly Uint8Array[];
  readonly told: boolean;
}

function isTreeOf({ hashes, told }: Leaves, size: number, root: string): boolean {
  if (size > hashes.length) return false;
  return told || toHex(merkleRoot(PROFILE, hashes.slice(0, size))) === root;
}

function* inclusionCases(one: InclusionCase, i: number, leaves: Leaves): Generator<VectorResult> {
  const name = `inclusion ${i}: leaf ${one.index} of ${one.size} ${one.desc ?? ''}`.trim();
  const claim = {
    profile: PROFILE,
    leaf: fromHex(one.leaf_hash),
    index: one.index,
    size: one.size,
    path: one.proof.map(fromHex),
    root: fromHex(one.root),
  } as const;
  yield compare(`${name}: verification`, one.valid, () => verifyInclusion(claim));
  if (one.valid && isTreeOf(leaves, one.size, one.root))
    yield compare(`${name}: proof`, one.proof, () =>
      inclusionProof(PROFILE, leaves.hashes.slice(0, one.size), one.index).map(toHex),
    );
}

function* consistencyCases(
  one: ConsistencyCase,
  i: number,
  leaves: Leaves,
): Generator<VectorResult> {
  const name = `consistency ${i}: ${one.size1} to ${one.size2} ${one.desc ?? ''}`.trim();
  const claim = {
    from: one.size1,
    to: one.size2,
    fromRoot: fromHex(one.root1),
    toRoot: fromHex(one.root2),
    path: one.proof.map(fromHex),
  };
  yield compare(`${name}: verification`, one.valid, () => verifyConsistency(claim));
  if (one.valid && one.size1 >= 1 && isTreeOf(leaves, one.size2, one.root2))
    yield compare(`${name}: proof`, one.proof, () =>
      consistencyProof(leaves.hashes, one.size1, one.size2).map(toHex),
    );
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
    yield compare('four leaves without prefixes', preimage.root4, () =>
      toHex(
        merkleRoot(
          'kwh-btc-iot',
          inputs.slice(0, 4).map((input) => sha256(input)),
        ),
      ),
    );
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
