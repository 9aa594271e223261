import { decideHold, type HoldFacts } from '../../energy-ledger/decide-hold.js';
import type {
  AccountStatement,
  ClaimOutcome,
  ClaimRequest,
  ClassesOf,
  CreditedEntry,
  EnergyStore,
  EnergyTotals,
  HoldOutcome,
  HoldRequest,
  SayClaims,
  StoredHold,
} from '../../energy-ledger/energy.store.js';
import type { EnergyClass, Purpose } from '../../energy-ledger/energy-class.js';
import type { Assurance } from '../../logs/verdict.js';
import { readStatementCursor, statementCursor } from '../energy-cursor.js';
import { page } from '../list-cursor.js';
import { claimGroup } from './energy-claims.js';
import { closeHold, creditGroup } from './energy-credits.js';
import {
  ACCOUNT_COLUMNS,
  accountOf,
  type AccountRow,
  HOLD_COLUMNS,
  holdOf,
  type HoldRow,
} from './energy-rows.js';
import { entryIdOf } from './entry-id.js';
import type { Sql } from './sql.js';
import type { SqlChanges } from './sql-changes.js';
import { column } from './sql-column.js';

interface MeterFacts {
  /** Whose the meter is during the whole delivery interval; null when it changes hands within. */
  readonly account_id: string | null;
  readonly state: string;
  readonly minting_suspended: string | null;
  readonly rating_w: number | null;
}

export class SqlEnergy implements EnergyStore {
  constructor(
    private readonly sql: Sql,
    private readonly changes: SqlChanges,
  ) {}

  credit(entries: readonly CreditedEntry[], classesOf: ClassesOf, say: SayClaims): Promise<void> {
    return this.changes.run((tx, journal) => creditGroup(tx, journal, entries, classesOf, say));
  }

  claim(
    requests: readonly ClaimRequest[],
    minAssurance: Assurance,
    say: SayClaims,
  ): Promise<readonly ClaimOutcome[]> {
    return this.changes.run((tx, journal) => claimGroup(tx, journal, requests, minAssurance, say));
  }

  hold(request: HoldRequest, share: number): Promise<HoldOutcome> {
    return this.changes.run((tx) => holdOn(tx, request, share));
  }

  closeHold(
    key: string,
    how: 'settle' | 'release',
    say: SayClaims,
  ): Promise<StoredHold | undefined> {
    return this.changes.run((tx, journal) => closeHold(tx, journal, key, how, say));
  }

