import { equal } from '../verify/bytes.js';
import type { ChainedBatch, ChainOutcome } from './batch-chain.store.js';

/** Whether two batches of a chain say something of the same sequence number. */
export function overlaps(
  a: Pick<ChainedBatch, 'first' | 'last'>,
  b: Pick<ChainedBatch, 'first' | 'last'>,
): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/**
 * Where a batch stands in its chain. `relatives`: of the same device and epoch, those that overlap it, the one it names as the batch
 * before, and the newest.
 */
export function placeBatch(batch: ChainedBatch, relatives: readonly ChainedBatch[]): ChainOutcome {
  if (relatives.some(({ hash }) => equal(hash, batch.hash))) return { kind: 'known' };
  const rival = relatives.find((other) => overlaps(other, batch));
  if (rival !== undefined) return { kind: 'fork', rival };
  // A device that lost its memory begins again; that nothing links the two chains is for everybody to see.
  if (batch.previous.every((byte) => byte === 0)) return { kind: 'began' };
  const before = relatives.find(({ hash }) => equal(hash, batch.previous));
  if (before !== undefined && before.last + 1n === batch.first) return { kind: 'extended' };
  const newest = relatives.toSorted((a, b) => (a.last < b.last ? 1 : -1))[0];
  return newest === undefined ? { kind: 'gap' } : { kind: 'gap', newest };
}
