import type { Page } from '../logs/entry.store.js';
import type { BatchProfile } from '../verify/contracts.js';

/** A sealed batch. Nothing in it ever changes. */
export interface StoredBatch {
  /** `batch_<sealed_at to the ms, filename-safe>_<number>`; unique. */
  readonly id: string;
  /** Leaf index in the batch log: 0, 1, 2, … */
  readonly number: number;
  readonly profile: BatchProfile;
  readonly lane: 'all' | 'external' | 'system';
  readonly count: number;
  readonly externalCount: number;
  /** Position of its first entry in the whole log. */
  readonly first: bigint;
  readonly root: Uint8Array;
  /** Canonical bytes of the batch's metadata M (mechanisms: RFC 8785). */
  readonly metadata: Uint8Array;
  /** Leaf of the batch log: SHA-256(0x00 ‖ SHA-256(M) ‖ root). */
  readonly logLeaf: Uint8Array;
  /** Root of the batch log of size number + 1. */
  readonly logRoot: Uint8Array;
  readonly sealedAtMs: number;
  /** The signed note; absent between the commit of the batch and its signature. */
  readonly checkpoint?: string;
}

/** What the sealer gets inside the sealing transaction. */
export interface SealingDraft {
  readonly number: number;
  readonly first: bigint;
  readonly profile: BatchProfile;
  readonly lane: 'all' | 'external' | 'system';
  readonly count: number;
  readonly externalCount: number;
  /** `count` × 32 bytes: the entries' merkle leaves in position order. */
  readonly leaves: Uint8Array;
  /** Previous leaf of the batch log; 32 zero bytes for batch 0. */
  readonly previousLogLeaf: Uint8Array;
  /** Right-edge subtree roots of the batch log of size `number` (RFC 9162 frontier, largest first). */
  readonly logFrontier: readonly Uint8Array[];
}

/** What the sealer hands back to be written in the same transaction. */
export interface SealedBatch {
  readonly id: string;
  readonly root: Uint8Array;
  readonly metadata: Uint8Array;
  readonly logLeaf: Uint8Array;
  readonly logRoot: Uint8Array;
  readonly logFrontier: readonly Uint8Array[];
  readonly sealedAtMs: number;
  /** Tiles of the batch tree: `level` counts steps of 8 tree levels, `hashes` up to 256 × 32 bytes. */
  readonly tiles: Iterable<{
    readonly level: number;
    readonly index: number;
    readonly hashes: Uint8Array;
  }>;
}

/** The batch that a sealer made of a draft, before its checkpoint. */
export function storedBatchOf(draft: SealingDraft, sealed: SealedBatch): StoredBatch {
  return {
    id: sealed.id,
    number: draft.number,
    profile: draft.profile,
    lane: draft.lane,
    count: draft.count,
    externalCount: draft.externalCount,
    first: draft.first,
    root: sealed.root,
    metadata: sealed.metadata,
    logLeaf: sealed.logLeaf,
    logRoot: sealed.logRoot,
    sealedAtMs: sealed.sealedAtMs,
  };
}

/** Entries of a batch by their index in it. */
export interface EntryIdsQuery {
  readonly source?: 'external' | 'system';
  readonly fromIndex: number;
  readonly limit: number;
}

/** Port of the batching feature. */
export interface BatchStore {
  /**
   * Takes up to `maxEntries` unsealed entries of one profile and lane, gives them consecutive positions and writes batch, positions,
   * tiles and the new head of the log in one transaction under the lock of the log's head row. Undefined when
   * nothing waits. `requireExternal`: do nothing unless at least one external entry waits.
   */
  seal(
    request: { readonly maxEntries: number; readonly requireExternal: boolean },
    build: (draft: SealingDraft) => Promise<SealedBatch>,
  ): Promise<StoredBatch | undefined>;
  /** Stores the signed checkpoint of a sealed batch; a second, different one for the same number is refused (`checkpoint_conflict`). */
  putCheckpoint(number: number, note: string): Promise<void>;
  /** Sealed batches that still lack their checkpoint, oldest first. */
  unsigned(): Promise<readonly StoredBatch[]>;
  head(): Promise<StoredBatch | undefined>;
  get(id: string): Promise<StoredBatch | undefined>;
  byNumber(number: number): Promise<StoredBatch | undefined>;
  list(query: { readonly limit: number; readonly cursor?: string }): Promise<Page<StoredBatch>>;
  /** Ids of external (or all) entries, in position order. */
  entryIds(number: number, query: EntryIdsQuery): Promise<readonly string[]>;
  tile(number: number, level: number, index: number): Promise<Uint8Array | undefined>;
  /** Batch log leaves [from, to), 32 bytes each, concatenated. */
  logLeaves(from: number, to: number): Promise<Uint8Array>;
}

/** Two different checkpoints of one size would be a split view of the log: the second is never stored. */
export class CheckpointConflict extends Error {
  override readonly name = 'CheckpointConflict';
  readonly code = 'checkpoint_conflict';

  constructor(readonly number: number) {
    super(
      `batch ${number} already has another checkpoint. Keep the stored one and publish nothing signed since.`,
    );
  }
}
