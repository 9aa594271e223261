import type { Store } from '../../stores/store.js';
import { equal, leafHash, logHash, merkleRoot, toHex } from '../../verify/index.js';

export interface StoreAudit {
  readonly batches: number;
  readonly entries: number;
  readonly unsealed: number;
  /** logHash (hex) of every stored entry, with how often it stands there. */
  readonly hashes: ReadonlyMap<string, number>;
  /** What does not recompute; empty when all is well. */
  readonly problems: readonly string[];
}

/** Re-derives everything derivable from what is stored: hashes from bytes, leaves from hashes, roots from leaves. */
export async function auditStore(store: Store): Promise<StoreAudit> {
  const problems: string[] = [];
  const hashes = new Map<string, number>();
  const head = await store.batches.head();
  const batches = head === undefined ? 0 : head.number + 1;
  let sealed = 0;
  let first = 0n;
  for (let number = 0; number < batches; number += 1) {
    const batch = await store.batches.byNumber(number);
    if (batch === undefined) {
      problems.push(`batch ${number} is missing below the head`);
      continue;
    }
    if (batch.first !== first)
      problems.push(`batch ${number} starts at ${batch.first}, expected ${first}`);
    first += BigInt(batch.count);
    const leaves: Uint8Array[] = [];
    for (let from = 0; from < batch.count; from = leaves.length) {
      const entries = await store.entries.inBatch(number, { limit: 1000, fromIndex: from });
      if (entries.length === 0) break;
      for (const entry of entries) {
        if (entry.batch?.index !== leaves.length)
          problems.push(`batch ${number}: position ${leaves.length} is not held by ${entry.id}`);
        if (!equal(logHash(entry.bytes), entry.logHash))
          problems.push(`${entry.id}: stored hash is not the hash of its bytes`);
        leaves.push(leafHash(batch.profile, entry.logHash, entry.salt));
      }
    }
    if (leaves.length !== batch.count)
      problems.push(`batch ${number} says ${batch.count} entries and has ${leaves.length}`);
    else if (!equal(merkleRoot(batch.profile, leaves), batch.root))
      problems.push(`batch ${number}: root does not recompute`);
    sealed += leaves.length;
  }
  let entries = 0;
  for (let cursor: string | undefined; ;) {
    const page = await store.entries.list({
      limit: 1000,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const entry of page.items) {
      entries += 1;
      const hash = toHex(entry.logHash);
      hashes.set(hash, (hashes.get(hash) ?? 0) + 1);
    }
    cursor = page.cursor;
    if (cursor === undefined) break;
  }
  const waiting = await store.entries.unsealed();
  const unsealed = waiting.external + waiting.system;
  if (sealed + unsealed !== entries)
    problems.push(`${entries} entries, but ${sealed} sealed and ${unsealed} waiting`);
  return { batches, entries, unsealed, hashes, problems };
}
