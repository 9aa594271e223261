import {
  type AnchorStatus,
  type BatchAnchoring,
  batchAnchoring,
  type BatchRule,
} from '../../anchoring/index.js';
import type { BatchStore, StoredBatch } from '../../batching/batch.store.js';
import { toHex } from '../../verify/bytes.js';

/** Most entry ids in one answer; the rest follows by cursor. */
export const IDS_PER_PAGE = 10_000;

export interface AnchorSummary {
  readonly anchor_status: 'pending' | 'anchored' | 'final';
  readonly anchor_txid: string | null;
  readonly anchor_block_hash: string | null;
  readonly anchor_block_height: number | null;
  readonly anchor_block_time: string | null;
}

/**
 * How far a batch has come, in one word: `anchored` when the rule is met by anchors that include it, `final` when by
 * those where it is final. The transaction shown is that of the first anchor in configuration order that got it there.
 */
export function anchorSummary(
  statuses: readonly AnchorStatus[],
  { state, included, final }: BatchAnchoring,
): AnchorSummary {
  const [first] = state === 'pending' ? [] : [...final, ...included];
  const shown = statuses.find(({ anchor }) => anchor === first);
  const inclusion = shown?.inclusion;
  return {
    anchor_status: state,
    anchor_txid: shown?.txId ?? null,
    anchor_block_hash: inclusion?.blockHash ?? null,
    anchor_block_height: inclusion?.height ?? null,
    anchor_block_time:
      inclusion === undefined ? null : new Date(inclusion.blockTimeMs).toISOString(),
  };
}

/** What the one word rests on: how many anchors have to hold the batch, which count, and which do. */
export function anchoringDocument({ of, required }: BatchRule, reached: BatchAnchoring): object {
  const { state, included, final } = reached;
  return { state, required, of, included, final };
}

/** Ids at the positions [fromIndex, fromIndex + limit), parted by where the entries came from. */
export async function batchEntryIds(
  batches: BatchStore,
  batch: StoredBatch,
  page: { readonly fromIndex: number; readonly limit: number },
): Promise<{ external: readonly string[]; system: readonly string[]; nextIndex?: number }> {
  const all = await batches.entryIds(batch.number, page);
  const next = page.fromIndex + page.limit;
  const more = next < batch.count ? { nextIndex: next } : {};
  if (batch.externalCount === batch.count) return { external: all, system: [], ...more };
  const external = new Set(await batches.entryIds(batch.number, { ...page, source: 'external' }));
  return {
    external: all.filter((id) => external.has(id)),
    system: all.filter((id) => !external.has(id)),
    ...more,
  };
}

/** A batch as clients see it: the seed's fields, and ours behind them. */
export function batchDocument(
  batch: StoredBatch,
  ids: { readonly external: readonly string[]; readonly system: readonly string[] },
  statuses: readonly AnchorStatus[],
  rule: BatchRule,
): object {
  const reached = batchAnchoring(statuses, rule);
  return {
    id: batch.id,
    created_at: new Date(batch.sealedAtMs).toISOString(),
    log_ids: ids.external,
    merkle_root: toHex(batch.root),
    log_count: batch.externalCount,
    ...anchorSummary(statuses, reached),
    number: batch.number,
    profile: batch.profile,
    entry_count: batch.count,
    system_entries: ids.system,
    anchoring: anchoringDocument(rule, reached),
  };
}
