import type { EntrySignature, StoredReceipt } from '../../ingestion/ingest.store.js';
import type {
  EntryLeaf,
  EntryQuery,
  EntryStore,
  Page,
  StoredEntry,
} from '../../logs/entry.store.js';
import type { Assurance, StoredVerdict } from '../../logs/verdict.js';
import { numberCursor, page, readNumberCursor } from '../list-cursor.js';
import { entryIdsInBatch } from './batch-positions.js';
import { entryIdOf, hexOf, uuidOf } from './entry-id.js';
import { GatheredReads, hiddenArray } from './gathered-reads.js';
import { splitHashes } from './hash-list.js';
import { ListConditions } from './list-conditions.js';
import { newestClaims, newestReceipts } from './receipts.js';
import type { Sql } from './sql.js';

interface EntryRow {
  readonly id: string;
  readonly account_id: string;
  readonly source: 'external' | 'system';
  readonly type: string;
  readonly format: string;
  readonly received_at_ms: bigint;
  readonly arrival: bigint;
  readonly meter_id: string | null;
  readonly starts_ms: bigint | null;
  readonly ends_ms: bigint | null;
  readonly bytes: Uint8Array;
  readonly salt: Uint8Array;
  readonly log_hash: Uint8Array;
  readonly signature_alg: EntrySignature['alg'] | null;
  readonly signature_key_id: string;
  readonly signature_public_key: Uint8Array;
  readonly signature_value: Uint8Array;
  readonly signature_nonce: Uint8Array | null;
  readonly signature_index: number;
  readonly signature_count: number;
  readonly signature_path: Uint8Array;
  readonly envelope_type: string | null;
  readonly envelope_header: Uint8Array;
  readonly verdict: StoredVerdict;
  readonly reason: string | null;
  readonly assurance: Assurance;
  readonly batch_number: bigint | null;
  readonly batch_id: string;
  readonly batch_index: number;
}

/** Where an entry `e` stands: in the run of its group that holds its id. */
export const PLACE = `LEFT JOIN LATERAL (SELECT r.log_id, r.batch_number,
      r.first_index + (position(uuid_send(e.id) IN r.entry_ids) - 1) / 16 AS index
    FROM batch_position r
    WHERE r.group_id = (SELECT min(group_id) FROM verdict WHERE entry_id = e.id)
      AND position(uuid_send(e.id) IN r.entry_ids) % 16 = 1 LIMIT 1) p ON true`;

const LEAVES = `SELECT e.id, e.account_id, b.log_hash, b.salt, p.batch_number,
    p.index AS batch_index
  FROM entry e JOIN entry_body b ON b.entry_id = e.id ${PLACE}
  WHERE e.id = ANY(${hiddenArray(1, 'uuid')})`;

const ENTRY = `SELECT e.id, e.account_id, e.source, e.type, e.format, e.received_at_ms, e.arrival, e.meter_id, e.starts_ms,
    e.ends_ms, b.bytes, b.salt, b.log_hash, b.signature_alg, b.signature_key_id, b.signature_public_key,
    b.signature_value, b.signature_nonce, b.signature_index, b.signature_count, b.signature_path,
    n.type AS envelope_type, n.header AS envelope_header, v.verdict, v.reason, v.assurance, p.batch_number, p.index AS batch_index, s.id AS batch_id
  FROM entry e JOIN entry_body b ON b.entry_id = e.id LEFT JOIN entry_envelope n ON n.entry_id = e.id
  CROSS JOIN LATERAL (SELECT verdict, reason, assurance FROM verdict
    WHERE entry_id = e.id ORDER BY group_id DESC LIMIT 1) v
  ${PLACE}
  LEFT JOIN batch s ON s.log_id = p.log_id AND s.number = p.batch_number`;

interface LeafRow {
  readonly id: string;
  readonly account_id: string;
  readonly log_hash: Uint8Array;
  readonly salt: Uint8Array;
  readonly batch_number: bigint | null;
  readonly batch_index: number;
}

/** Statements of each kind under way at once: two keep the server busy, and the pool is the writers'. */
const STATEMENTS = 2;

export class SqlEntries implements EntryStore {
  readonly #entries: GatheredReads<StoredEntry>;
  readonly #leaves: GatheredReads<EntryLeaf>;
  readonly #receipts: GatheredReads<StoredReceipt>;
  readonly #claims: GatheredReads<Omit<StoredReceipt, 'leaves'>>;

  constructor(
    private readonly sql: Sql,
    limits: { readonly maxWaiting: number },
  ) {
    const gathered = { statements: STATEMENTS, keys: limits.maxWaiting };
    this.#entries = new GatheredReads((ids) => this.entriesOf(ids), gathered);
    this.#leaves = new GatheredReads((ids) => this.leavesOf(ids), gathered);
    this.#claims = new GatheredReads((ids) => newestClaims(sql, ids.map(hexOf)), gathered);
    this.#receipts = new GatheredReads((ids) => newestReceipts(sql, ids.map(hexOf)), gathered);
  }

  async get(id: string): Promise<StoredEntry | undefined> {
    return uuidOf(id) === undefined ? undefined : this.#entries.get(id);
  }

  private async entriesOf(ids: readonly string[]): Promise<ReadonlyMap<string, StoredEntry>> {
    const rows = await this.sql.query<EntryRow>(
      `${ENTRY} WHERE e.id = ANY(${hiddenArray(1, 'uuid')})`,
      [ids.map(hexOf)],
      { prepare: 'wattproof_entries' },
    );
    return new Map(rows.map((row) => [entryIdOf(row.id), entryOf(row)]));
  }

