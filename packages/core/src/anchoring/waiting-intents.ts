import type { AnchorStore, StoredIntent } from './anchor.store.js';

/** What a person is told of: the oldest open intents and, behind more than `limit`, what the next pass looks at; oldest first. */
export async function waitingIntents(
  store: AnchorStore,
  anchor: string,
  limit: number,
): Promise<readonly StoredIntent[]> {
  const oldest = await store.open(anchor, limit);
  if (oldest.length < limit) return oldest;
  const known = new Set(oldest.map(({ id }) => id));
  const due = await store.due(anchor, limit);
  return [...oldest, ...due.filter(({ id }) => !known.has(id))].sort(
    (a, b) => a.createdAtMs - b.createdAtMs,
  );
}
