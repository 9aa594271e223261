import { fromHex, toHex } from '../../verify/bytes.js';
import { commitmentDigest } from '../../verify/commitment.js';
import { compare, refuses, type VectorResult } from './vector-case.js';

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
    toHex(commitmentDigest(origin, BigInt(size), fromHex(root)));
  for (const one of cases ?? [])
    yield compare(`${one.origin} at ${one.size}`, one.digest, () => digest(one));
  for (const one of refused ?? [])
    yield refuses(`${JSON.stringify(one.origin)} at ${one.size}`, () => digest(one));
}
