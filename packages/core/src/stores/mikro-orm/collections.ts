import {
  type CollectionDeclaration,
  CollectionConflict,
  type Collections,
  type CollectionWrite,
  type JsonObject,
  type RangeQuery,
  type StoredDocument,
} from '../../spi/index.js';
import { checkBatch, checkBound, DeclaredCollections } from '../collections/declared.js';
import {
  type IndexValue,
  rangeCursor,
  type RangePlace,
  readRangeCursor,
} from '../collections/index-value.js';
import { page } from '../list-cursor.js';
import { indexDocument, indexPlace, migrateCollection } from './collection-index.js';
import type { Sql, SqlValue } from './sql.js';

interface DocumentRow {
  readonly key: string;
  readonly version: bigint;
  readonly value: string;
}
interface PlacedRow extends DocumentRow {
  readonly kind: number;
  readonly number: bigint;
  readonly word: string;
}

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
    const rows = byKey
      ? await this.rangeByKey(collection, query, after)
      : await this.rangeByIndex(collection, query, after);
    const { items, cursor } = page(rows, query.limit, rangeCursor);
    return {
      items: items.map(({ row }) => documentOf(row)),
      ...(cursor === undefined ? {} : { cursor }),
    };
  }

  private async rangeByKey(
    collection: string,
    query: RangeQuery,
    after: RangePlace | undefined,
  ): Promise<readonly (RangePlace & { readonly row: DocumentRow })[]> {
    const [behind, order] = query.reverse === true ? ['<', 'DESC'] : ['>', 'ASC'];
    const params: SqlValue[] = [this.declared.instanceId, collection, query.limit + 1];
    const conditions = ['instance_id = $1', 'collection = $2'];
    // Integers sort before every key: as a lower bound they admit all, as an upper bound none.
    const bound = (operator: string, value: IndexValue | undefined): void => {
      if (typeof value === 'string') conditions.push(`key ${operator} $${params.push(value)}`);
      else if (value !== undefined && operator === '<=') conditions.push('false');
    };
    bound('>=', checkBound(query.from));
    bound('<=', checkBound(query.to));
    if (after !== undefined) conditions.push(`key ${behind} $${params.push(after.key)}`);
    const rows = await this.sql.query<DocumentRow>(
      `SELECT key, version, value FROM collection_document WHERE ${conditions.join(' AND ')}
       ORDER BY key ${order} LIMIT $3`,
      params,
    );
    return rows.map((row) => ({ value: row.key, key: row.key, row }));
  }

  private async rangeByIndex(
    collection: string,
    query: RangeQuery,
    after: RangePlace | undefined,
  ): Promise<readonly (RangePlace & { readonly row: DocumentRow })[]> {
    const [behind, order] = query.reverse === true ? ['<', 'DESC'] : ['>', 'ASC'];
    const params: SqlValue[] = [
      this.declared.instanceId,
      collection,
      query.by ?? '',
      query.limit + 1,
    ];
    const conditions = ['i.instance_id = $1', 'i.collection = $2', 'i.field = $3'];
    const bind = (values: readonly SqlValue[]): string => {
      const casts = ['int2', 'int8', 'text', 'text'];
      return values.map((value, i) => `$${params.push(value)}::${casts[i]}`).join(', ');
    };
    const [from, to] = [checkBound(query.from), checkBound(query.to)];
    const place = '(i.kind, i.number, i.word)';
    if (from !== undefined) conditions.push(`${place} >= (${bind(indexPlace(from))})`);
    if (to !== undefined) conditions.push(`${place} <= (${bind(indexPlace(to))})`);
    if (after !== undefined)
      conditions.push(
        `(i.kind, i.number, i.word, i.key) ${behind} (${bind([...indexPlace(after.value), after.key])})`,
      );
    const rows = await this.sql.query<PlacedRow>(
      `SELECT i.kind, i.number, i.word, d.key, d.version, d.value
       FROM collection_index i JOIN collection_document d USING (instance_id, collection, key)
       WHERE ${conditions.join(' AND ')}
       ORDER BY i.kind ${order}, i.number ${order}, i.word ${order}, i.key ${order} LIMIT $4`,
      params,
    );
    return rows.map((row) => ({
      value: row.kind === 0 ? Number(row.number) : row.word,
      key: row.key,
      row,
    }));
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
