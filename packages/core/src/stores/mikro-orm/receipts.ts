import type { StoredReceipt } from '../../ingestion/ingest.store.js';
import type { StoredVerdict } from '../../logs/verdict.js';
import { entryIdOf } from './entry-id.js';
import { hiddenArray } from './gathered-reads.js';
import { splitHashes } from './hash-list.js';
import type { Sql } from './sql.js';

type Claim = Omit<StoredReceipt, 'leaves'>;

interface ClaimRow {
  readonly entry_id: string;
  readonly log_hash: Uint8Array;
  readonly verdict: StoredVerdict;
  readonly reason: string | null;
  readonly rule_set: string;
  readonly receipt_index: number;
  readonly group_id: bigint;
  readonly signature: Uint8Array;
  readonly key_id: string;
  readonly committed_at_ms: bigint;
  readonly include_by_ms: bigint;
  readonly durability: string;
}

/** The receipts of the entries' newest verdicts without the leaves of their groups, by entry id. */
export async function newestClaims(
  sql: Sql,
  uuids: readonly string[],
): Promise<Map<string, Claim>> {
  const rows = await claimRows(sql, uuids);
  return new Map(rows.map((row) => [entryIdOf(row.entry_id), claimOf(row)]));
}

/** The receipts of the entries' newest verdicts, by entry id. Leaves are read once however many share a group. */
export async function newestReceipts(
  sql: Sql,
  uuids: readonly string[],
): Promise<Map<string, StoredReceipt>> {
  const rows = await claimRows(sql, uuids);
  const groups = await sql.query<{ readonly id: bigint; readonly leaves: Uint8Array }>(
    `SELECT id, leaves FROM receipt_group WHERE id = ANY(${hiddenArray(1, 'int8')})`,
    [[...new Set(rows.map((row) => row.group_id))]],
    { prepare: 'wattproof_receipt_leaves' },
  );
  const leavesOf = new Map(groups.map(({ id, leaves }) => [id, splitHashes(leaves)]));
  return new Map(
    rows.map((row) => {
      const claim = claimOf(row);
      return [claim.entryId, { ...claim, leaves: leavesOf.get(row.group_id) ?? [] }];
    }),
  );
}

function claimRows(sql: Sql, uuids: readonly string[]): Promise<readonly ClaimRow[]> {
  return sql.query<ClaimRow>(
    `SELECT DISTINCT ON (v.entry_id) v.entry_id, b.log_hash, v.verdict, v.reason, v.rule_set, v.receipt_index, v.group_id,
       g.signature, g.key_id, g.committed_at_ms, g.include_by_ms, g.durability
     FROM verdict v JOIN entry_body b ON b.entry_id = v.entry_id JOIN receipt_group g ON g.id = v.group_id
     WHERE v.entry_id = ANY(${hiddenArray(1, 'uuid')}) ORDER BY v.entry_id, v.group_id DESC`,
    [uuids],
    { prepare: 'wattproof_newest_claims' },
  );
}

function claimOf(row: ClaimRow): Claim {
  return {
    entryId: entryIdOf(row.entry_id),
    logHash: row.log_hash,
    verdict: row.verdict,
    ...(row.reason === null ? {} : { reason: row.reason }),
    ruleSet: row.rule_set,
    committedAtMs: Number(row.committed_at_ms),
    includeByMs: Number(row.include_by_ms),
    durability: row.durability,
    keyId: row.key_id,
    signature: row.signature,
    index: row.receipt_index,
  };
}
