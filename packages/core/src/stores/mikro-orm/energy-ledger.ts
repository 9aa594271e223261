import { overcommitted, sameHold } from '../../energy-ledger/hold-capacity.js';
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
    readonly fromMs?: number;
    readonly toMs?: number;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly AccountStatement[]; readonly cursor?: string }> {
    const behind = query.cursor === undefined ? undefined : readStatementCursor(query.cursor);
    const rows = await this.sql.query<AccountRow>(
      `SELECT ${ACCOUNT_COLUMNS} FROM energy_account a WHERE meter_id = $1
         AND starts_ms >= $2 AND starts_ms < $3
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
  const { key, meterId, startsMs, endsMs, energyUWh, accountId } = request;
  // The lock comes first and alone: the next statement's snapshot must see what its last holder wrote.
  await tx.query('SELECT FROM meter WHERE meter_id = $1 FOR UPDATE', [meterId]);
  const [meter] = await tx.query<MeterFacts>(
    `SELECT m.state, m.minting_suspended, m.rating_w, (SELECT o.account_id FROM meter_ownership o
       WHERE o.meter_id = m.meter_id AND o.span @> int8range($2, $3)) AS account_id
     FROM meter m WHERE m.meter_id = $1`,
    [meterId, startsMs, endsMs],
  );
  const refused = (
    code: Extract<HoldOutcome, { kind: 'refused' }>['code'],
    detail: string,
  ): HoldOutcome => ({ kind: 'refused', code, detail });
  if (meter === undefined) return refused('meter_unknown', `there is no meter ${meterId}`);
  const owner = meter.account_id;
  if (owner === null || (accountId !== undefined && owner !== accountId))
    return refused('not_owner', `there is no meter ${meterId} of this account in all this time`);
  const [known] = await tx.query<HoldRow>(
    `SELECT ${HOLD_COLUMNS} FROM energy_hold h WHERE key = $1`,
    [key],
  );
  if (known !== undefined)
    return sameHold(holdOf(known), request)
      ? { kind: 'held', existing: true }
      : refused('key_conflict', `the key ${key} holds something else`);
  if (meter.state !== 'active') return refused('frozen', `the meter is ${meter.state}`);
  if (meter.minting_suspended !== null) return refused('frozen', 'minting is suspended');
  if (meter.rating_w === null)
    return refused('rating_unknown', 'the meter states no rated power, so nothing can be promised');
  const measured = await tx.query(
    `SELECT 1 FROM energy_account WHERE meter_id = $1 AND class = $2 AND starts_ms < $4 AND ends_ms > $3 AND credited > 0 LIMIT 1`,
    [meterId, request.class, startsMs, endsMs],
  );
  if (measured.length > 0)
    return refused('already_measured', 'part of this time is measured already: claim it instead');
  // Holds that do not overlap, even by way of others, cannot matter; all open ones of a meter are few.
  const open = await tx.query<HoldRow>(
    `SELECT ${HOLD_COLUMNS} FROM energy_hold h WHERE open AND meter_id = $1 AND class = $2`,
    [meterId, request.class],
  );
  const over = overcommitted(
    [...open.map(holdOf), { startsMs, endsMs, energyUWh }],
    meter.rating_w,
    share,
  );
  if (over !== undefined)
    return refused(
      'insufficient',
      `${over.promisedUWh} µWh would be promised from ${over.startsMs} to ${over.endsMs}, where the meter can deliver ${over.deliverableUWh} µWh`,
    );
  const inserted = await tx.query(
    `INSERT INTO energy_hold (key, meter_id, class, starts_ms, ends_ms, account_id, amount)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (key) DO NOTHING RETURNING key`,
    [key, meterId, request.class, startsMs, endsMs, owner, energyUWh],
  );
  return inserted.length > 0
    ? { kind: 'held', existing: false }
    : refused('key_conflict', `the key ${key} holds energy of another meter`);
}