  async statements(query: {
    readonly meterId: string;
    readonly accountId?: string;
    readonly fromMs?: number;
    readonly toMs?: number;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly AccountStatement[]; readonly cursor?: string }> {
    const behind = query.cursor === undefined ? undefined : readStatementCursor(query.cursor);
    const rows = await this.sql.query<AccountRow>(
      `SELECT ${ACCOUNT_COLUMNS} FROM energy_account a WHERE meter_id = $1
         AND starts_ms >= $2 AND starts_ms < $3 AND ($8::text IS NULL OR account_id = $8::text)
         AND ($4::int8 IS NULL OR (starts_ms, register, class) > ($4::int8, $5::text, $6::text))
       ORDER BY starts_ms, register, class LIMIT $7`,
      [
        query.meterId,
        query.fromMs ?? Number.MIN_SAFE_INTEGER,
        query.toMs ?? Number.MAX_SAFE_INTEGER,
        behind?.startsMs ?? null,
        behind?.register ?? null,
        behind?.class ?? null,
        query.limit + 1,
        query.accountId ?? null,
      ],
    );
    const claims = await this.sql.query<{
      account: bigint;
      purpose: Purpose;
      key: string;
      amount: bigint;
      entry_id: string;
    }>(
      `SELECT account, purpose, key, amount, entry_id FROM energy_claim WHERE account = ANY($1::int8[]) ORDER BY id`,
      [column(rows, ({ id }) => id)],
    );
    const claimsOf = Map.groupBy(claims, ({ account }) => account);
    const items = rows.map((row) => ({
      ...accountOf(row),
      claims: (claimsOf.get(row.id) ?? []).map(({ purpose, key, amount, entry_id: entry }) => ({
        purpose,
        key,
        energyUWh: amount,
        entryId: entryIdOf(entry),
      })),
    }));
    return page(items, query.limit, statementCursor);
  }

  async openHolds(meterId: string): Promise<readonly StoredHold[]> {
    const rows = await this.sql.query<HoldRow>(
      `SELECT ${HOLD_COLUMNS} FROM energy_hold h WHERE open AND meter_id = $1 ORDER BY id`,
      [meterId],
    );
    return rows.map(holdOf);
  }

  async totals(query: {
    readonly accountId?: string;
    readonly meterId?: string;
  }): Promise<readonly EnergyTotals[]> {
    const rows = await this.sql.query<{
      class: EnergyClass;
      intervals: bigint;
      credited: bigint;
      claimed: bigint;
      shortfall: bigint;
    }>(
      `SELECT class, count(*) AS intervals, sum(credited)::int8 AS credited, sum(claimed)::int8 AS claimed,
         sum(shortfall)::int8 AS shortfall
       FROM energy_account WHERE ($1::text IS NULL OR account_id = $1) AND ($2::text IS NULL OR meter_id = $2)
       GROUP BY class ORDER BY class DESC`,
      [query.accountId ?? null, query.meterId ?? null],
    );
    return rows.map((row) => ({
      class: row.class,
      intervals: Number(row.intervals),
      creditedUWh: row.credited,
      claimedUWh: row.claimed,
      shortfallUWh: row.shortfall,
    }));
  }
}

/** The meter's row is locked: no credit and no other hold comes between looking and writing. */
async function holdOn(tx: Sql, request: HoldRequest, share: number): Promise<HoldOutcome> {
  const { key, meterId, startsMs, endsMs } = request;
  // The lock comes first and alone: the next statement's snapshot must see what its last holder wrote.
  await tx.query('SELECT FROM meter WHERE meter_id = $1 FOR UPDATE', [meterId]);
  const [meter] = await tx.query<MeterFacts>(
    `SELECT m.state, m.minting_suspended, m.rating_w, (SELECT o.account_id FROM meter_ownership o
       WHERE o.meter_id = m.meter_id AND o.span @> int8range($2, $3)) AS account_id
     FROM meter m WHERE m.meter_id = $1`,
    [meterId, startsMs, endsMs],
  );
  const [known] = await tx.query<HoldRow>(
    `SELECT ${HOLD_COLUMNS} FROM energy_hold h WHERE key = $1`,
    [key],
  );
  const measured = await tx.query(
    `SELECT 1 FROM energy_account WHERE meter_id = $1 AND class = $2 AND starts_ms < $4 AND ends_ms > $3 AND credited > 0 LIMIT 1`,
    [meterId, request.class, startsMs, endsMs],
  );
  const open = await tx.query<HoldRow>(
    `SELECT ${HOLD_COLUMNS} FROM energy_hold h WHERE open AND meter_id = $1 AND class = $2`,
    [meterId, request.class],
  );
  const decision = decideHold(
    request,
    {
      ...(meter === undefined ? {} : { meter: factsOf(meter) }),
      ...(known === undefined ? {} : { known: holdOf(known) }),
      measured: measured.length > 0,
      open: open.map(holdOf),
    },
    share,
  );
  if (decision.kind !== 'fresh') return decision;
  const inserted = await tx.query(
    `INSERT INTO energy_hold (key, meter_id, class, starts_ms, ends_ms, account_id, amount)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (key) DO NOTHING RETURNING key`,
    [key, meterId, request.class, startsMs, endsMs, decision.ownerId, request.energyUWh],
  );
  // Another meter's hold took the key meanwhile: this one's row is locked, that one's is not.
  return inserted.length > 0
    ? { kind: 'held', existing: false }
    : { kind: 'refused', code: 'key_conflict', detail: `the key ${key} holds something else` };
}

function factsOf(meter: MeterFacts): NonNullable<HoldFacts['meter']> {
  const { account_id: ownerId, rating_w: ratingW } = meter;
  return {
    ...(ownerId === null ? {} : { ownerId }),
    state: meter.state,
    mintingSuspended: meter.minting_suspended !== null,
    ...(ratingW === null ? {} : { ratingW }),
  };
}
