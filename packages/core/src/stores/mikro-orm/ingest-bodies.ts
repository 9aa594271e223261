import type { IngestRow } from '../../ingestion/ingest.store.js';
import { ERASED_DETAIL } from '../../logs/erasure.store.js';
import { entryIdOf } from './entry-id.js';
import { joinHashes } from './hash-list.js';
import { type Candidate, type Judgement, stronger } from './ingest-candidate.js';
import { type InsertedIds, insertedIds, uuidsOf } from './inserted-ids.js';
import type { Sql, SqlValue } from './sql.js';
import { column } from './sql-column.js';

/**
 * The unique hash decides which of several writers owns new bytes; the others wait here for its commit. Answers whether
 * erased bytes were looked for.
 */
export async function insertBodies(
  tx: Sql,
  candidates: readonly Candidate[],
  erasedKeyOf?: ErasedKeyOf,
): Promise<boolean> {
  if (candidates.length === 0) return true;
  const signature = <V extends SqlValue>(
    value: (signature: NonNullable<IngestRow['signature']>) => V,
  ) => column(candidates, ({ row }) => (row.signature === undefined ? null : value(row.signature)));
  const [inserted] = await tx.query<InsertedIds & { readonly erasures: boolean }>(
    `WITH inserted AS (INSERT INTO entry_body (entry_id, bytes, salt, log_hash, signature_alg, signature_key_id, signature_public_key,
       signature_value, signature_nonce, signature_index, signature_count, signature_path)
     SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bytea[], $5::text[], $6::text[], $7::bytea[],
       $8::bytea[], $9::bytea[], $10::int4[], $11::int4[], $12::bytea[])
     ON CONFLICT DO NOTHING RETURNING entry_id)
     ${insertedIds(13, ', EXISTS (SELECT FROM erased_entry) AS erasures')}`,
    [
      column(candidates, ({ uuid }) => uuid),
      column(candidates, ({ row }) => row.bytes),
      column(candidates, ({ row }) => row.salt),
      column(candidates, ({ row }) => row.logHash),
      signature(({ alg }) => alg),
      signature(({ keyId }) => keyId),
      signature(({ publicKey }) => publicKey),
      signature(({ value }) => value),
      signature(({ batch }) => batch?.nonce ?? null),
      signature(({ batch }) => batch?.index ?? null),
      signature(({ batch }) => batch?.count ?? null),
      signature(({ batch }) => (batch === undefined ? null : joinHashes(batch.path))),
      candidates.length,
    ],
    { prepare: 'wattproof_insert_bodies' },
  );
  if (inserted?.ids !== null) {
    const own = new Set(uuidsOf(inserted));
    for (const candidate of candidates) candidate.known = !own.has(candidate.uuid);
  }
  if (erasedKeyOf === undefined) return true;
  if (inserted?.erasures !== true) return false;
  await refuseErased(
    tx,
    candidates.filter(({ known }) => !known),
    erasedKeyOf,
  );
  return true;
}

/** What erased bytes are known by. */
export type ErasedKeyOf = (logHash: Uint8Array) => Uint8Array;

/** Bytes that were in the log once, and were erased. Their intervals and numbers are still taken. */
export async function refuseErased(
  tx: Sql,
  fresh: readonly Candidate[],
  erasedKeyOf: ErasedKeyOf,
): Promise<void> {
  const keys = column(fresh, ({ row }) => Buffer.from(erasedKeyOf(row.logHash)));
  const erased = await tx.query<{ key: string }>(
    `SELECT encode(key, 'hex') AS key FROM erased_entry WHERE key = ANY($1::bytea[])`,
    [keys],
  );
  const known = new Set(erased.map(({ key }) => key));
  fresh.forEach((candidate, at) => {
    if (known.has(keys[at]!.toString('hex')))
      candidate.answer = { kind: 'refused', code: 'erased', detail: ERASED_DETAIL };
  });
}

interface KnownRow extends Judgement {
  readonly hash: string;
  readonly entry_id: string;
}

/** Bytes that already have an entry: a duplicate, or judged again. */
export async function judgeKnown(tx: Sql, candidates: readonly Candidate[]): Promise<void> {
  const known = candidates.filter((candidate) => candidate.known);
  if (known.length === 0) return;
  const again = await settleDuplicates(tx, known);
  if (again.length === 0) return;
  // Whoever upgrades the same entry at the same time waits here and then sees the other's verdict.
  await tx.query(`SELECT id FROM entry WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE`, [
    column(again, ({ uuid }) => uuid),
  ]);
  await settleDuplicates(tx, again);
}

async function settleDuplicates(tx: Sql, known: readonly Candidate[]): Promise<Candidate[]> {
  const stored = await tx.query<KnownRow>(
    `SELECT DISTINCT ON (b.entry_id) encode(b.log_hash, 'hex') AS hash, b.entry_id, v.verdict, v.assurance, v.reason
     FROM entry_body b JOIN verdict v ON v.entry_id = b.entry_id
     WHERE b.log_id = 1 AND b.log_hash = ANY($1::bytea[]) ORDER BY b.entry_id, v.group_id DESC`,
    [column(known, ({ row }) => row.logHash)],
  );
  const byHash = new Map(stored.map((row) => [row.hash, row]));
  const again: Candidate[] = [];
  for (const candidate of known) {
    const before = byHash.get(Buffer.from(candidate.row.logHash).toString('hex'));
    if (before === undefined) {
      const detail = `entry id ${candidate.row.id} is in use`;
      candidate.answer = { kind: 'refused', code: 'not_storable', detail };
      continue;
    }
    candidate.uuid = before.entry_id.replaceAll('-', '');
    candidate.before = before;
    if (stronger(candidate.row, before)) again.push(candidate);
    else candidate.answer = { kind: 'duplicate', id: entryIdOf(candidate.uuid) };
  }
  return again;
}
