import type { MintingSuspension, StoredMeter } from '../../devices/meter.store.js';
import type { SayEquivocations } from '../../ingestion/equivocation.js';
import type { Journaled } from '../../logs/journal.js';
import { entryIdOf } from './entry-id.js';
import type { Candidate } from './ingest-candidate.js';
import { countChange, readMeters } from './meter-rows.js';
import type { Sql } from './sql.js';
import { column } from './sql-column.js';

/**
 * Freezes what meters measured whose device said two things under one number, in the transaction that keeps both. What the
 * log says of it is for the caller to write; undefined: nothing new.
 */
export async function suspendMinting(
  tx: Sql,
  kept: readonly Candidate[],
  say?: SayEquivocations,
): Promise<Journaled | undefined> {
  const found = kept.filter(({ rival }) => rival !== undefined);
  if (found.length === 0) return undefined;
  const named = await tx.query<{ meter_id: string; asked: string }>(
    `SELECT DISTINCT ON (e.meter_id) e.meter_id, k.asked
     FROM unnest($1::uuid[], $2::uuid[]) AS k (asked, rival) JOIN entry e ON e.id IN (k.asked, k.rival)
     ORDER BY e.meter_id`,
    [column(found, ({ uuid }) => uuid), column(found, ({ rival }) => rival!)],
  );
  const meters = await lockMintable(
    tx,
    named.map(({ meter_id: id }) => id),
  );
  if (meters.length === 0) return undefined;
  const byUuid = new Map(found.map((candidate) => [candidate.uuid, candidate]));
  const asked = new Map(named.map((one) => [one.meter_id, one.asked.replaceAll('-', '')]));
  const equivocations = meters.map((meter) => {
    const candidate = byUuid.get(asked.get(meter.meterId)!)!;
    const { uuid, rival } = candidate;
    const atMs = candidate.row.receivedAtMs;
    return { meter, entryId: entryIdOf(uuid), rivalId: entryIdOf(rival!), atMs };
  });
  await freezeMeters(
    tx,
    equivocations.map(({ meter: { meterId }, entryId, atMs }) => ({
      meterId,
      why: { reason: 'sequence_equivocation', entryId, atMs },
    })),
  );
  return say?.(equivocations);
}

/** Those of the meters whose minting is not suspended, by id; all of them are locked until the transaction ends. */
export async function lockMintable(
  tx: Sql,
  meterIds: readonly string[],
): Promise<readonly StoredMeter[]> {
  // The lock comes first and alone: the next statement's snapshot must see what its last holder wrote.
  await tx.query(
    'SELECT FROM meter WHERE meter_id = ANY($1::text[]) ORDER BY meter_id FOR UPDATE',
    [meterIds],
  );
  return readMeters(
    tx,
    'WHERE meter_id = ANY($1::text[]) AND minting_suspended IS NULL ORDER BY meter_id',
    [meterIds],
  );
}

/** Writes down why, and freezes what the meters measured. */
export async function freezeMeters(
  tx: Sql,
  suspended: readonly { readonly meterId: string; readonly why: MintingSuspension }[],
): Promise<void> {
  await tx.query(
    `WITH suspended AS (UPDATE meter m SET minting_suspended = k.why
       FROM unnest($1::text[], $2::text[]) AS k (meter_id, why) WHERE m.meter_id = k.meter_id)
     UPDATE energy_account SET frozen = true WHERE id IN (
       SELECT id FROM energy_account WHERE meter_id = ANY($1::text[]) ORDER BY id FOR UPDATE)`,
    [suspended.map(({ meterId }) => meterId), suspended.map(({ why }) => JSON.stringify(why))],
  );
  await countChange(tx);
}

/** Lets energy of the meter be claimed again, unless it is suspended altogether. False when nothing kept it from that. */
export async function resumeMinting(tx: Sql, meterId: string): Promise<boolean> {
  const resumed = await tx.query(
    `UPDATE meter SET minting_suspended = NULL WHERE meter_id = $1 AND minting_suspended IS NOT NULL
     RETURNING meter_id`,
    [meterId],
  );
  if (resumed.length === 0) return false;
  await tx.query(
    `UPDATE energy_account SET frozen = (SELECT state = 'suspended' FROM meter WHERE meter_id = $1)
     WHERE id IN (SELECT id FROM energy_account WHERE meter_id = $1 ORDER BY id FOR UPDATE)`,
    [meterId],
  );
  await countChange(tx);
  return true;
}
