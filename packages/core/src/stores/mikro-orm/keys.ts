import type {
  KeyChange,
  KeyRecovery,
  KeyScene,
  KeyStore,
  SequenceGapQuery,
  SequenceGaps,
} from '../../devices/key.store.js';
import type { MeterKey } from '../../devices/meter.store.js';
import { numberCursor, page, readNumberCursor } from '../list-cursor.js';
import { writeKey } from './meter-key-rows.js';
import { countChange, lockMeter } from './meter-rows.js';
import type { Sql } from './sql.js';
import type { SqlChanges } from './sql-changes.js';

interface RecoveryRow {
  readonly id: string;
  readonly arrival: bigint;
  readonly meter_id: string;
  readonly account_id: string;
  readonly asked_by: string;
  readonly key_id: string;
  readonly alg: MeterKey['alg'];
  readonly public_key: Uint8Array;
  readonly epoch: bigint;
  readonly reason: string;
  readonly asked_at_ms: bigint;
  readonly expires_at_ms: bigint;
  readonly state: KeyRecovery['state'];
  readonly decided_by: string | null;
  readonly decided_at_ms: bigint | null;
}

const COLUMNS =
  'id, arrival, meter_id, account_id, asked_by, key_id, alg, public_key, epoch, reason, asked_at_ms, expires_at_ms, state, decided_by, decided_at_ms';

export class SqlKeys implements KeyStore {
  constructor(
    private readonly sql: Sql,
    private readonly changes: SqlChanges,
  ) {}

  change(
    meterId: string,
    decide: (scene: KeyScene) => KeyChange | undefined,
  ): Promise<KeyChange | undefined> {
    return this.changes.run(async (tx, journal) => {
      // Before any row: whoever writes readings takes its side of this lock first, too.
      await tx.query('SELECT hold_keys_still()');
      const meter = await lockMeter(tx, meterId);
      if (meter === undefined) return undefined;
      const [open] = await tx.query<RecoveryRow>(
        `SELECT ${COLUMNS} FROM key_recovery WHERE meter_id = $1 AND state = 'open'`,
        [meterId],
      );
      const change = decide({
        meter,
        ...(open === undefined ? {} : { recovery: recoveryOf(open) }),
      });
      if (change === undefined) return undefined;
      for (const recovery of change.recoveries ?? []) await writeRecovery(tx, recovery);
      if (change.keys !== undefined) {
        for (const [place, key] of change.keys.entries()) await writeKey(tx, meterId, place, key);
        await countChange(tx);
      }
      await journal(change.said);
      return change;
    });
  }

  async recoveries(
    query: Parameters<KeyStore['recoveries']>[0],
  ): Promise<{ readonly items: readonly KeyRecovery[]; readonly cursor?: string }> {
    const before = query.cursor === undefined ? null : readNumberCursor(query.cursor);
    const found = await this.sql.query<RecoveryRow>(
      `SELECT ${COLUMNS} FROM key_recovery
       WHERE ($1::int8 IS NULL OR arrival < $1::int8) AND ($2::text IS NULL OR state = $2::text)
         AND ($3::text IS NULL OR account_id = $3::text) AND ($4::text IS NULL OR meter_id = $4::text)
       ORDER BY arrival DESC LIMIT $5`,
      [
        before,
        query.state ?? null,
        query.accountId ?? null,
        query.meterId ?? null,
        query.limit + 1,
      ],
    );
    const { items, ...rest } = page(found, query.limit, ({ arrival }) => numberCursor(arrival));
    return { items: items.map(recoveryOf), ...rest };
  }

  /** Reads the primary key of the sequences of one key from `behind` on, and nothing else. */
  async sequenceGaps({ device, epoch, behind, limit }: SequenceGapQuery): Promise<SequenceGaps> {
    const [bounds] = await this.sql.query<{
      lowest: bigint | null;
      highest: bigint | null;
      seen: bigint;
    }>(
      `SELECT min(number) AS lowest, max(number) AS highest, count(*) AS seen
       FROM reading_sequence WHERE device = $1 AND epoch = $2`,
      [device, epoch],
    );
    const rows = await this.sql.query<{ number: bigint; next: bigint }>(
      `SELECT number, next FROM (
         SELECT number, lead(number) OVER (ORDER BY number) AS next FROM reading_sequence
         WHERE device = $1 AND epoch = $2 AND ($3::int8 IS NULL OR number >= $3::int8)) AS pairs
       WHERE next > number + 1 ORDER BY number LIMIT $4`,
      [device, epoch, behind ?? null, limit + 1],
    );
    const { lowest = null, highest = null, seen = 0n } = bounds ?? {};
    return {
      ...(lowest === null ? {} : { lowest }),
      ...(highest === null ? {} : { highest }),
      seen,
      items: rows
        .slice(0, limit)
        .map(({ number, next }) => ({ first: number + 1n, last: next - 1n })),
      more: rows.length > limit,
    };
  }

  async missing(newest: number): Promise<{ readonly keys: number; readonly numbers: bigint }> {
    // The end of the primary key of each key, and nothing else. One key may speak for several meters.
    const [row] = await this.sql.query<{ keys: bigint; numbers: bigint }>(
      `SELECT count(*) AS keys, least(coalesce(sum(n.missing), 0), 9223372036854775807)::int8 AS numbers
       FROM (SELECT DISTINCT encode(sha256(public_key), 'hex') AS device, epoch FROM meter_key) k
       CROSS JOIN LATERAL (
         SELECT max(number)::numeric - min(number) + 1 - count(*) AS missing
         FROM (SELECT number FROM reading_sequence s WHERE s.device = k.device AND s.epoch = k.epoch
               ORDER BY number DESC LIMIT $1) newest) n
       WHERE n.missing > 0`,
      [newest],
    );
    return { keys: Number(row?.keys ?? 0n), numbers: row?.numbers ?? 0n };
  }
}

async function writeRecovery(tx: Sql, recovery: KeyRecovery): Promise<void> {
  const { key } = recovery;
  await tx.query(
    `INSERT INTO key_recovery (id, meter_id, account_id, asked_by, key_id, alg, public_key, epoch, reason, asked_at_ms,
       expires_at_ms, state, decided_by, decided_at_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
     ON CONFLICT (id) DO UPDATE SET state = $12, decided_by = $13, decided_at_ms = $14`,
    [
      recovery.id,
      recovery.meterId,
      recovery.accountId,
      recovery.askedBy,
      key.keyId,
      key.alg,
      key.publicKey,
      recovery.epoch,
      recovery.reason,
      recovery.askedAtMs,
      recovery.expiresAtMs,
      recovery.state,
      recovery.decidedBy ?? null,
      recovery.decidedAtMs ?? null,
    ],
  );
}

function recoveryOf(row: RecoveryRow): KeyRecovery {
  return {
    id: row.id,
    meterId: row.meter_id,
    accountId: row.account_id,
    askedBy: row.asked_by,
    key: { keyId: row.key_id, alg: row.alg, publicKey: row.public_key },
    epoch: Number(row.epoch),
    reason: row.reason,
    askedAtMs: Number(row.asked_at_ms),
    expiresAtMs: Number(row.expires_at_ms),
    state: row.state,
    ...(row.decided_by === null ? {} : { decidedBy: row.decided_by }),
    ...(row.decided_at_ms === null ? {} : { decidedAtMs: Number(row.decided_at_ms) }),
  };
}
