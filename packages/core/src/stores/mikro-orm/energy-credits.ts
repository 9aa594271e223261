import { accountName } from '../../energy-ledger/decide-claims.js';
import {
  type CreditDecision,
  decideClosing,
  decideCredit,
  type MeasuredRegister,
} from '../../energy-ledger/decide-credit.js';
import type {
  ClassesOf,
  CreditedEntry,
  SayClaims,
  StoredHold,
} from '../../energy-ledger/energy.store.js';
import type { Assurance } from '../../logs/verdict.js';
import { writeClaims } from './energy-claims.js';
import {
  ACCOUNT_COLUMNS,
  accountOf,
  type AccountRow,
  HOLD_COLUMNS,
  holdOf,
  type HoldRow,
  inKeyOrder,
  keyColumns,
  writeAccounts,
  writeHolds,
} from './energy-rows.js';
import { entryIdOf, hexOf } from './entry-id.js';
import { meterRegisterSql } from './meter-register.js';
import { moveMinted } from './minted-readings.js';
import type { Sql } from './sql.js';
import type { WriteJournal } from './sql-changes.js';
import { column } from './sql-column.js';

interface MeasuredRow {
  readonly entry_id: string;
  readonly account_id: string;
  readonly meter_id: string;
  readonly register: string;
  readonly starts_ms: bigint;
  readonly ends_ms: bigint;
  readonly energy_uwh: bigint;
  readonly assurance: Assurance;
  readonly counts: boolean;
  readonly frozen: boolean;
}

/** One transaction: what the log says of these readings now, and the accounts brought to it. */
export async function creditGroup(
  tx: Sql,
  journal: WriteJournal,
  entries: readonly CreditedEntry[],
  classesOf: ClassesOf,
  say: SayClaims,
): Promise<void> {
  await oneCreditorAtATime(tx);
  const measured = (await readMeasured(tx, entries)).filter(
    ({ meterId, register, counts }) => !counts || classesOf(meterId, register).length > 0,
  );
  if (measured.length === 0) return;
  const holds = await lockHolds(tx, [...new Set(measured.map(({ meterId }) => meterId))]);
  const rows = await lockAccounts(tx, measured);
  const decision = decideCredit(measured, classesOf, rows.map(accountOf), holds);
  await write(tx, journal, decision, say);
  await moveMinted(tx, rows, decision.accounts);
}

/** "watt" and "cred" in ASCII. */
const CREDIT_LOCK = 0x7761_7474_6372_6564n;

/**
 * Held until the transaction ends by whoever brings accounts to what readings say, or forgets readings. A creditor that
 * lost its lease is still at work: what it has read of readings, and of accounts that do not exist yet, must hold until it has written.
 */
export async function oneCreditorAtATime(tx: Sql): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock($1)::text', [CREDIT_LOCK]);
}

/** Ends a hold, and lets it take first what is free within its interval. */
export async function closeHold(
  tx: Sql,
  journal: WriteJournal,
  key: string,
  how: 'settle' | 'release',
  say: SayClaims,
): Promise<StoredHold | undefined> {
  const [row] = await tx.query<HoldRow>(
    `SELECT ${HOLD_COLUMNS} FROM energy_hold h WHERE key = $1 FOR UPDATE`,
    [key],
  );
  if (row === undefined) return undefined;
  const hold = holdOf(row);
  if (hold.state === 'closed') return hold;
  const rows =
    how === 'release'
      ? []
      : await tx.query<AccountRow>(
          `SELECT ${ACCOUNT_COLUMNS} FROM energy_account a WHERE meter_id = $1 AND class = $2
             AND starts_ms >= $3 AND ends_ms <= $4 ORDER BY id FOR UPDATE`,
          [hold.meterId, hold.class, hold.startsMs, hold.endsMs],
        );
  const decision = decideClosing(hold, rows.map(accountOf));
  await write(tx, journal, decision, say);
  return decision.holds[0];
}

async function write(
  tx: Sql,
  journal: WriteJournal,
  { accounts, holds, claims, shortfalls }: CreditDecision,
  say: SayClaims,
): Promise<void> {
  const claimed = claimedBy(claims);
  // What holds took is added by `writeClaims`, together with the claims themselves.
  await writeAccounts(
    tx,
    accounts.map((account) => {
      const taken = claimed.get(accountName(account)) ?? 0n;
      return { ...account, claimedUWh: account.claimedUWh - taken };
    }),
  );
  await writeHolds(tx, holds);
  if (claims.length === 0 && shortfalls.length === 0) return;
  const said = say(claims, shortfalls);
  const lines = inKeyOrder(claims.flatMap(({ lines: own }) => own));
  const rows = await tx.query<AccountRow>(
    `SELECT ${ACCOUNT_COLUMNS} FROM energy_account a
     JOIN unnest($1::text[], $2::int8[], $3::text[], $4::text[]) AS k (meter_id, starts_ms, register, class)
       USING (meter_id, starts_ms, register, class)`,
    keyColumns(lines),
  );
  const ids = new Map(rows.map((row) => [accountName(accountOf(row)), row.id]));
  await writeClaims(
    tx,
    claims.map((claim, at) => ({ claim, entryId: said.rows[at]!.id })),
    ids,
  );
  await journal(said);
}

