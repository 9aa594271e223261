import { hash } from 'node:crypto';
import {
  accountName,
  decideClaims,
  requestText,
  wantsOf,
} from '../../energy-ledger/decide-claims.js';
import type {
  AcceptedClaim,
  ClaimOutcome,
  ClaimRequest,
  EnergyAccount,
  SayClaims,
} from '../../energy-ledger/energy.store.js';
import type { Assurance } from '../../logs/verdict.js';
import {
  ACCOUNT_COLUMNS,
  accountOf,
  type AccountRow,
  inKeyOrder,
  keyColumns,
} from './energy-rows.js';
import { entryIdOf, hexOf } from './entry-id.js';
import type { Sql } from './sql.js';
import type { WriteJournal } from './sql-changes.js';
import { column } from './sql-column.js';

interface OperationRow {
  readonly purpose: string;
  readonly key: string;
  readonly request: Uint8Array;
  readonly entry_id: string | null;
}

/**
 * Claims of one group in one transaction. Operations are taken in the order of their keys and accounts locked in the order of
 * their ids, by every writer; then the group is decided in memory, as if each request had come alone.
 */
export async function claimGroup(
  tx: Sql,
  journal: WriteJournal,
  requests: readonly ClaimRequest[],
  minAssurance: Assurance,
  say: SayClaims,
): Promise<readonly ClaimOutcome[]> {
  const digests = requests.map((request) => hash('sha256', requestText(request), 'hex'));
  const names = requests.map(operationName);
  const before = await takeOperations(tx, requests, digests);
  // Of equal keys in one group the first is decided, the others are answered as if they came later.
  const first = new Map(names.map((name, place) => [name, place] as const).toReversed());
  const fresh = requests.filter(
    (_, place) => first.get(names[place]!) === place && !before.has(names[place]!),
  );
  const accounts = await lockAccounts(tx, fresh);
  const ids = new Map([...accounts].map(([name, { id }]) => [name, id]));
  const balances = new Map([...accounts].map(([name, { account }]) => [name, account]));
  const decisions = decideClaims(fresh, balances, minAssurance);
  const accepted = decisions.flatMap((one) => (one.kind === 'accepted' ? [one.claim] : []));
  const said = say(accepted);
  const entries = said.rows.map(({ id }) => id);
  await writeClaims(tx, accepted, entries, ids);
  await dropOperations(
    tx,
    fresh.filter((_, at) => decisions[at]?.kind === 'refused'),
  );
  await journal(said);
  const decided = new Map<string, ClaimOutcome>();
  let entry = 0;
  fresh.forEach((request, at) => {
    const decision = decisions[at]!;
    decided.set(
      operationName(request),
      decision.kind === 'refused'
        ? decision
        : { kind: 'claimed', entryId: entries[entry++]!, existing: false },
    );
  });
  return requests.map((_, place) => {
    const name = names[place]!;
    const known = before.get(name);
    if (known !== undefined) return repeated(known.entryId, known.request === digests[place]);
    const outcome = decided.get(name)!;
    const at = first.get(name)!;
    if (at === place || outcome.kind !== 'claimed') return outcome;
    return repeated(outcome.entryId, digests[at] === digests[place]);
  });
}

function repeated(entryId: string, same: boolean): ClaimOutcome {
  return same ? { kind: 'claimed', entryId, existing: true } : { kind: 'key_conflict', entryId };
}

function operationName({ purpose, key }: { readonly purpose: string; readonly key: string }) {
  return `${purpose}\0${key}`;
}

