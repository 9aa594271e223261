import {
  type AnchorCost,
  type AnchorStore,
  type AnchorTotals,
  type AttemptKey,
  type AttemptPatch,
  AttemptTaken,
  type CoveringEvidence,
  type IntentState,
  type IntentPatch,
  IntentUnknown,
  type Lease,
  type StoredIntent,
} from '../../anchoring/anchor.store.js';
import type { AnchorIntent, Attempt, AttemptState, Evidence } from '../../spi/index.js';
import {
  CLOSED_INTENT_STATES,
  COVERING_INTENT_STATES,
  PAID_ATTEMPT_STATES,
} from '../anchor-states.js';
import { intentEvent } from '../committed-events.js';
import { readAttempts, readIntents } from './anchor-rows.js';
import { EvidenceReads, quoted } from './evidence-reads.js';
import { guard } from './leases.js';
import { appendEvents } from './outbox-rows.js';
import type { Sql } from './sql.js';

/** What an attempt `a` has cost, by the ledger's word where it has said so. */
const PAID = `coalesce((a.inclusion::json ->> 'feePaid')::numeric, a.fee_amount)`;

/** Of `anchor_intent`, word for word the conditions of its partial indexes. */
const OPEN = `state NOT IN (${quoted(CLOSED_INTENT_STATES)})`;
const UNDER_WAY = `state NOT IN (${quoted(['queued', ...CLOSED_INTENT_STATES])})`;

export class SqlAnchors implements AnchorStore {
  readonly #evidence: EvidenceReads;

  constructor(
    private readonly sql: Sql,
    limits: { readonly maxWaiting: number },
  ) {
    this.#evidence = new EvidenceReads(sql, limits);
  }

  async putIntent(intent: AnchorIntent): Promise<void> {
    const { origin, size, root, digest } = intent.commitment;
    await this.sql.query(
      `INSERT INTO anchor_intent (id, anchor, origin, size, root, digest, created_at_ms, touched)
       VALUES ($1, $2, $3, $4, $5, $6, $7, nextval('anchor_touch')) ON CONFLICT (id) DO NOTHING`,
      [intent.id, intent.anchor, origin, size, root, digest, intent.createdAtMs],
    );
  }

  open(anchor: string, limit: number): Promise<readonly StoredIntent[]> {
    return readIntents(
      this.sql,
      `WHERE i.anchor = $1 AND i.state NOT IN (${quoted(CLOSED_INTENT_STATES)})
       ORDER BY i.created_at_ms, i.arrival LIMIT $2`,
      [anchor, limit],
    );
  }

  async due(anchor: string, limit: number): Promise<readonly StoredIntent[]> {
    const all = await this.open(anchor, limit + 1);
    if (all.length <= limit) return all;
    const underWay = Math.floor(limit / 2);
    const chosen = await readIntents(
      this.sql,
      `WHERE i.id IN (
         (SELECT id FROM anchor_intent WHERE anchor = $1 AND ${OPEN} ORDER BY created_at_ms DESC, arrival DESC LIMIT 1)
         UNION (SELECT id FROM anchor_intent WHERE anchor = $1 AND ${UNDER_WAY} ORDER BY touched LIMIT $2)
         UNION (SELECT id FROM anchor_intent WHERE anchor = $1 AND ${OPEN} ORDER BY touched LIMIT $3))
       ORDER BY i.created_at_ms, i.arrival`,
      [anchor, underWay, limit - underWay],
    );
    const keys = new Set(
      chosen.flatMap(({ attempts }) => attempts.map(({ conflictKey }) => conflictKey)),
    );
    if (keys.size === 0) return chosen;
    const rivals = await readIntents(
      this.sql,
      `WHERE i.anchor = $1 AND ${OPEN} AND i.id <> ALL($2::text[]) AND i.id IN
         (SELECT intent_id FROM anchor_attempt WHERE conflict_key = ANY($3::text[]))
       ORDER BY i.touched LIMIT $4`,
      [anchor, chosen.map(({ id }) => id), [...keys], limit],
    );
    return [...chosen, ...rivals].sort((a, b) => a.createdAtMs - b.createdAtMs);
  }

  finals(anchor: string, limit: number): Promise<readonly StoredIntent[]> {
    return readIntents(
      this.sql,
      `WHERE i.anchor = $1 AND i.state = 'final' ORDER BY i.touched LIMIT $2`,
      [anchor, limit],
    );
  }

  failed(anchor: string, limit: number): Promise<readonly StoredIntent[]> {
    return readIntents(
      this.sql,
      `WHERE i.anchor = $1 AND i.state = 'failed' ORDER BY i.created_at_ms, i.arrival LIMIT $2`,
      [anchor, limit],
    );
  }

  async intent(id: string): Promise<StoredIntent | undefined> {
    const [found] = await readIntents(this.sql, 'WHERE i.id = $1', [id]);
    return found;
  }

  bySize(size: bigint): Promise<readonly StoredIntent[]> {
    return readIntents(this.sql, 'WHERE i.size = $1 ORDER BY i.arrival', [size]);
  }

