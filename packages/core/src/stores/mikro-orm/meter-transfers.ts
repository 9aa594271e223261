import {
  type AcceptTransfer,
  decideAcceptance,
  type MeterTransfer,
  refuseOffer,
  type TransferOutcome,
} from '../../devices/meter-transfer.js';
import type { StoredMeter } from '../../devices/meter.store.js';
import type { Journaled } from '../../logs/journal.js';
import { numberCursor, page, readNumberCursor } from '../list-cursor.js';
import { countChange, lockMeter } from './meter-rows.js';
import type { Sql } from './sql.js';
import type { WriteJournal } from './sql-changes.js';

interface TransferRow {
  readonly id: string;
  readonly arrival: bigint;
  readonly meter_id: string;
  readonly from_account: string;
  readonly to_account: string;
  readonly state: MeterTransfer['state'];
  readonly effective_at_ms: bigint | null;
  readonly expires_at_ms: bigint;
  readonly offered_at_ms: bigint;
  readonly closed_at_ms: bigint | null;
}

const COLUMNS =
  'id, arrival, meter_id, from_account, to_account, state, effective_at_ms, expires_at_ms, offered_at_ms, closed_at_ms';

/** The meter's row is locked first: one decision about it at a time. */
export async function offerTransfer(
  tx: Sql,
  journal: WriteJournal,
  offer: MeterTransfer,
  said: Journaled,
): Promise<TransferOutcome> {
  const meter = await lockMeter(tx, offer.meterId);
  const open = await openOf(tx, offer.meterId);
  const refusal = refuseOffer({ meter, open }, offer);
  if (refusal !== undefined) return refusal;
  if (open !== undefined)
    await tx.query(`UPDATE meter_transfer SET state = 'expired' WHERE id = $1`, [open.id]);
  await tx.query(
    `INSERT INTO meter_transfer (id, meter_id, from_account, to_account, state, effective_at_ms, expires_at_ms, offered_at_ms)
     VALUES ($1, $2, $3, $4, 'offered', $5, $6, $7)`,
    [
      offer.id,
      offer.meterId,
      offer.fromAccount,
      offer.toAccount,
      offer.effectiveAtMs ?? null,
      offer.expiresAtMs,
      offer.offeredAtMs,
    ],
  );
  await journal(said);
  return { kind: 'done', transfer: offer };
}

/** The former owner's time ends and the new one's begins; the exclusion constraint watches. */
export async function acceptTransfer(
  tx: Sql,
  journal: WriteJournal,
  acceptance: AcceptTransfer,
  say: (transfer: MeterTransfer) => Journaled,
): Promise<TransferOutcome> {
  const asked = await transferOf(tx, acceptance.transferId);
  const meter = asked === undefined ? undefined : await lockMeter(tx, asked.meterId);
  // Read again behind the lock: somebody may have accepted or withdrawn it in between.
  const transfer = meter === undefined ? undefined : await transferOf(tx, acceptance.transferId);
  const outcome = decideAcceptance(
    { meter },
    transfer,
    acceptance,
    meter === undefined ? {} : await boundsOf(tx, meter),
  );
  if (outcome.kind === 'refused') return outcome;
  const { id, meterId, toAccount, effectiveAtMs, closedAtMs } = outcome.transfer;
  const owner = acceptance.owner ?? null;
  await tx.query(
    `UPDATE meter_ownership SET span = int8range(lower(span), $2) WHERE meter_id = $1 AND upper_inf(span)`,
    [meterId, effectiveAtMs!],
  );
  await tx.query(
    'INSERT INTO meter_ownership (meter_id, account_id, owner, span) VALUES ($1, $2, $3, int8range($4, NULL))',
    [meterId, toAccount, owner, effectiveAtMs!],
  );
  await tx.query(
    'UPDATE meter SET account_id = $2, owner = $3, handed_over = true WHERE meter_id = $1',
    [meterId, toAccount, owner],
  );
  await tx.query(
    `UPDATE meter_transfer SET state = 'accepted', effective_at_ms = $2, closed_at_ms = $3 WHERE id = $1`,
    [id, effectiveAtMs!, closedAtMs!],
  );
  await countChange(tx);
  await journal(say(outcome.transfer));
  return outcome;
}

