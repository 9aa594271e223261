import type {
  CollectionDeclaration,
  CollectionWrite,
  JsonObject,
  JsonValue,
} from '../../spi/index.js';
import { type IndexValue, isIndexValue, isWellFormed } from './index-value.js';

/** Bytes of a document's JSON: collections hold records, not files. */
const MAX_DOCUMENT_BYTES = 1_048_576;
/** Bytes of a key; PostgreSQL cannot index much longer ones. */
const MAX_KEY_BYTES = 512;
/** Documents of one page. */
const MAX_RANGE_LIMIT = 1_000;

export type CollectionErrorCode =
  | 'collection_undeclared'
  | 'collection_newer'
  | 'index_undeclared'
  | 'index_value_invalid'
  | 'key_invalid'
  | 'document_too_large'
  | 'limit_invalid';

/** A plugin used a collection in a way its declaration does not allow. */
export class CollectionMisuse extends Error {
  override readonly name = 'CollectionMisuse';

  constructor(
    readonly code: CollectionErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** The declarations of one plugin instance, and what they allow. */
export class DeclaredCollections {
  private readonly byName: ReadonlyMap<string, CollectionDeclaration>;

  constructor(
    readonly instanceId: string,
    readonly declarations: readonly CollectionDeclaration[],
  ) {
    this.byName = new Map(declarations.map((declaration) => [declaration.name, declaration]));
  }

  get(collection: string): CollectionDeclaration {
    const found = this.byName.get(collection);
    if (found === undefined)
      throw new CollectionMisuse(
        'collection_undeclared',
        `"${this.instanceId}" did not declare the collection "${collection}". Name it in capabilities.needs.collections.`,
      );
    return found;
  }

  /** The document's JSON text, after everything about it was checked. */
  checkDocument(collection: string, key: string, value: JsonObject): string {
    const declaration = this.get(collection);
    const bytes = Buffer.byteLength(key, 'utf8');
    if (bytes === 0 || bytes > MAX_KEY_BYTES || key.includes('\0') || !isWellFormed(key))
      throw new CollectionMisuse(
        'key_invalid',
        `a key of "${collection}" must have 1 to ${MAX_KEY_BYTES} bytes of UTF-8 without U+0000; got ${bytes} bytes`,
      );
    const text = JSON.stringify(value);
    if (Buffer.byteLength(text, 'utf8') > MAX_DOCUMENT_BYTES)
      throw new CollectionMisuse(
        'document_too_large',
        `"${key}" in "${collection}" is larger than ${MAX_DOCUMENT_BYTES} bytes of JSON. Split it.`,
      );
    for (const index of declaration.indexes ?? []) {
      const field = value[index];
      if (field !== undefined && field !== null && !isIndexValue(field))
        throw new CollectionMisuse(
          'index_value_invalid',
          `field "${index}" of "${key}" in "${collection}" is indexed: it must be a string without U+0000 of at most ${MAX_KEY_BYTES} bytes or a safe integer`,
        );
    }
    return text;
  }

  /** Whether `by` names the key; throws when it names no declared index. */
  readsByKey(collection: string, by: string | undefined): boolean {
    const declaration = this.get(collection);
    if (by === undefined || by === 'key') return true;
    if (declaration.indexes?.includes(by) === true) return false;
    throw new CollectionMisuse(
      'index_undeclared',
      `"${collection}" has no index "${by}". Declare it and raise the collection's version.`,
    );
  }

  checkLimit(limit: number): void {
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_RANGE_LIMIT)
      throw new CollectionMisuse(
        'limit_invalid',
        `limit must be a whole number from 1 to ${MAX_RANGE_LIMIT}; got ${limit}`,
      );
  }
}

/** Refuses to open documents that a newer version of the plugin has written. */
export function checkVersion(
  instanceId: string,
  declaration: CollectionDeclaration,
  storedVersion: number,
): void {
  if (storedVersion > declaration.version)
    throw new CollectionMisuse(
      'collection_newer',
      `collection "${declaration.name}" of "${instanceId}" is at version ${storedVersion}, this plugin knows ${declaration.version}. Install the newer plugin again.`,
    );
}

/** Refuses a batch before any of it is written. */
export function checkBatch(
  declared: DeclaredCollections,
  writes: readonly CollectionWrite[],
): void {
  const addresses = new Set<string>();
  for (const write of writes) {
    addresses.add(JSON.stringify([write.collection, write.key]));
    if (write.op === 'put') declared.checkDocument(write.collection, write.key, write.value);
    else declared.get(write.collection);
  }
  if (addresses.size < writes.length)
    throw new CollectionMisuse('key_invalid', 'a batch may write each key only once');
}

/** A bound of a range; both bounds are inclusive. */
export function checkBound(value: JsonValue | undefined): IndexValue | undefined {
  if (value === undefined || isIndexValue(value)) return value;
  throw new CollectionMisuse(
    'index_value_invalid',
    'a range is bounded by strings or safe integers, as they can stand in an index',
  );
}