  async covering(anchor: string, size: bigint): Promise<StoredIntent | undefined> {
    const [smallest] = await readIntents(
      this.sql,
      `WHERE i.anchor = $1 AND i.state IN (${quoted(COVERING_INTENT_STATES)}) AND i.size >= $2
       ORDER BY i.size, i.created_at_ms LIMIT 1`,
      [anchor, size],
    );
    return smallest;
  }

  evidence(anchor: string, size: bigint): Promise<CoveringEvidence | undefined> {
    return this.#evidence.covering(anchor, size);
  }

  async latest(anchor: string): Promise<StoredIntent | undefined> {
    const [largest] = await readIntents(
      this.sql,
      `WHERE i.anchor = $1 AND i.state IN (${quoted(COVERING_INTENT_STATES)})
       ORDER BY i.size DESC, i.created_at_ms DESC LIMIT 1`,
      [anchor],
    );
    return largest;
  }

  attemptsSince(anchor: string, sinceMs: number): Promise<readonly Attempt[]> {
    return readAttempts(
      this.sql,
      `JOIN anchor_intent i ON i.id = a.intent_id WHERE i.anchor = $1 AND a.created_at_ms >= $2`,
      [anchor, sinceMs],
    );
  }

  async totals(anchor: string): Promise<AnchorTotals> {
    const [intents, attempts] = await Promise.all([
      this.sql.query<{ state: IntentState; count: bigint; oldest: bigint; size: bigint }>(
        `SELECT state, count(*) AS count, min(created_at_ms) AS oldest, max(size) AS size
         FROM anchor_intent WHERE anchor = $1 GROUP BY state`,
        [anchor],
      ),
      this.sql.query<{ state: AttemptState; unit: string; count: bigint; fees: string }>(
        `SELECT a.state, a.fee_unit AS unit, count(*) AS count, sum(${PAID})::text AS fees
         FROM anchor_attempt a JOIN anchor_intent i ON i.id = a.intent_id
         WHERE i.anchor = $1 GROUP BY a.state, a.fee_unit`,
        [anchor],
      ),
    ]);
    const open = intents.filter(({ state }) => !CLOSED_INTENT_STATES.includes(state));
    const counts = new Map<AttemptState, number>();
    const feesSpent = new Map<string, bigint>();
    for (const { state, unit, count, fees } of attempts) {
      counts.set(state, (counts.get(state) ?? 0) + Number(count));
      if (PAID_ATTEMPT_STATES.includes(state))
        feesSpent.set(unit, (feesSpent.get(unit) ?? 0n) + BigInt(fees));
    }
    const final = intents.find(({ state }) => state === 'final')?.size;
    const included = intents.find(({ state }) => state === 'included')?.size ?? final;
    return {
      intents: new Map(intents.map(({ state, count }) => [state, Number(count)])),
      attempts: counts,
      feesSpent,
      ...(included === undefined
        ? {}
        : { includedSize: final !== undefined && final > included ? final : included }),
      ...(final === undefined ? {} : { finalSize: final }),
      ...(open.length === 0
        ? {}
        : { oldestOpenAtMs: Math.min(...open.map(({ oldest }) => Number(oldest))) }),
    };
  }

  async costs(anchor: string, sinceMs: number): Promise<readonly AnchorCost[]> {
    const days = await this.sql.query<{ day: bigint; unit: string; count: bigint; fees: string }>(
      `SELECT a.created_at_ms / 86400000 AS day, a.fee_unit AS unit, count(*) AS count, sum(${PAID})::text AS fees
       FROM anchor_attempt a JOIN anchor_intent i ON i.id = a.intent_id
       WHERE i.anchor = $1 AND a.created_at_ms >= $2 AND a.state IN (${quoted(PAID_ATTEMPT_STATES)})
       GROUP BY day, unit ORDER BY day DESC, unit`,
      [anchor, sinceMs],
    );
    return days.map(({ day, unit, count, fees }) => ({
      dayMs: Number(day) * 86_400_000,
      unit,
      amount: BigInt(fees),
      transactions: Number(count),
    }));
  }

  putAttempt(lease: Lease, attempt: Attempt): Promise<void> {
    return this.guarded(lease, attempt.intentId, async (tx) => {
      const { fee } = attempt;
      const inserted = await tx.query(
        `INSERT INTO anchor_attempt (intent_id, number, tx_id, child_of, conflict_key, signed, fee_amount, fee_unit, fee_rate,
           valid_until, detail, state, inclusion, created_at_ms, broadcast_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7::text::numeric, $8, $9, $10, $11, $12, $13, $14, $15)
         ON CONFLICT DO NOTHING RETURNING number`,
        [
          attempt.intentId,
          attempt.number,
          attempt.txId,
          attempt.childOf ?? null,
          attempt.conflictKey,
          attempt.signed,
          String(fee.amount),
          fee.unit,
          fee.rate === undefined ? null : JSON.stringify(fee.rate),
          attempt.validUntil ?? null,
          attempt.detail === undefined ? null : JSON.stringify(attempt.detail),
          attempt.state,
          attempt.inclusion === undefined ? null : JSON.stringify(attempt.inclusion),
          attempt.createdAtMs,
          attempt.broadcastAtMs ?? null,
        ],
      );
      if (inserted.length > 0) {
        await remember(tx, lease, {
          intentId: attempt.intentId,
          attempt: attempt.number,
          to: attempt.state,
        });
        return;
      }
      const same = await tx.query(
        'SELECT number FROM anchor_attempt WHERE intent_id = $1 AND number = $2 AND tx_id = $3',
        [attempt.intentId, attempt.number, attempt.txId],
      );
      if (same.length === 0) throw new AttemptTaken(attempt.intentId, attempt.number);
    });
  }

