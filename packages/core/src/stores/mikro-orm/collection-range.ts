import type { RangeQuery } from '../../spi/index.js';
import { checkBound } from '../collections/declared.js';
import type { IndexValue, RangePlace } from '../collections/index-value.js';
import { indexPlace } from './collection-index.js';
import type { Sql, SqlValue } from './sql.js';

export interface DocumentRow {
  readonly key: string;
  readonly version: bigint;
  readonly value: string;
}
interface IndexedRow extends DocumentRow {
  readonly kind: number;
  readonly number: bigint;
  readonly word: string;
}

/** A document and where the range stands at it. */
type PlacedDocument = RangePlace & { readonly row: DocumentRow };

/** Documents in the order of their keys, one more than the limit. */
export async function rangeByKey(
  sql: Sql,
  instanceId: string,
  collection: string,
  query: RangeQuery,
  after: RangePlace | undefined,
): Promise<readonly PlacedDocument[]> {
  const [behind, order] = query.reverse === true ? ['<', 'DESC'] : ['>', 'ASC'];
  const params: SqlValue[] = [instanceId, collection, query.limit + 1];
  const conditions = ['instance_id = $1', 'collection = $2'];
  // Integers sort before every key: as a lower bound they admit all, as an upper bound none.
  const bound = (operator: string, value: IndexValue | undefined): void => {
    if (typeof value === 'string') conditions.push(`key ${operator} $${params.push(value)}`);
    else if (value !== undefined && operator === '<=') conditions.push('false');
  };
  bound('>=', checkBound(query.from));
  bound('<=', checkBound(query.to));
  if (after !== undefined) conditions.push(`key ${behind} $${params.push(after.key)}`);
  const rows = await sql.query<DocumentRow>(
    `SELECT key, version, value FROM collection_document WHERE ${conditions.join(' AND ')}
       ORDER BY key ${order} LIMIT $3`,
    params,
  );
  return rows.map((row) => ({ value: row.key, key: row.key, row }));
}

/** Documents in the order of one of their indexed fields, one more than the limit. */
export async function rangeByIndex(
  sql: Sql,
  instanceId: string,
  collection: string,
  query: RangeQuery,
  after: RangePlace | undefined,
): Promise<readonly PlacedDocument[]> {
  const [behind, order] = query.reverse === true ? ['<', 'DESC'] : ['>', 'ASC'];
  const params: SqlValue[] = [instanceId, collection, query.by ?? '', query.limit + 1];
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
  const rows = await sql.query<IndexedRow>(
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
