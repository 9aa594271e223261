import type { StoredBatch } from '../../batching/batch.store.js';
import { commitmentDigest, toHex } from '../../verify/index.js';

/**
 * The steps between a batch's `merkle_root` and what ledgers get to see: root and metadata make the
 * batch's leaf in the batch log, the log's root at that size and the origin make the commitment.
 */
export function commitmentSteps(origin: string, batch: StoredBatch): object {
  const size = batch.number + 1;
  return {
    origin,
    merkle_root: toHex(batch.root),
    metadata: new TextDecoder().decode(batch.metadata),
    log_leaf: toHex(batch.logLeaf),
    log_size: size,
    log_root: toHex(batch.logRoot),
    digest: toHex(commitmentDigest(origin, BigInt(size), batch.logRoot)),
    checkpoint: batch.checkpoint ?? null,
  };
}