  moveAttempt(
    lease: Lease,
    key: AttemptKey,
    from: AttemptState,
    to: AttemptState,
    patch: AttemptPatch = {},
  ): Promise<boolean> {
    return this.guarded(lease, key.intentId, async (tx) => {
      const inclusion = patch.inclusion === undefined ? null : JSON.stringify(patch.inclusion);
      const moved = await tx.query(
        `UPDATE anchor_attempt SET state = $4, inclusion = coalesce($5::text, inclusion),
           broadcast_at_ms = coalesce($6::int8, broadcast_at_ms)
         WHERE intent_id = $1 AND number = $2 AND state = $3 RETURNING number`,
        [key.intentId, key.number, from, to, inclusion, patch.broadcastAtMs ?? null],
      );
      if (moved.length === 0) return false;
      // A deeper inclusion in the same block is seen at every block: only what changed is history.
      if (from !== to)
        await remember(tx, lease, {
          intentId: key.intentId,
          attempt: key.number,
          from,
          to,
          ...(inclusion === null ? {} : { detail: inclusion }),
        });
      return true;
    });
  }

  moveIntent(
    lease: Lease,
    id: string,
    from: IntentState,
    to: IntentState,
    patch: IntentPatch = {},
  ): Promise<boolean> {
    return this.guarded(lease, id, async (tx) => {
      const [moved] = await tx.query<IntentEventRow>(
        `UPDATE anchor_intent SET state = $3,
           reason = CASE WHEN $4::text IS NULL THEN reason ELSE nullif($4::text, '') END,
           retry_at_ms = CASE WHEN $5::int8 IS NULL THEN retry_at_ms ELSE nullif($5::int8, 0) END,
           bumps = coalesce($6::int4, bumps)
         WHERE id = $1 AND state = $2
         RETURNING anchor, size, (extract(epoch FROM clock_timestamp()) * 1000)::int8 AS now_ms`,
        [id, from, to, patch.reason ?? null, patch.retryAtMs ?? null, patch.bumps ?? null],
      );
      if (moved === undefined) return false;
      if (from === to) return true;
      const detail = patch.reason === undefined ? {} : { detail: patch.reason };
      await remember(tx, lease, { intentId: id, from, to, ...detail });
      const event = intentEvent(
        { id, anchor: moved.anchor, size: moved.size },
        to,
        Number(moved.now_ms),
      );
      if (event !== undefined) await appendEvents(tx, [event]);
      return true;
    });
  }

  touch(lease: Lease, ids: readonly string[]): Promise<void> {
    return this.sql.transaction(async (tx) => {
      await guard(tx, lease);
      await tx.query(
        `UPDATE anchor_intent SET touched = nextval('anchor_touch') WHERE id = ANY($1::text[]) RETURNING id`,
        [ids],
      );
    });
  }

  putEvidence(lease: Lease, intentId: string, evidence: Evidence): Promise<void> {
    return this.guarded(lease, intentId, async (tx) => {
      await tx.query('INSERT INTO anchor_evidence (intent_id, evidence) VALUES ($1, $2)', [
        intentId,
        JSON.stringify(evidence),
      ]);
    });
  }

  /** One transaction that holds the lease, on an intent that exists and is now touched. */
  private guarded<T>(lease: Lease, intentId: string, work: (tx: Sql) => Promise<T>): Promise<T> {
    return this.sql.transaction(async (tx) => {
      await guard(tx, lease);
      const touched = await tx.query(
        `UPDATE anchor_intent SET touched = nextval('anchor_touch') WHERE id = $1 RETURNING id`,
        [intentId],
      );
      if (touched.length === 0) throw new IntentUnknown(intentId);
      return work(tx);
    });
  }
}

interface IntentEventRow {
  readonly anchor: string;
  readonly size: bigint;
  readonly now_ms: bigint;
}

async function remember(
  tx: Sql,
  lease: Lease,
  move: {
    readonly intentId: string;
    readonly attempt?: number;
    readonly from?: string;
    readonly to: string;
    readonly detail?: string;
  },
): Promise<void> {
  await tx.query(
    `INSERT INTO anchor_history (intent_id, attempt, from_state, to_state, detail, fence)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [
      move.intentId,
      move.attempt ?? null,
      move.from ?? null,
      move.to,
      move.detail ?? null,
      lease.fence,
    ],
  );
}
