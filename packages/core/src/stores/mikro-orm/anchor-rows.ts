import type { IntentState, StoredIntent } from '../../anchoring/anchor.store.js';
import type {
  Attempt,
  AttemptState,
  Evidence,
  Fee,
  Inclusion,
  JsonObject,
} from '../../spi/index.js';
import type { Sql, SqlValue } from './sql.js';

interface IntentRow {
  readonly id: string;
  readonly anchor: string;
  readonly origin: string;
  readonly size: bigint;
  readonly root: Uint8Array;
  readonly digest: Uint8Array;
  readonly created_at_ms: bigint;
  readonly state: IntentState;
  readonly reason: string | null;
  readonly retry_at_ms: bigint | null;
  readonly bumps: number;
  readonly evidence: string | null;
}

interface AttemptRow {
  readonly intent_id: string;
  readonly number: number;
  readonly tx_id: string;
  readonly child_of: string | null;
  readonly conflict_key: string;
  readonly signed: Uint8Array;
  readonly fee_amount: string;
  readonly fee_unit: string;
  readonly fee_rate: string | null;
  readonly valid_until: bigint | null;
  readonly detail: string | null;
  readonly state: AttemptState;
  readonly inclusion: string | null;
  readonly created_at_ms: bigint;
  readonly broadcast_at_ms: bigint | null;
}

const INTENT = `SELECT i.id, i.anchor, i.origin, i.size, i.root, i.digest, i.created_at_ms, i.state, i.reason,
    i.retry_at_ms, i.bumps,
    (SELECT evidence FROM anchor_evidence e WHERE e.intent_id = i.id ORDER BY e.id DESC LIMIT 1) AS evidence
  FROM anchor_intent i`;

const ATTEMPT = `SELECT a.intent_id, a.number, a.tx_id, a.child_of, a.conflict_key, a.signed,
    a.fee_amount::text AS fee_amount, a.fee_unit, a.fee_rate, a.valid_until, a.detail, a.state, a.inclusion,
    a.created_at_ms, a.broadcast_at_ms
  FROM anchor_attempt a`;

/** Intents by a condition and order over `anchor_intent i`, with their attempts. */
export async function readIntents(
  sql: Sql,
  condition: string,
  params: readonly SqlValue[],
): Promise<readonly StoredIntent[]> {
  const rows = await sql.query<IntentRow>(`${INTENT} ${condition}`, params);
  if (rows.length === 0) return [];
  const attempts = await readAttempts(sql, 'WHERE a.intent_id = ANY($1::text[])', [
    rows.map(({ id }) => id),
  ]);
  return rows.map((row) =>
    intentOf(
      row,
      attempts.filter(({ intentId }) => intentId === row.id),
    ),
  );
}

/** Attempts by a condition over `anchor_attempt a`, in the order of their numbers. */
export async function readAttempts(
  sql: Sql,
  condition: string,
  params: readonly SqlValue[],
): Promise<readonly Attempt[]> {
  const rows = await sql.query<AttemptRow>(
    `${ATTEMPT} ${condition} ORDER BY a.intent_id, a.number`,
    params,
  );
  return rows.map(attemptOf);
}

function intentOf(row: IntentRow, attempts: readonly Attempt[]): StoredIntent {
  return {
    id: row.id,
    anchor: row.anchor,
    commitment: { origin: row.origin, size: row.size, root: row.root, digest: row.digest },
    createdAtMs: Number(row.created_at_ms),
    state: row.state,
    attempts,
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.retry_at_ms === null ? {} : { retryAtMs: Number(row.retry_at_ms) }),
    bumps: row.bumps,
    ...(row.evidence === null ? {} : { evidence: JSON.parse(row.evidence) as Evidence }),
  };
}

function attemptOf(row: AttemptRow): Attempt {
  const rate = row.fee_rate === null ? undefined : (JSON.parse(row.fee_rate) as Fee['rate']);
  return {
    intentId: row.intent_id,
    number: row.number,
    state: row.state,
    txId: row.tx_id,
    ...(row.child_of === null ? {} : { childOf: row.child_of }),
    conflictKey: row.conflict_key,
    signed: row.signed,
    fee: {
      amount: BigInt(row.fee_amount),
      unit: row.fee_unit,
      ...(rate === undefined ? {} : { rate }),
    },
    ...(row.valid_until === null ? {} : { validUntil: Number(row.valid_until) }),
    ...(row.detail === null ? {} : { detail: JSON.parse(row.detail) as JsonObject }),
    ...(row.inclusion === null ? {} : { inclusion: JSON.parse(row.inclusion) as Inclusion }),
    createdAtMs: Number(row.created_at_ms),
    ...(row.broadcast_at_ms === null ? {} : { broadcastAtMs: Number(row.broadcast_at_ms) }),
  };
}
