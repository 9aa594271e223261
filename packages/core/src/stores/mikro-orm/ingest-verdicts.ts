import type { IngestRow, IssuedReceipts, StoredReceipt } from '../../ingestion/ingest.store.js';
import type { DurabilityClass } from '../../spi/index.js';
import { contestedEvents, entryEvent } from '../committed-events.js';
import { RUN_ENTRIES } from './batch-positions.js';
import { entryIdOf } from './entry-id.js';
import { joinHashes } from './hash-list.js';
import type { Candidate } from './ingest-candidate.js';
import { insertOutbox, outboxColumns } from './outbox-rows.js';
import type { Sql } from './sql.js';
import { column } from './sql-column.js';

export type Issue = (
  rows: readonly { readonly row: IngestRow; readonly entryId: string }[],
) => Promise<IssuedReceipts> | IssuedReceipts;

/** Receipts, verdicts, events and the sealer's queue: everything that is only true of rows that stay. */
export async function writeVerdicts(
  tx: Sql,
  kept: readonly Candidate[],
  issue: Issue,
  durability: DurabilityClass,
): Promise<Map<string, StoredReceipt>> {
  const receipts = new Map<string, StoredReceipt>();
  if (kept.length === 0) return receipts;
  const issued = await issue(kept.map(({ row, uuid }) => ({ row, entryId: entryIdOf(uuid) })));
  if (issued.leaves.length !== kept.length)
    throw new Error(
      `a group of ${kept.length} entries got ${issued.leaves.length} receipt leaves. Issue one leaf per row.`,
    );
  const events = kept.flatMap(({ row, uuid, contenders = [] }) => [
    entryEvent(row, entryIdOf(uuid), issued.committedAtMs),
    ...contestedEvents(row, entryIdOf(uuid), contenders, issued.committedAtMs),
  ]);
  const fresh = kept.filter(({ known }) => !known);
  const runs = runsOf(fresh);
  await tx.query(
    `WITH receipts AS (
       INSERT INTO receipt_group (leaves, root, signature, key_id, committed_at_ms, include_by_ms, durability)
       VALUES ($1, $2, $3, $4, $5::int8, $6, $7) RETURNING id),
     verdicts AS (
       INSERT INTO verdict (entry_id, group_id, receipt_index, verdict, reason, assurance, rule_set, inputs)
       SELECT k.entry_id, receipts.id, k.place - 1, k.verdict, k.reason, k.assurance, k.rule_set, k.inputs
       FROM receipts, unnest($8::uuid[], $9::text[], $10::text[], $11::text[], $12::text[], $24::text[])
         WITH ORDINALITY AS k (entry_id, verdict, reason, assurance, rule_set, inputs, place)),
     events AS (${insertOutbox(13)})
     INSERT INTO log_unsealed (group_id, source, profile, count, entry_ids, leaves, received_at_ms)
     SELECT receipts.id, k.source, k.profile, k.count, substr($17::bytea, 16 * k.start + 1, 16 * k.count),
       substr($18::bytea, 32 * k.start + 1, 32 * k.count), k.received_at_ms
     FROM receipts, unnest($19::text[], $20::text[], $21::int4[], $22::int4[], $23::int8[])
       WITH ORDINALITY AS k (source, profile, start, count, received_at_ms, place) ORDER BY k.place`,
    [
      joinHashes(issued.leaves),
      issued.root,
      issued.signature,
      issued.keyId,
      issued.committedAtMs,
      issued.includeByMs,
      durability,
      column(kept, ({ uuid }) => uuid),
      column(kept, ({ row }) => row.verdict),
      column(kept, ({ row }) => row.reason ?? null),
      column(kept, ({ row }) => row.assurance),
      column(kept, ({ row }) => row.ruleSet),
      ...outboxColumns(events),
      Buffer.from(fresh.map(({ uuid }) => uuid).join(''), 'hex'),
      joinHashes(fresh.map(({ row }) => row.merkleLeaf)),
      column(runs, ({ source }) => source),
      column(runs, ({ profile }) => profile),
      column(runs, ({ start }) => start),
      column(runs, ({ count }) => count),
      column(runs, ({ receivedAtMs }) => receivedAtMs),
      column(kept, ({ row }) => row.inputs ?? null),
    ],
    { prepare: 'wattproof_write_verdicts' },
  );
  for (const candidate of kept) await keepSignature(tx, candidate);
  kept.forEach(({ row, uuid }, index) => {
    const entryId = entryIdOf(uuid);
    receipts.set(entryId, {
      entryId,
      logHash: row.logHash,
      verdict: row.verdict,
      ...(row.reason === undefined ? {} : { reason: row.reason }),
      ruleSet: row.ruleSet,
      committedAtMs: issued.committedAtMs,
      includeByMs: issued.includeByMs,
      durability,
      keyId: issued.keyId,
      signature: issued.signature,
      index,
      leaves: issued.leaves,
    });
  });
  return receipts;
}

interface Run {
  readonly source: IngestRow['source'];
  readonly profile: IngestRow['profile'];
  readonly start: number;
  count: number;
  /** Of the entry that waits longest. */
  receivedAtMs: number;
}

/** Neighbours that may share a batch, in the order they arrived. */
function runsOf(fresh: readonly Candidate[]): readonly Run[] {
  const runs: Run[] = [];
  fresh.forEach(({ row: { source, profile, receivedAtMs } }, start) => {
    const last = runs.at(-1);
    if (last?.source === source && last.profile === profile && last.count < RUN_ENTRIES) {
      last.count += 1;
      last.receivedAtMs = Math.min(last.receivedAtMs, receivedAtMs);
    } else runs.push({ source, profile, start, count: 1, receivedAtMs });
  });
  return runs;
}

/** An upgrade may be the first to bring a signature; the proof then carries it. */
async function keepSignature(tx: Sql, { row, uuid, known }: Candidate): Promise<void> {
  const { signature } = row;
  if (!known || signature === undefined) return;
  const { batch } = signature;
  await tx.query(
    `UPDATE entry_body SET signature_alg = $2, signature_key_id = $3, signature_public_key = $4, signature_value = $5,
       signature_nonce = $6, signature_index = $7, signature_count = $8, signature_path = $9 WHERE entry_id = $1`,
    [
      uuid,
      signature.alg,
      signature.keyId,
      signature.publicKey,
      signature.value,
      batch?.nonce ?? null,
      batch?.index ?? null,
      batch?.count ?? null,
      batch === undefined ? null : joinHashes(batch.path),
    ],
  );
  if (row.verdict === 'quarantined' || row.reading === undefined) return;
  // The meter may have been registered since the bytes first came: the entry is its owner's, the reading its own.
  await tx.query(
    `WITH owned AS (UPDATE entry SET account_id = $2 WHERE id = $1)
     UPDATE reading SET fingerprint = $3 WHERE entry_id = $1`,
    [uuid, row.accountId, row.reading.fingerprint],
  );
}
