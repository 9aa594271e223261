import { fromHex, toHex, utf8 } from '../../verify/bytes.js';
import {
  inclusionProof,
  pathOfPositioned,
  positionedPath,
  verifyInclusion,
  type PositionedHash,
} from '../../verify/inclusion.js';
import { merkleRoot } from '../../verify/merkle-tree-builder.js';
import { sha256 } from '../../verify/sha256.js';
import { compare, type VectorResult } from './vector-case.js';

interface ProofStep {
  readonly position: 'left' | 'right';
  readonly hash: string;
}
interface Tree {
  readonly n: number;
  readonly leaf_preimages_ascii?: readonly string[];
  readonly leaves: readonly string[];
  readonly root: string;
  readonly proofs?: readonly { index: number; proof: readonly ProofStep[]; verifies: boolean }[];
}
interface KwhMerkleFile {
  readonly trees?: readonly Tree[];
  readonly trees_from_canonical_cases_in_order?: readonly Tree[];
  readonly cve_2012_2459_duplicate_leaf_collision?: Readonly<Record<string, boolean>>;
  readonly inner_node_accepted_as_leaf?: {
    readonly leaf: string;
    readonly root: string;
    readonly proof: readonly ProofStep[];
  };
}

const PROFILE = 'kwh-btc-iot';

function stepsOf(proof: readonly ProofStep[]): PositionedHash[] {
  return proof.map((step) => ({ position: step.position, hash: fromHex(step.hash) }));
}

function verifies(
  leaf: string,
  index: number,
  size: number,
  proof: readonly ProofStep[],
  root: string,
): boolean {
  const path = pathOfPositioned(PROFILE, index, size, stepsOf(proof));
  return (
    path !== undefined &&
    verifyInclusion({
      profile: PROFILE,
      leaf: fromHex(leaf),
      index,
      size,
      path,
      root: fromHex(root),
    })
  );
}

function* treeCases(name: string, tree: Tree): Generator<VectorResult> {
  const leaves = tree.leaves.map(fromHex);
  for (const [i, preimage] of (tree.leaf_preimages_ascii ?? []).entries())
    yield compare(`${name}: leaf ${i} is the SHA-256 of its preimage`, tree.leaves[i], () =>
      toHex(sha256(utf8(preimage))),
    );
  yield compare(`${name}: root`, tree.root, () => toHex(merkleRoot(PROFILE, leaves)));
  for (const { index, proof, verifies: expected } of tree.proofs ?? []) {
    if (expected)
      yield compare(`${name}: proof of leaf ${index}`, proof, () =>
        positionedPath(PROFILE, index, tree.n, inclusionProof(PROFILE, leaves, index)).map(
          (step) => ({ position: step.position, hash: toHex(step.hash) }),
        ),
      );
    yield compare(`${name}: verification of leaf ${index}`, expected, () =>
      verifies(tree.leaves[index]!, index, tree.n, proof, tree.root),
    );
  }
}

/** kwh-btc-iot's tree: roots and proofs as the reference makes them; its two known attacks refused. */
export function* run(file: unknown): Generator<VectorResult> {
  const vectors = file as KwhMerkleFile;
  const trees = vectors.trees ?? [];
  for (const tree of trees) yield* treeCases(`tree of ${tree.n}`, tree);
  for (const tree of vectors.trees_from_canonical_cases_in_order ?? [])
    yield* treeCases(`tree of ${tree.n} canonical cases`, tree);

  const inner = vectors.inner_node_accepted_as_leaf;
  if (inner !== undefined) {
    const tree = trees.find((candidate) => candidate.root === inner.root);
    for (let index = 0; index < (tree?.n ?? 4); index += 1)
      yield compare(`an inner node is refused as leaf ${index}`, false, () =>
        verifies(inner.leaf, index, tree?.n ?? 4, inner.proof, inner.root),
      );
  }

  // The same root speaks of [a,b,c] and of [a,b,c,c]; the claim of the larger size must fail.
  for (const tree of trees) {
    if (vectors.cve_2012_2459_duplicate_leaf_collision === undefined || tree.n % 2 === 0) continue;
    if (tree.n < 3) continue;
    const forged = [...tree.leaves, tree.leaves[tree.n - 1]!].map(fromHex);
    yield compare(`tree of ${tree.n}: repeating the last leaf keeps the root`, tree.root, () =>
      toHex(merkleRoot(PROFILE, forged)),
    );
    yield compare(`tree of ${tree.n}: the repeated leaf is refused as leaf ${tree.n}`, false, () =>
      verifyInclusion({
        profile: PROFILE,
        leaf: forged[tree.n]!,
        index: tree.n,
        size: tree.n + 1,
        path: inclusionProof(PROFILE, forged, tree.n),
        root: fromHex(tree.root),
      }),
    );
  }
}
