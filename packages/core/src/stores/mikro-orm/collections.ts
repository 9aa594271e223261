import {
  type CollectionDeclaration,
  CollectionConflict,
  type Collections,
  type CollectionWrite,
  type JsonObject,
  type RangeQuery,
  type StoredDocument,
} from '../../spi/index.js';
import { checkBatch, DeclaredCollections } from '../collections/declared.js';
import { rangeCursor, readRangeCursor } from '../collections/index-value.js';
import { page } from '../list-cursor.js';
import { indexDocument, migrateCollection } from './collection-index.js';
import { type DocumentRow, rangeByIndex, rangeByKey } from './collection-range.js';
import type { Sql, SqlValue } from './sql.js';

/** Documents of all plugin instances. */
export class SqlDocuments {
  constructor(private readonly sql: Sql) {}

  /** Migrates what has a lower version, every document or none, and lends the collections. */
  async open(
    instanceId: string,
    declarations: readonly CollectionDeclaration[],
  ): Promise<Collections> {
    const declared = new DeclaredCollections(instanceId, declarations);
    await this.sql.transaction(async (tx) => {
      for (const declaration of declarations.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
        await migrateCollection(tx, declared, declaration);
    });
    return new SqlCollections(this.sql, declared);
  }
}

class SqlCollections implements Collections {
  constructor(
    private readonly sql: Sql,
    private readonly declared: DeclaredCollections,
  ) {}

  async get(collection: string, key: string): Promise<StoredDocument | undefined> {
    this.declared.get(collection);
    if (key.includes('\0')) return undefined;
    const [row] = await this.sql.query<DocumentRow>(
      `SELECT key, version, value FROM collection_document
       WHERE instance_id = $1 AND collection = $2 AND key = $3`,
      [this.declared.instanceId, collection, key],
    );
    return row === undefined ? undefined : documentOf(row);
  }

  async put(
    collection: string,
    key: string,
    value: JsonObject,
    expectedVersion?: number,
  ): Promise<number> {
    const expected = expectedVersion === undefined ? {} : { expectedVersion };
    const write = { op: 'put', collection, key, value, ...expected } as const;
    this.declared.checkDocument(collection, key, value);
    return this.sql.transaction((tx) => this.write(tx, write));
  }

  async delete(collection: string, key: string, expectedVersion?: number): Promise<boolean> {
    const expected = expectedVersion === undefined ? {} : { expectedVersion };
    const write = { op: 'delete', collection, key, ...expected } as const;
    this.declared.get(collection);
    return (await this.sql.transaction((tx) => this.write(tx, write))) > 0;
  }

  async batch(writes: readonly CollectionWrite[]): Promise<void> {
    checkBatch(this.declared, writes);
    // Everybody locks documents in one order, so two batches never wait for each other.
    const sorted = writes.toSorted(
      (a, b) => compare(a.collection, b.collection) || compare(a.key, b.key),
    );
    await this.sql.transaction(async (tx) => {
      for (const write of sorted) await this.write(tx, write);
    });
  }

  async range(
    collection: string,
    query: RangeQuery,
  ): Promise<{ readonly items: readonly StoredDocument[]; readonly cursor?: string }> {
    this.declared.checkLimit(query.limit);
    const byKey = this.declared.readsByKey(collection, query.by);
    const after = query.cursor === undefined ? undefined : readRangeCursor(query.cursor);
    const read = byKey ? rangeByKey : rangeByIndex;
    const rows = await read(this.sql, this.declared.instanceId, collection, query, after);
    const { items, cursor } = page(rows, query.limit, rangeCursor);
    return {
      items: items.map(({ row }) => documentOf(row)),
      ...(cursor === undefined ? {} : { cursor }),
    };
  }

  /** The new version of what was put; 1 or 0 for what was deleted or not there. */
  private async write(tx: Sql, write: CollectionWrite): Promise<number> {
    const { collection, key, expectedVersion } = write;
    const address = [this.declared.instanceId, collection, key];
    if (write.op === 'delete') {
      // What is expected not to exist needs no deleting, only looking.
      const gone = await tx.query(
        `DELETE FROM collection_document WHERE instance_id = $1 AND collection = $2 AND key = $3
           AND ($4::int8 IS NULL OR version = $4::int8) RETURNING key`,
        [...address, expectedVersion ?? null],
      );
      if (gone.length === 0) {
        await this.refuseConflict(tx, write, expectedVersion ?? 0, expectedVersion !== undefined);
        return 0;
      }
      await indexDocument(tx, this.declared, write, undefined);
      return 1;
    }
    const text = this.declared.checkDocument(collection, key, write.value);
    const version = await this.upsert(tx, [...address, text], expectedVersion);
    if (version === undefined) {
      await this.refuseConflict(tx, write, expectedVersion ?? 0, true);
      throw new Error(`"${key}" in "${collection}" changed and changed back while it was written`);
    }
    await indexDocument(tx, this.declared, write, write.value);
    return Number(version);
  }

  private async upsert(
    tx: Sql,
    document: readonly SqlValue[],
    expectedVersion: number | undefined,
  ): Promise<bigint | undefined> {
    const insert = `INSERT INTO collection_document AS d (instance_id, collection, key, value, version)
      VALUES ($1, $2, $3, $4, 1) ON CONFLICT (instance_id, collection, key)`;
    const [row] = await (expectedVersion === undefined
      ? tx.query<{ version: bigint }>(
          `${insert} DO UPDATE SET value = excluded.value, version = d.version + 1 RETURNING version`,
          document,
        )
      : expectedVersion === 0
        ? tx.query<{ version: bigint }>(`${insert} DO NOTHING RETURNING version`, document)
        : tx.query<{ version: bigint }>(
            `UPDATE collection_document SET value = $4, version = version + 1
             WHERE instance_id = $1 AND collection = $2 AND key = $3 AND version = $5::int8 RETURNING version`,
            [...document, expectedVersion],
          ));
    return row?.version;
  }

  private async refuseConflict(
    tx: Sql,
    { collection, key }: CollectionWrite,
    expected: number,
    wasExpected: boolean,
  ): Promise<void> {
    if (!wasExpected) return;
    const [row] = await tx.query<{ version: bigint }>(
      'SELECT version FROM collection_document WHERE instance_id = $1 AND collection = $2 AND key = $3',
      [this.declared.instanceId, collection, key],
    );
    const actual = Number(row?.version ?? 0n);
    if (actual !== expected) throw new CollectionConflict(collection, key, expected, actual);
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function documentOf(row: DocumentRow): StoredDocument {
  return {
    key: row.key,
    value: JSON.parse(row.value) as JsonObject,
    version: Number(row.version),
  };
}
