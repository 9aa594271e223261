import type { StoredReceipt } from '../../ingestion/ingest.store.js';
import type { StoredVerdict } from '../../logs/verdict.js';
import { entryIdOf } from './entry-id.js';
import { splitHashes } from './hash-list.js';
import type { Sql } from './sql.js';

interface VerdictRow {
  readonly entry_id: string;
  readonly log_hash: Uint8Array;
  readonly verdict: StoredVerdict;
  readonly reason: string | null;
  readonly rule_set: string;
  readonly receipt_index: number;
  readonly group_id: bigint;
}
interface GroupRow {
  readonly id: bigint;
  readonly leaves: Uint8Array;
  readonly signature: Uint8Array;
  readonly key_id: string;
  readonly committed_at_ms: bigint;
  readonly include_by_ms: bigint;
  readonly durability: string;
}

/** The receipts of the entries' newest verdicts, by entry id. Groups are read once however many share one. */
export async function newestReceipts(
  sql: Sql,
  uuids: readonly string[],
): Promise<Map<string, StoredReceipt>> {
  const verdicts = await sql.query<VerdictRow>(
    `SELECT DISTINCT ON (v.entry_id) v.entry_id, b.log_hash, v.verdict, v.reason, v.rule_set, v.receipt_index, v.group_id
     FROM verdict v JOIN entry_body b ON b.entry_id = v.entry_id
     WHERE v.entry_id = ANY($1::uuid[]) ORDER BY v.entry_id, v.group_id DESC`,
    [uuids],
    { prepare: 'wattproof_newest_verdicts' },
  );
  const groups = await sql.query<GroupRow>(
    `SELECT id, leaves, signature, key_id, committed_at_ms, include_by_ms, durability
     FROM receipt_group WHERE id = ANY($1::int8[])`,
    [[...new Set(verdicts.map((row) => row.group_id))]],
    { prepare: 'wattproof_receipt_groups' },
  );
  const byId = new Map(
    groups.map((group) => [group.id, { ...group, hashes: splitHashes(group.leaves) }]),
  );
  const receipts = new Map<string, StoredReceipt>();
  for (const row of verdicts) {
    const group = byId.get(row.group_id);
    if (group === undefined) continue;
    const entryId = entryIdOf(row.entry_id);
    receipts.set(entryId, {
      entryId,
      logHash: row.log_hash,
      verdict: row.verdict,
      ...(row.reason === null ? {} : { reason: row.reason }),
      ruleSet: row.rule_set,
      committedAtMs: Number(group.committed_at_ms),
      includeByMs: Number(group.include_by_ms),
      durability: group.durability,
      keyId: group.key_id,
      signature: group.signature,
      index: row.receipt_index,
      leaves: group.hashes,
    });
  }
  return receipts;
}
