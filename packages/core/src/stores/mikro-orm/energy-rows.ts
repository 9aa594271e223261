import type { EnergyClass } from '../../energy-ledger/energy-class.js';
import type { AccountKey, EnergyAccount, StoredHold } from '../../energy-ledger/energy.store.js';
import type { Assurance } from '../../logs/verdict.js';
import { entryIdOf, hexOf } from './entry-id.js';
import type { Sql } from './sql.js';
import { column } from './sql-column.js';

/** Columns of `energy_account a`, as `AccountRow` names them. */
export const ACCOUNT_COLUMNS = `a.id, a.meter_id, a.register, a.class, a.starts_ms, a.ends_ms, a.account_id, a.entry_id,
  a.assurance, a.credited, a.claimed, a.shortfall, a.frozen, a.minted`;

export interface AccountRow {
  readonly id: bigint;
  readonly meter_id: string;
  readonly register: string;
  readonly class: EnergyClass;
  readonly starts_ms: bigint;
  readonly ends_ms: bigint;
  readonly account_id: string;
  readonly entry_id: string;
  readonly assurance: Assurance;
  readonly credited: bigint;
  readonly claimed: bigint;
  readonly shortfall: bigint;
  readonly frozen: boolean;
  /** Whether a token claims some of it. */
  readonly minted: boolean;
}

export function accountOf(row: AccountRow): EnergyAccount {
  return {
    meterId: row.meter_id,
    register: row.register,
    class: row.class,
    startsMs: Number(row.starts_ms),
    endsMs: Number(row.ends_ms),
    accountId: row.account_id,
    entryId: entryIdOf(row.entry_id),
    assurance: row.assurance,
    creditedUWh: row.credited,
    claimedUWh: row.claimed,
    shortfallUWh: row.shortfall,
    frozen: row.frozen,
  };
}

/** Account keys as the columns of `unnest($1::text[], $2::int8[], $3::text[], $4::text[])`. */
export function keyColumns(keys: readonly AccountKey[]) {
  return [
    column(keys, ({ meterId }) => meterId),
    column(keys, ({ startsMs }) => startsMs),
    column(keys, ({ register }) => register),
    column(keys, (key) => key.class),
  ];
}

/** The one order in which account rows are inserted: that of their unique index. */
export function inKeyOrder<T extends AccountKey>(keys: readonly T[]): readonly T[] {
  return keys.toSorted(
    (a, b) =>
      compare(a.meterId, b.meterId) ||
      a.startsMs - b.startsMs ||
      compare(a.register, b.register) ||
      compare(a.class, b.class),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Writes accounts as they are to be. New ones are inserted, in one order. */
export async function writeAccounts(tx: Sql, accounts: readonly EnergyAccount[]): Promise<void> {
  if (accounts.length === 0) return;
  const sorted = inKeyOrder(accounts);
  await tx.query(
    `INSERT INTO energy_account AS a (meter_id, starts_ms, register, class, ends_ms, account_id, entry_id, assurance,
       credited, claimed, shortfall, frozen, arrival)
     SELECT k.*, (SELECT arrival FROM entry WHERE id = k.entry_id)
     FROM unnest($1::text[], $2::int8[], $3::text[], $4::text[], $5::int8[], $6::text[], $7::uuid[], $8::text[],
       $9::int8[], $10::int8[], $11::int8[], $12::bool[]) AS k (meter_id, starts_ms, register, class, ends_ms, account_id,
       entry_id, assurance, credited, claimed, shortfall, frozen)
     ON CONFLICT (meter_id, starts_ms, register, class) DO UPDATE SET ends_ms = excluded.ends_ms,
       account_id = excluded.account_id, entry_id = excluded.entry_id, assurance = excluded.assurance,
       credited = excluded.credited, claimed = excluded.claimed, shortfall = excluded.shortfall, frozen = excluded.frozen,
       arrival = excluded.arrival`,
    [
      ...keyColumns(sorted),
      column(sorted, ({ endsMs }) => endsMs),
      column(sorted, ({ accountId }) => accountId),
      column(sorted, ({ entryId }) => hexOf(entryId)),
      column(sorted, ({ assurance }) => assurance),
      column(sorted, ({ creditedUWh }) => creditedUWh),
      column(sorted, ({ claimedUWh }) => claimedUWh),
      column(sorted, ({ shortfallUWh }) => shortfallUWh),
      column(sorted, ({ frozen }) => frozen),
    ],
    { prepare: 'wattproof_write_energy_accounts' },
  );
}

export const HOLD_COLUMNS =
  'h.key, h.meter_id, h.class, h.starts_ms, h.ends_ms, h.account_id, h.amount, h.claimed, h.open';

export interface HoldRow {
  readonly key: string;
  readonly meter_id: string;
  readonly class: EnergyClass;
  readonly starts_ms: bigint;
  readonly ends_ms: bigint;
  readonly account_id: string;
  readonly amount: bigint;
  readonly claimed: bigint;
  readonly open: boolean;
}

export function holdOf(row: HoldRow): StoredHold {
  return {
    key: row.key,
    meterId: row.meter_id,
    class: row.class,
    startsMs: Number(row.starts_ms),
    endsMs: Number(row.ends_ms),
    accountId: row.account_id,
    energyUWh: row.amount,
    state: row.open ? 'open' : 'closed',
    claimedUWh: row.claimed,
  };
}

export async function writeHolds(tx: Sql, holds: readonly StoredHold[]): Promise<void> {
  if (holds.length === 0) return;
  await tx.query(
    `UPDATE energy_hold h SET claimed = k.claimed, open = k.open
     FROM unnest($1::text[], $2::int8[], $3::bool[]) AS k (key, claimed, open) WHERE h.key = k.key`,
    [
      column(holds, ({ key }) => key),
      column(holds, ({ claimedUWh }) => claimedUWh),
      column(holds, ({ state }) => state === 'open'),
    ],
  );
}
