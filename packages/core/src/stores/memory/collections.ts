import {
  type CollectionDeclaration,
  CollectionConflict,
  type Collections,
  type CollectionWrite,
  type JsonObject,
  type RangeQuery,
  type StoredDocument,
} from '../../spi/index.js';
import {
  checkBatch,
  checkBound,
  checkVersion,
  DeclaredCollections,
} from '../collections/declared.js';
import {
  compareIndexValues,
  type IndexValue,
  isIndexValue,
  rangeCursor,
  readRangeCursor,
} from '../collections/index-value.js';
import { page } from '../list-cursor.js';

/** A document as JSON text: nobody holds a reference into the store. */
interface DocumentRecord {
  readonly text: string;
  readonly version: number;
}
interface CollectionRecord {
  version: number;
  documents: Map<string, DocumentRecord>;
}

/** Documents of all plugin instances. */
export class MemoryDocuments {
  private readonly collections = new Map<string, CollectionRecord>();

  /** Migrates what has a lower version, every document or none, and lends the collections. */
  open(instanceId: string, declarations: readonly CollectionDeclaration[]): Collections {
    const declared = new DeclaredCollections(instanceId, declarations);
    const migrated = new Map<string, CollectionRecord>();
    for (const declaration of declarations) {
      const name = address(instanceId, declaration.name);
      const stored = this.collections.get(name);
      if (stored !== undefined) checkVersion(instanceId, declaration, stored.version);
      migrated.set(name, migrate(declared, declaration, stored));
    }
    for (const [name, record] of migrated) this.collections.set(name, record);
    return new MemoryCollections(declared, (collection) => {
      declared.get(collection);
      const record = this.collections.get(address(instanceId, collection));
      if (record === undefined) throw new Error(`collection "${collection}" vanished`);
      return record.documents;
    });
  }
}

function address(instanceId: string, collection: string): string {
  return JSON.stringify([instanceId, collection]);
}

function migrate(
  declared: DeclaredCollections,
  declaration: CollectionDeclaration,
  stored: CollectionRecord | undefined,
): CollectionRecord {
  if (stored === undefined) return { version: declaration.version, documents: new Map() };
  if (stored.version === declaration.version) return stored;
  const documents = new Map<string, DocumentRecord>();
  for (const [key, document] of stored.documents) {
    const before = JSON.parse(document.text) as JsonObject;
    const after = declaration.migrate?.(before, stored.version) ?? before;
    const text = declared.checkDocument(declaration.name, key, after);
    documents.set(key, { text, version: document.version });
  }
  return { version: declaration.version, documents };
}

class MemoryCollections implements Collections {
  constructor(
    private readonly declared: DeclaredCollections,
    private readonly documents: (collection: string) => Map<string, DocumentRecord>,
  ) {}

  async get(collection: string, key: string): Promise<StoredDocument | undefined> {
    const found = this.documents(collection).get(key);
    return found === undefined ? undefined : asStoredDocument(key, found);
  }

  async put(
    collection: string,
    key: string,
    value: JsonObject,
    expectedVersion?: number,
  ): Promise<number> {
    const expected = expectedVersion === undefined ? {} : { expectedVersion };
    const write = { op: 'put', collection, key, value, ...expected } as const;
    this.check(write);
    this.apply(write);
    return this.documents(collection).get(key)?.version ?? 0;
  }

  async delete(collection: string, key: string, expectedVersion?: number): Promise<boolean> {
    const expected = expectedVersion === undefined ? {} : { expectedVersion };
    const write = { op: 'delete', collection, key, ...expected } as const;
    this.check(write);
    return this.apply(write);
  }

  async batch(writes: readonly CollectionWrite[]): Promise<void> {
    checkBatch(this.declared, writes);
    for (const write of writes) this.check(write);
    for (const write of writes) this.apply(write);
  }

  async range(
    collection: string,
    query: RangeQuery,
  ): Promise<{ readonly items: readonly StoredDocument[]; readonly cursor?: string }> {
    this.declared.checkLimit(query.limit);
    const byKey = this.declared.readsByKey(collection, query.by);
    const direction = query.reverse === true ? -1 : 1;
    const after = query.cursor === undefined ? undefined : readRangeCursor(query.cursor);
    const [from, to] = [checkBound(query.from), checkBound(query.to)];
    const found: { value: IndexValue; key: string; document: StoredDocument }[] = [];
    for (const [key, record] of this.documents(collection)) {
      const document = asStoredDocument(key, record);
      const value = byKey ? key : document.value[query.by ?? ''];
      if (value === undefined || !isIndexValue(value)) continue;
      if (from !== undefined && compareIndexValues(value, from) < 0) continue;
      if (to !== undefined && compareIndexValues(value, to) > 0) continue;
      if (after !== undefined && comparePlaces({ value, key }, after) * direction <= 0) continue;
      found.push({ value, key, document });
    }
    found.sort((a, b) => comparePlaces(a, b) * direction);
    const { items, cursor } = page(found, query.limit, rangeCursor);
    return {
      items: items.map(({ document }) => document),
      ...(cursor === undefined ? {} : { cursor }),
    };
  }

  private check(write: CollectionWrite): void {
    const current = this.documents(write.collection).get(write.key)?.version ?? 0;
    if (write.op === 'put') this.declared.checkDocument(write.collection, write.key, write.value);
    if (write.expectedVersion !== undefined && write.expectedVersion !== current)
      throw new CollectionConflict(write.collection, write.key, write.expectedVersion, current);
  }

  private apply(write: CollectionWrite): boolean {
    const documents = this.documents(write.collection);
    if (write.op === 'delete') return documents.delete(write.key);
    const text = this.declared.checkDocument(write.collection, write.key, write.value);
    documents.set(write.key, { text, version: (documents.get(write.key)?.version ?? 0) + 1 });
    return true;
  }
}

function comparePlaces(
  a: { readonly value: IndexValue; readonly key: string },
  b: { readonly value: IndexValue; readonly key: string },
): number {
  return compareIndexValues(a.value, b.value) || compareIndexValues(a.key, b.key);
}

function asStoredDocument(key: string, record: DocumentRecord): StoredDocument {
  return { key, value: JSON.parse(record.text) as JsonObject, version: record.version };
}
