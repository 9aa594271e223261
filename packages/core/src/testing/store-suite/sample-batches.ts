import type { SealedBatch, SealingDraft, StoredBatch } from '../../batching/batch.store.js';
import type { Store } from '../../stores/store.js';
import { sha256, text } from './sample-rows.js';

const TILE_HASHES = 256;

/** Builds a batch out of a draft: real chaining, a stand-in for the tree, which no store looks into. */
export async function sampleBatch(draft: SealingDraft): Promise<SealedBatch> {
  const root = sha256(Uint8Array.of(1), draft.leaves);
  const metadata = text(
    JSON.stringify({
      count: draft.count,
      first: String(draft.first),
      number: draft.number,
      prev: Buffer.from(draft.previousLogLeaf).toString('hex'),
    }),
  );
  const logLeaf = sha256(Uint8Array.of(0), sha256(metadata), root);
  const logFrontier = frontierWith(draft.logFrontier, draft.number, logLeaf);
  return {
    id: `batch_2026-01-01T00-00-00.000Z_${draft.number}`,
    root,
    metadata,
    logLeaf,
    logRoot: sha256(...logFrontier),
    logFrontier,
    sealedAtMs: 1_767_225_600_000 + draft.number,
    tiles: tilesOf(draft.leaves),
  };
}

/** Right-edge subtree roots after one more leaf, largest first (RFC 9162 §2.1). */
function frontierWith(
  frontier: readonly Uint8Array[],
  size: number,
  leaf: Uint8Array,
): readonly Uint8Array[] {
  const next = [...frontier];
  let right = leaf;
  for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) {
    const left = next.pop();
    if (left === undefined) throw new Error(`the frontier of ${size} leaves is too short`);
    right = sha256(Uint8Array.of(1), left, right);
  }
  return [...next, right];
}

function* tilesOf(
  leaves: Uint8Array,
): Generator<SealedBatch['tiles'] extends Iterable<infer T> ? T : never> {
  const bytes = TILE_HASHES * 32;
  for (let index = 0; index * bytes < leaves.length; index += 1)
    yield { level: 0, index, hashes: leaves.slice(index * bytes, (index + 1) * bytes) };
}

/** Seals until nothing waits. A store that never comes to an end fails here. */
export async function sealAll(store: Store, maxEntries = 1_000): Promise<readonly StoredBatch[]> {
  const sealed: StoredBatch[] = [];
  for (let turns = 0; turns < 1_000; turns += 1) {
    const batch = await store.batches.seal({ maxEntries, requireExternal: false }, sampleBatch);
    if (batch === undefined) return sealed;
    sealed.push(batch);
  }
  throw new Error('sealing never came to an end: entries come back to the queue');
}
