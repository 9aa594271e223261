import type { CollectionDeclaration, JsonObject } from '../../spi/index.js';
import { checkVersion, type DeclaredCollections } from '../collections/declared.js';
import { type IndexValue, isIndexValue } from '../collections/index-value.js';
import type { Sql } from './sql.js';

/** Documents migrated per statement. */
const MIGRATED_AT_ONCE = 500;

/** An index value in the columns that sort it: kind, number, word. */
export function indexPlace(value: IndexValue): readonly [number, number, string] {
  return typeof value === 'number' ? [0, value, ''] : [1, 0, value];
}

/** Replaces what the indexes say of one document; undefined when it is gone. */
export async function indexDocument(
  tx: Sql,
  declared: DeclaredCollections,
  { collection, key }: { readonly collection: string; readonly key: string },
  document: JsonObject | undefined,
): Promise<void> {
  const fields = declared.get(collection).indexes ?? [];
  if (fields.length === 0) return;
  await tx.query(
    'DELETE FROM collection_index WHERE instance_id = $1 AND collection = $2 AND key = $3',
    [declared.instanceId, collection, key],
  );
  const indexed = fields.flatMap((field) => {
    const value = document?.[field];
    return value !== undefined && isIndexValue(value) ? [{ field, place: indexPlace(value) }] : [];
  });
  if (indexed.length === 0) return;
  await tx.query(
    `INSERT INTO collection_index (instance_id, collection, key, field, kind, number, word)
     SELECT $1, $2, $3, * FROM unnest($4::text[], $5::int2[], $6::int8[], $7::text[])`,
    [
      declared.instanceId,
      collection,
      key,
      indexed.map(({ field }) => field),
      indexed.map(({ place }) => place[0]),
      indexed.map(({ place }) => place[1]),
      indexed.map(({ place }) => place[2]),
    ],
  );
}

/** Brings one collection to its declared version and indexes, in the transaction that it is given. */
export async function migrateCollection(
  tx: Sql,
  declared: DeclaredCollections,
  declaration: CollectionDeclaration,
): Promise<void> {
  const { instanceId } = declared;
  const { name, version } = declaration;
  const indexes = JSON.stringify(declaration.indexes ?? []);
  await tx.query(
    `INSERT INTO collection (instance_id, name, version, indexes) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
    [instanceId, name, version, indexes],
  );
  const [stored] = await tx.query<{ version: number; indexes: string }>(
    'SELECT version, indexes FROM collection WHERE instance_id = $1 AND name = $2 FOR UPDATE',
    [instanceId, name],
  );
  if (stored === undefined) throw new Error(`collection "${name}" of "${instanceId}" vanished`);
  checkVersion(instanceId, declaration, stored.version);
  if (stored.version === version && stored.indexes === indexes) return;
  await tx.query('DELETE FROM collection_index WHERE instance_id = $1 AND collection = $2', [
    instanceId,
    name,
  ]);
  let behind = '';
  for (;;) {
    const documents = await tx.query<{ key: string; value: string }>(
      `SELECT key, value FROM collection_document
       WHERE instance_id = $1 AND collection = $2 AND key > $3 ORDER BY key LIMIT $4`,
      [instanceId, name, behind, MIGRATED_AT_ONCE],
    );
    for (const { key, value } of documents) {
      const before = JSON.parse(value) as JsonObject;
      const after =
        stored.version < version
          ? (declaration.migrate?.(before, stored.version) ?? before)
          : before;
      const text = declared.checkDocument(name, key, after);
      if (text !== value)
        await tx.query(
          'UPDATE collection_document SET value = $4 WHERE instance_id = $1 AND collection = $2 AND key = $3',
          [instanceId, name, key, text],
        );
      await indexDocument(tx, declared, { collection: name, key }, after);
      behind = key;
    }
    if (documents.length < MIGRATED_AT_ONCE) break;
  }
  await tx.query(
    'UPDATE collection SET version = $3, indexes = $4 WHERE instance_id = $1 AND name = $2',
    [instanceId, name, version, indexes],
  );
}