/** Takes the operations' keys; those that another transaction had taken before are given back with what it did. */
async function takeOperations(
  tx: Sql,
  requests: readonly ClaimRequest[],
  digests: readonly string[],
): Promise<ReadonlyMap<string, { readonly request: string; readonly entryId: string }>> {
  const wanted = [
    ...new Map(
      requests
        .map((request, place) => [operationName(request), { request, place }])
        .toReversed() as [string, { request: ClaimRequest; place: number }][],
    ),
  ]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, one]) => one);
  const columns = [
    column(wanted, ({ request }) => request.purpose),
    column(wanted, ({ request }) => request.key),
  ];
  const taken = await tx.query<{ purpose: string; key: string }>(
    `INSERT INTO energy_operation (purpose, key, request)
     SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])
     ON CONFLICT DO NOTHING RETURNING purpose, key`,
    [...columns, column(wanted, ({ place }) => Buffer.from(digests[place]!, 'hex'))],
    { prepare: 'wattproof_take_energy_operations' },
  );
  if (taken.length === wanted.length) return new Map();
  const own = new Set(taken.map(operationName));
  const known = await tx.query<OperationRow>(
    `SELECT o.purpose, o.key, o.request, o.entry_id FROM energy_operation o
     JOIN unnest($1::text[], $2::text[]) AS k (purpose, key) USING (purpose, key)`,
    columns,
  );
  return new Map(
    known
      .filter((row) => !own.has(operationName(row)))
      .map((row) => [
        operationName(row),
        {
          request: Buffer.from(row.request).toString('hex'),
          entryId: row.entry_id === null ? '' : entryIdOf(row.entry_id),
        },
      ]),
  );
}

async function lockAccounts(
  tx: Sql,
  requests: readonly ClaimRequest[],
): Promise<ReadonlyMap<string, { readonly id: bigint; readonly account: EnergyAccount }>> {
  const keys = new Map(
    requests.flatMap((request) =>
      [...wantsOf(request)].map(([name, want]) => [name, want.account]),
    ),
  );
  if (keys.size === 0) return new Map();
  const rows = await tx.query<AccountRow>(
    `SELECT ${ACCOUNT_COLUMNS} FROM energy_account a
     JOIN unnest($1::text[], $2::int8[], $3::text[], $4::text[]) AS k (meter_id, starts_ms, register, class)
       USING (meter_id, starts_ms, register, class)
     ORDER BY a.id FOR UPDATE OF a`,
    keyColumns(inKeyOrder([...keys.values()])),
    { prepare: 'wattproof_lock_energy_accounts' },
  );
  return new Map(
    rows.map((row) => {
      const account = accountOf(row);
      return [accountName(account), { id: row.id, account }];
    }),
  );
}

/** Adds claims to their accounts' balances and to the list of claims. `entries`: the log entry of each. */
export async function writeClaims(
  tx: Sql,
  claims: readonly AcceptedClaim[],
  entries: readonly string[],
  ids: ReadonlyMap<string, bigint>,
): Promise<void> {
  if (claims.length === 0) return;
  const lines = claims.flatMap(({ purpose, key, lines: own }, at) =>
    own.map((line) => ({
      purpose,
      key,
      entry: hexOf(entries[at]!),
      account: ids.get(accountName(line))!,
      energyUWh: line.energyUWh,
    })),
  );
  await tx.query(
    `WITH k AS (
       SELECT * FROM unnest($1::int8[], $2::text[], $3::text[], $4::int8[], $5::uuid[])
         AS k (account, purpose, key, amount, entry_id)),
     added AS (
       INSERT INTO energy_claim (account, purpose, key, amount, entry_id) SELECT * FROM k),
     operations AS (
       UPDATE energy_operation o SET entry_id = k.entry_id FROM k WHERE o.purpose = k.purpose AND o.key = k.key)
     UPDATE energy_account a SET claimed = a.claimed + s.amount
     FROM (SELECT account, sum(amount)::int8 AS amount FROM k GROUP BY account) s WHERE a.id = s.account`,
    [
      column(lines, ({ account }) => account),
      column(lines, ({ purpose }) => purpose),
      column(lines, ({ key }) => key),
      column(lines, ({ energyUWh }) => energyUWh),
      column(lines, ({ entry }) => entry),
    ],
    { prepare: 'wattproof_write_energy_claims' },
  );
}

/** What was refused may be asked again with the same key. */
async function dropOperations(tx: Sql, refused: readonly ClaimRequest[]): Promise<void> {
  if (refused.length === 0) return;
  await tx.query(
    `DELETE FROM energy_operation o USING unnest($1::text[], $2::text[]) AS k (purpose, key)
     WHERE o.purpose = k.purpose AND o.key = k.key`,
    [column(refused, ({ purpose }) => purpose), column(refused, ({ key }) => key)],
  );
}