export async function withdrawTransfer(
  tx: Sql,
  journal: WriteJournal,
  transferId: string,
  atMs: number,
  said: Journaled,
): Promise<MeterTransfer | undefined> {
  const asked = await transferOf(tx, transferId);
  if (asked === undefined) return undefined;
  await lockMeter(tx, asked.meterId);
  const [row] = await tx.query<TransferRow>(
    `UPDATE meter_transfer SET state = 'withdrawn', closed_at_ms = $2 WHERE id = $1 AND state = 'offered'
     RETURNING ${COLUMNS}`,
    [transferId, atMs],
  );
  if (row === undefined) return undefined;
  await journal(said);
  return transferOfRow(row);
}

/** Only what an owner of the meter was given; whoever sent for it before it was registered keeps that. */
export async function settleOwners(sql: Sql, acceptedSinceMs: number): Promise<number> {
  const rows = await sql.query(
    `UPDATE entry e SET account_id = o.account_id
     FROM meter_transfer t JOIN meter_ownership o USING (meter_id)
     WHERE t.state = 'accepted' AND t.closed_at_ms >= $1 AND e.meter_id = t.meter_id AND e.starts_ms >= t.effective_at_ms
       AND o.span @> e.starts_ms AND e.account_id = t.from_account AND o.account_id <> e.account_id
     RETURNING e.id`,
    [acceptedSinceMs],
  );
  return rows.length;
}

export async function transferOf(sql: Sql, id: string): Promise<MeterTransfer | undefined> {
  const [row] = await sql.query<TransferRow>(
    `SELECT ${COLUMNS} FROM meter_transfer WHERE id = $1`,
    [id],
  );
  return row === undefined ? undefined : transferOfRow(row);
}

/** A union and not an OR: each half has its index. */
export async function listTransfers(
  sql: Sql,
  query: {
    readonly accountId?: string;
    readonly meterId?: string;
    readonly limit: number;
    readonly cursor?: string;
  },
): Promise<{ readonly items: readonly MeterTransfer[]; readonly cursor?: string }> {
  const before = query.cursor === undefined ? null : readNumberCursor(query.cursor);
  const rows = await sql.query<TransferRow>(
    `SELECT ${COLUMNS} FROM meter_transfer
     WHERE ($1::int8 IS NULL OR arrival < $1::int8) AND ($2::text IS NULL OR meter_id = $2::text)
       AND ($3::text IS NULL OR id IN (SELECT id FROM meter_transfer WHERE from_account = $3::text
         UNION SELECT id FROM meter_transfer WHERE to_account = $3::text))
     ORDER BY arrival DESC LIMIT $4`,
    [before, query.meterId ?? null, query.accountId ?? null, query.limit + 1],
  );
  const { items, cursor } = page(rows, query.limit, (last) => numberCursor(last.arrival));
  return { items: items.map(transferOfRow), ...(cursor === undefined ? {} : { cursor }) };
}

async function openOf(tx: Sql, meterId: string): Promise<MeterTransfer | undefined> {
  const [row] = await tx.query<TransferRow>(
    `SELECT ${COLUMNS} FROM meter_transfer WHERE meter_id = $1 AND state = 'offered'`,
    [meterId],
  );
  return row === undefined ? undefined : transferOfRow(row);
}

/** What is stored and promised of the meter already, and bounds when it can change hands. */
async function boundsOf(
  tx: Sql,
  { meterId }: StoredMeter,
): Promise<{ readonly lastStartMs?: number; readonly promisedUntilMs?: number }> {
  const [row] = await tx.query<{ last: bigint | null; promised: bigint | null }>(
    `SELECT (SELECT max(starts_ms) FROM entry WHERE meter_id = $1) AS last,
       (SELECT max(ends_ms) FROM energy_hold WHERE open AND meter_id = $1) AS promised`,
    [meterId],
  );
  const last = row?.last ?? null;
  const promised = row?.promised ?? null;
  return {
    ...(last === null ? {} : { lastStartMs: Number(last) }),
    ...(promised === null ? {} : { promisedUntilMs: Number(promised) }),
  };
}

function transferOfRow(row: TransferRow): MeterTransfer {
  return {
    id: row.id,
    meterId: row.meter_id,
    fromAccount: row.from_account,
    toAccount: row.to_account,
    state: row.state,
    ...(row.effective_at_ms === null ? {} : { effectiveAtMs: Number(row.effective_at_ms) }),
    expiresAtMs: Number(row.expires_at_ms),
    offeredAtMs: Number(row.offered_at_ms),
    ...(row.closed_at_ms === null ? {} : { closedAtMs: Number(row.closed_at_ms) }),
  };
}
