import { concat, fromHex, toHex, utf8 } from '../../verify/bytes.js';
import {
  inclusionProof,
  pathOfPositioned,
  positionedPath,
  verifyInclusion,
  type PositionedHash,
} from '../../verify/inclusion.js';
import { merkleRoot } from '../../verify/merkle-tree-builder.js';
import { sha256 } from '../../verify/sha256.js';
import { compare, each, guarded, unknownGroups, type VectorResult } from './vector-case.js';

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
    /** What the reference answers; the product must refuse either way. */
    readonly verifies?: boolean;
  };
}

const PROFILE = 'kwh-btc-iot';

/** What counts of a step, however many members it came with. */
function step({ position, hash }: ProofStep): ProofStep {
  return { position, hash };
}

function stepsOf(proof: readonly ProofStep[]): PositionedHash[] {
  return proof.map(({ position, hash }) => ({ position, hash: fromHex(hash) }));
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

/** Root that a proof leads to in the reference's own words: `position` is the side of the sibling, nothing else is asked. */
function foldedRoot(leaf: string, proof: readonly ProofStep[]): string {
  let node = fromHex(leaf);
  for (const { position, hash } of stepsOf(proof)) {
    if (position !== 'left' && position !== 'right') return `no root: position ${String(position)}`;
    node = sha256(position === 'left' ? concat(hash, node) : concat(node, hash));
  }
  return toHex(node);
}

function* treeCases(name: string, tree: Tree): Generator<VectorResult> {
  const leaves = tree.leaves.map(fromHex);
  yield compare(`${name}: leaves`, tree.n, () => leaves.length);
  for (const [i, preimage] of (tree.leaf_preimages_ascii ?? []).entries())
    yield compare(`${name}: leaf ${i} is the SHA-256 of its preimage`, tree.leaves[i], () =>
      toHex(sha256(utf8(preimage))),
    );
  yield compare(`${name}: root`, tree.root, () => toHex(merkleRoot(PROFILE, leaves)));
  for (const { index, proof, verifies: expected } of tree.proofs ?? []) {
    if (expected)
      yield compare(`${name}: proof of leaf ${index}`, proof.map(step), () =>
        positionedPath(PROFILE, index, tree.n, inclusionProof(PROFILE, leaves, index)).map(
          ({ position, hash }) => step({ position, hash: toHex(hash) }),
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
  const canonical = vectors.trees_from_canonical_cases_in_order;
  yield* each('trees', vectors.trees, (tree) => treeCases(`tree of ${tree.n}`, tree));
  yield* each('trees_from_canonical_cases_in_order', canonical, (tree) =>
    treeCases(`tree of ${tree.n} canonical cases`, tree),
  );
  yield* guarded('attacks', () => attacks(vectors));
  yield* unknownGroups(file, [
    'trees',
    'trees_from_canonical_cases_in_order',
    'cve_2012_2459_duplicate_leaf_collision',
    'inner_node_accepted_as_leaf',
  ]);
}

function* attacks(vectors: KwhMerkleFile): Generator<VectorResult> {
  const trees = vectors.trees ?? [];
  const inner = vectors.inner_node_accepted_as_leaf;
  if (inner !== undefined) {
    yield compare(
      'an inner node leads to the root by the reference’s rule',
      inner.verifies ?? true,
      () => foldedRoot(inner.leaf, inner.proof) === inner.root,
    );
    const tree = trees.find((candidate) => candidate.root === inner.root);
    for (let index = 0; index < (tree?.n ?? 4); index += 1)
      yield compare(`an inner node is refused as leaf ${index}`, false, () =>
        verifies(inner.leaf, index, tree?.n ?? 4, inner.proof, inner.root),
      );
  }
  const collisions = vectors.cve_2012_2459_duplicate_leaf_collision ?? {};
  for (const [claim, holds] of Object.entries(collisions))
    yield compare(claim, holds, () => {
      const [first, second] = [...claim.matchAll(/root\(\[([a-z,]*)\]\)/g)].map(([, names = '']) =>
        toHex(
          merkleRoot(
            PROFILE,
            names.split(',').map((name) => sha256(utf8(name))),
          ),
        ),
      );
      return second === undefined ? 'the claim is not understood' : first === second;
    });
  yield* sizes(trees);
}

/** One root speaks of [a,b,c] and of [a,b,c,c]; the claim of the larger size must fail. */
function* sizes(trees: readonly Tree[]): Generator<VectorResult> {
  for (const tree of trees) {
    if (tree.n % 2 === 0 || tree.n < 3) continue;
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
