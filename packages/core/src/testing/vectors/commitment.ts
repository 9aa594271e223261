import { fromHex, toHex } from '../../verify/bytes.js';
import { commitmentDigest } from '../../verify/commitment.js';
import { compare, each, refuses, unknownGroups, type VectorResult } from './vector-case.js';

interface Case {
  readonly origin: string;
  readonly size: string;
  readonly root: string;
  readonly digest?: string;
}

/** Digests that ledgers see of a checkpoint. */
export function* run(file: unknown): Generator<VectorResult> {
  const { cases, refused } = file as {
    readonly cases?: readonly Case[];
    readonly refused?: readonly Case[];
  };
  const digest = ({ origin, size, root }: Case): string =>
    // What is no integer at all reaches the product as the number it reads as, NaN included.
    toHex(
      commitmentDigest(origin, /^-?\d+$/.test(size) ? BigInt(size) : Number(size), fromHex(root)),
    );
  yield* each('cases', cases, function* (one) {
    yield compare(`${one.origin} at ${one.size}`, one.digest, () => digest(one));
  });
  yield* each('refused', refused, function* (one) {
    yield refuses(`${JSON.stringify(one.origin)} at ${one.size}`, () => digest(one));
  });
  yield* unknownGroups(file, ['cases', 'refused']);
}
