import { appendBatch } from '../verify/batch-log.js';
import type { TreeHashing } from '../verify/tree-hashing.js';
import { TreeBuilder } from '../verify/merkle-tree-builder.js';
import type { SealedBatch, SealingDraft } from './batch.store.js';

/** Nodes hashed before others get a turn: about ten milliseconds. */
const NODES_PER_TURN = 16_384;

/** Tree, metadata and new head of a batch, hashed in turns so that requests are answered meanwhile. */
export async function buildBatch(
  draft: SealingDraft,
  parts: {
    readonly origin: string;
    readonly sealedAtMs: number;
    readonly hashing: TreeHashing;
    /** Lets everything else that waits run first. */
    readonly yieldTurn: () => Promise<void>;
  },
): Promise<SealedBatch> {
  const { origin, sealedAtMs, hashing } = parts;
  const tree = new TreeBuilder(draft.profile, hashing).push(draft.leaves);
  while (!tree.step(NODES_PER_TURN)) await parts.yieldTurn();
  const root = tree.root();
  const appended = appendBatch(
    { size: draft.number, hashes: draft.logFrontier },
    {
      root,
      count: draft.count,
      first: Number(draft.first),
      origin,
      prev: draft.previousLogLeaf,
      profile: draft.profile,
      sealedAtMs,
    },
    hashing.sha256,
  );
  return {
    id: `batch_${new Date(sealedAtMs).toISOString().replaceAll(/[:.]/g, '-')}_${draft.number}`,
    root,
    metadata: appended.metadata,
    logLeaf: appended.leaf,
    logRoot: appended.root,
    logFrontier: appended.frontier.hashes,
    sealedAtMs,
    tiles: tree.tiles(),
  };
}
