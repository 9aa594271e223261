import { CollectionConflict, type Collections, type StoredDocument } from '../spi/index.js';

/** Imports, or rows of a report, of one step. */
const AT_ONCE = 500;

/**
 * Forgets the imports of which nothing came since `beforeMs`, each with its report: rows first, so that what a crash leaves is found
 * again. One that goes on meanwhile stays, without the rows refused before.
 */
export async function pruneImports(
  collections: Collections,
  beforeMs: number,
  signal?: AbortSignal,
): Promise<void> {
  for (;;) {
    const { items } = await collections.range('files', {
      by: 'updatedAtMs',
      to: beforeMs - 1,
      limit: AT_ONCE,
    });
    for (const file of items) {
      if (signal?.aborted) return;
      await forget(collections, file);
    }
    if (items.length < AT_ONCE) return;
  }
}

async function forget(collections: Collections, { key, version }: StoredDocument): Promise<void> {
  for (let more = true; more;) {
    const { items } = await collections.range('refused', {
      from: `${key}/`,
      to: `${key}/~`,
      limit: AT_ONCE,
    });
    more = items.length === AT_ONCE;
    if (items.length > 0)
      await collections.batch(
        items.map((row) => ({ op: 'delete', collection: 'refused', key: row.key })),
      );
  }
  try {
    await collections.delete('files', key, version);
  } catch (error) {
    if (!(error instanceof CollectionConflict)) throw error;
  }
}