  async leaf(id: string): Promise<EntryLeaf | undefined> {
    return uuidOf(id) === undefined ? undefined : this.#leaves.get(id);
  }

  private async leavesOf(ids: readonly string[]): Promise<ReadonlyMap<string, EntryLeaf>> {
    const rows = await this.sql.query<LeafRow>(LEAVES, [ids.map(hexOf)], {
      prepare: 'wattproof_leaves',
    });
    return new Map(rows.map((row) => [entryIdOf(row.id), leafOf(row)]));
  }

  async receipt(id: string): Promise<StoredReceipt | undefined> {
    return uuidOf(id) === undefined ? undefined : this.#receipts.get(id);
  }

  async claim(id: string): Promise<Omit<StoredReceipt, 'leaves'> | undefined> {
    return uuidOf(id) === undefined ? undefined : this.#claims.get(id);
  }

  async list(query: EntryQuery): Promise<Page<StoredEntry>> {
    const list = new ListConditions([query.limit + 1]);
    list.where('e.meter_id =', query.meterId);
    list.where('e.starts_ms >=', query.fromMs);
    list.where('e.starts_ms <', query.toMs);
    list.where('e.type =', query.type);
    // Written out, so that the planner finds the index of these few.
    if (query.source === 'system') list.and(`e.source = 'system'`);
    else list.where('e.source =', query.source);
    list.where('e.account_id =', query.accountId);
    list.where(
      'e.arrival >',
      query.cursor === undefined ? undefined : readNumberCursor(query.cursor),
    );
    const rows = await this.sql.query<EntryRow>(
      `${ENTRY} ${list.filter} ORDER BY e.arrival LIMIT $1`,
      list.params,
    );
    const { items, cursor } = page(rows, query.limit, (last) => numberCursor(last.arrival));
    return { items: items.map(entryOf), ...(cursor === undefined ? {} : { cursor }) };
  }

  async inBatch(
    batchNumber: number,
    query: { readonly limit: number; readonly fromIndex?: number },
  ): Promise<readonly StoredEntry[]> {
    const ids = await entryIdsInBatch(this.sql, batchNumber, {
      fromIndex: query.fromIndex ?? 0,
      limit: query.limit,
    });
    const rows = await this.sql.query<EntryRow>(
      `${ENTRY} WHERE e.id = ANY($1::uuid[]) ORDER BY p.index`,
      [ids],
    );
    return rows.map(entryOf);
  }

  async unsealed(): Promise<{
    readonly external: number;
    readonly system: number;
    readonly oldestReceivedAtMs?: number;
  }> {
    const [row] = await this.sql.query<{
      external: bigint | null;
      system: bigint | null;
      oldest: bigint | null;
    }>(
      `SELECT sum(count) FILTER (WHERE source = 'external') AS external,
         sum(count) FILTER (WHERE source = 'system') AS system, min(received_at_ms) AS oldest
       FROM log_unsealed WHERE log_id = 1`,
    );
    const oldest = row?.oldest ?? null;
    return {
      external: Number(row?.external ?? 0n),
      system: Number(row?.system ?? 0n),
      ...(oldest === null ? {} : { oldestReceivedAtMs: Number(oldest) }),
    };
  }
}

function leafOf(row: LeafRow): EntryLeaf {
  const { batch_number: number, batch_index: index } = row;
  return {
    id: entryIdOf(row.id),
    accountId: row.account_id,
    logHash: row.log_hash,
    salt: row.salt,
    ...(number === null ? {} : { batch: { number: Number(number), index } }),
  };
}

function entryOf(row: EntryRow): StoredEntry {
  const signature = signatureOf(row);
  return {
    id: entryIdOf(row.id),
    accountId: row.account_id,
    source: row.source,
    type: row.type,
    format: row.format,
    bytes: row.bytes,
    logHash: row.log_hash,
    salt: row.salt,
    assurance: row.assurance,
    verdict: row.verdict,
    ...(row.reason === null ? {} : { reason: row.reason }),
    receivedAtMs: Number(row.received_at_ms),
    ...(signature === undefined ? {} : { signature }),
    ...(row.meter_id === null ? {} : { meterId: row.meter_id }),
    ...(row.starts_ms === null ? {} : { startsMs: Number(row.starts_ms) }),
    ...(row.ends_ms === null ? {} : { endsMs: Number(row.ends_ms) }),
    ...(row.batch_number === null
      ? {}
      : {
          batch: {
            number: Number(row.batch_number),
            id: row.batch_id,
            index: row.batch_index,
          },
        }),
  };
}

function signatureOf(row: EntryRow): EntrySignature | undefined {
  if (row.signature_alg === null) return undefined;
  return {
    alg: row.signature_alg,
    keyId: row.signature_key_id,
    publicKey: row.signature_public_key,
    value: row.signature_value,
    ...(row.envelope_type === null
      ? {}
      : { envelope: { type: row.envelope_type, header: row.envelope_header } }),
    ...(row.signature_nonce === null
      ? {}
      : {
          batch: {
            nonce: row.signature_nonce,
            index: row.signature_index,
            count: row.signature_count,
            path: splitHashes(row.signature_path),
          },
        }),
  };
}