function claimedBy(claims: CreditDecision['claims']): ReadonlyMap<string, bigint> {
  const claimed = new Map<string, bigint>();
  for (const { lines } of claims)
    for (const line of lines) {
      const name = accountName(line);
      claimed.set(name, (claimed.get(name) ?? 0n) + line.energyUWh);
    }
  return claimed;
}

/** The registers of these readings, and of those they replaced. The meters are share-locked: none is suspended meanwhile. */
async function readMeasured(
  tx: Sql,
  entries: readonly CreditedEntry[],
): Promise<readonly MeasuredRegister[]> {
  const replaced = entries.flatMap(({ supersedes }) => supersedes ?? []);
  const ids = [
    ...entries.map(({ entryId }) => hexOf(entryId)),
    ...(replaced.length === 0 ? [] : await entriesOf(tx, replaced)),
  ];
  // The lock comes first and alone: the next statement's snapshot must see what its last holder wrote.
  const meters = await tx.query<{ handed_over: boolean }>(
    `SELECT handed_over FROM meter WHERE meter_id IN (SELECT meter_id FROM entry WHERE id = ANY($1::uuid[]))
     ORDER BY meter_id FOR SHARE`,
    [ids],
    { prepare: 'wattproof_share_metered' },
  );
  // A reading may have been judged before its meter changed hands, and committed after.
  if (meters.some(({ handed_over: changed }) => changed))
    await tx.query(
      `UPDATE entry e SET account_id = o.account_id FROM meter_ownership o
       WHERE e.id = ANY($1::uuid[]) AND o.meter_id = e.meter_id AND o.span @> e.starts_ms
         AND e.account_id <> o.account_id
         AND e.account_id IN (SELECT account_id FROM meter_ownership WHERE meter_id = e.meter_id)`,
      [ids],
    );
  const rows = await tx.query<MeasuredRow>(
    `SELECT e.id AS entry_id, e.account_id, e.meter_id, r.register, e.starts_ms, e.ends_ms, r.energy_uwh,
       coalesce(m.state = 'suspended' OR m.minting_suspended IS NOT NULL, false) AS frozen, v.assurance,
       EXISTS (SELECT FROM reading_interval i WHERE i.meter_register = ${meterRegisterSql('r')} AND i.entry_id = e.id
         AND i.span @> e.starts_ms) AS counts
     FROM entry e JOIN reading r ON r.entry_id = e.id LEFT JOIN meter m ON m.meter_id = e.meter_id
     CROSS JOIN LATERAL (SELECT assurance FROM verdict WHERE entry_id = e.id ORDER BY group_id DESC LIMIT 1) v
     WHERE e.id = ANY($1::uuid[])`,
    [ids],
    { prepare: 'wattproof_read_measured' },
  );
  return rows.map((row) => ({
    entryId: entryIdOf(row.entry_id),
    accountId: row.account_id,
    meterId: row.meter_id,
    register: row.register,
    startsMs: Number(row.starts_ms),
    endsMs: Number(row.ends_ms),
    energyUWh: row.energy_uwh,
    assurance: row.assurance,
    counts: row.counts,
    frozen: row.frozen,
  }));
}

async function entriesOf(tx: Sql, hashes: readonly string[]): Promise<readonly string[]> {
  const rows = await tx.query<{ entry_id: string }>(
    'SELECT entry_id FROM entry_body WHERE log_id = 1 AND log_hash = ANY($1::bytea[])',
    [hashes.map((one) => Buffer.from(one, 'hex'))],
  );
  return rows.map(({ entry_id: id }) => id.replaceAll('-', ''));
}

async function lockHolds(tx: Sql, meterIds: readonly string[]): Promise<readonly StoredHold[]> {
  const rows = await tx.query<HoldRow>(
    `SELECT ${HOLD_COLUMNS} FROM energy_hold h WHERE open AND meter_id = ANY($1::text[]) ORDER BY id FOR UPDATE`,
    [meterIds],
    { prepare: 'wattproof_lock_energy_holds' },
  );
  return rows.map(holdOf);
}

/** The accounts these readings credit, those they had credited before, and those that lack something within their time. */
async function lockAccounts(
  tx: Sql,
  measured: readonly MeasuredRegister[],
): Promise<readonly AccountRow[]> {
  return tx.query<AccountRow>(
    `SELECT ${ACCOUNT_COLUMNS} FROM energy_account a WHERE a.id IN (
       SELECT o.id FROM unnest($1::text[], $2::text[], $3::int8[]) AS k (meter_id, register, starts_ms)
         JOIN energy_account o USING (meter_id, starts_ms, register)
       UNION SELECT o.id FROM energy_account o WHERE o.entry_id = ANY($4::uuid[])
       UNION SELECT o.id FROM unnest($1::text[], $2::text[], $3::int8[], $5::int8[]) AS k (meter_id, register, starts_ms, ends_ms)
         JOIN energy_account o ON o.shortfall > 0 AND o.meter_id = k.meter_id AND o.register = k.register
           AND o.starts_ms < k.ends_ms AND o.ends_ms > k.starts_ms)
     ORDER BY a.id FOR UPDATE`,
    [
      column(measured, ({ meterId }) => meterId),
      column(measured, ({ register }) => register),
      column(measured, ({ startsMs }) => startsMs),
      column(measured, ({ entryId }) => hexOf(entryId)),
      column(measured, ({ endsMs }) => endsMs),
    ],
    { prepare: 'wattproof_lock_credited' },
  );
}
