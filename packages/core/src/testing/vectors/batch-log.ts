import { appendBatch, parseBatchMetadata, type AppendedBatch } from '../../verify/batch-log.js';
import { fromHex, fromUtf8, toHex, utf8 } from '../../verify/bytes.js';
import { consistencyProof, verifyConsistency } from '../../verify/consistency.js';
import type { BatchProfile } from '../../verify/contracts.js';
import { merkleRoot } from '../../verify/merkle-tree-builder.js';
import { compare, each, refuses, unknownGroups, type VectorResult } from './vector-case.js';

interface BatchLogFile {
  readonly batches?: readonly {
    readonly count: number;
    readonly first: number;
    readonly origin: string;
    readonly prev: string;
    readonly profile: BatchProfile;
    readonly sealedAtMs: number;
    readonly number: number;
    readonly root: string;
    readonly metadata: string;
    readonly leaf: string;
    readonly log_root: string;
  }[];
  readonly consistency?: readonly { from: number; to: number; path: readonly string[] }[];
  readonly refused_metadata?: readonly string[];
}

/** The batch log: metadata bytes, leaves, roots, consistency, and metadata that is none. */
export function* run(file: unknown): Generator<VectorResult> {
  const { batches, consistency, refused_metadata: refused } = file as BatchLogFile;
  let log: AppendedBatch['frontier'] = { size: 0, hashes: [] };
  const leaves: Uint8Array[] = [];
  yield* each('batches', batches, function* (batch) {
    const { count, first, origin, profile, sealedAtMs } = batch;
    const fields = { count, first, origin, profile, sealedAtMs, prev: fromHex(batch.prev) };
    leaves.push(fromHex(batch.leaf));
    const done = appendBatch(log, { ...fields, root: fromHex(batch.root) });
    log = done.frontier;
    const name = `batch ${batch.number}`;
    yield compare(`${name}: metadata`, batch.metadata, () => fromUtf8(done.metadata));
    yield compare(`${name}: leaf`, batch.leaf, () => toHex(done.leaf));
    yield compare(`${name}: log root`, batch.log_root, () => toHex(done.root));
    yield compare(`${name}: log root from its leaves`, batch.log_root, () =>
      toHex(merkleRoot('rfc9162', leaves.slice(0, batch.number + 1))),
    );
    yield compare(`${name}: metadata read back`, [batch.number, batch.prev, sealedAtMs], () => {
      const read = parseBatchMetadata(utf8(batch.metadata));
      return [read.number, toHex(read.prev), read.sealedAtMs];
    });
  });
  yield* each('consistency', consistency, function* ({ from, to, path }) {
    yield compare(`consistency ${from} to ${to}`, path, () =>
      consistencyProof(leaves, from, to).map(toHex),
    );
    yield compare(`consistency ${from} to ${to}: verification`, true, () =>
      verifyConsistency({
        from,
        to,
        fromRoot: fromHex(batches![from - 1]!.log_root),
        toRoot: fromHex(batches![to - 1]!.log_root),
        path: path.map(fromHex),
      }),
    );
  });
  yield* each('refused_metadata', refused, function* (text) {
    yield refuses(`metadata ${text}`, () => parseBatchMetadata(utf8(text)));
  });
  yield* unknownGroups(file, ['batches', 'consistency', 'refused_metadata']);
}
