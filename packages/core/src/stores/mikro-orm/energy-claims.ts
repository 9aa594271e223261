import { hash } from 'node:crypto';
import {
  accountName,
  decideClaims,
  operationName,
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
import { markMinted, TOKENS } from './minted-readings.js';
import type { Sql } from './sql.js';
import type { WriteJournal } from './sql-changes.js';
import { column } from './sql-column.js';

const nameOf = (row: { readonly purpose: string; readonly key: string }): string =>
  operationName(row as ClaimRequest);

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
  const before = await takeOperations(tx, requests, digests);
  const fresh = [...requests.keys()].filter(
    (place) => !before.has(operationName(requests[place]!)),
  );
  const own = fresh.map((place) => requests[place]!);
  const accounts = await lockAccounts(tx, own);
  const ids = new Map([...accounts].map(([name, { id }]) => [name, id]));
  const balances = new Map([...accounts].map(([name, { account }]) => [name, account]));
  const decisions = decideClaims(own, balances, minAssurance);
  const accepted = decisions.flatMap((one, at) =>
    one.kind === 'accepted' ? [{ ...one, digest: digests[fresh[at]!]! }] : [],
  );
  const said = say(accepted.map(({ claim }) => claim));
  const written = accepted.map((one, at) => ({ ...one, entryId: said.rows[at]!.id }));
  await writeClaims(tx, written, ids);
  await markMinted(tx, newlyMinted(accepted, accounts));
  const taken = new Set(written.map(({ claim }) => operationName(claim)));
  await dropOperations(
    tx,
    own.filter((request) => !taken.has(operationName(request))),
  );
  await journal(said);
  const entries = new Map(written.map(({ claim, entryId }) => [claim, entryId]));
  const outcomes = new Map<number, ClaimOutcome>();
  decisions.forEach((decision, at) => {
    const place = fresh[at]!;
    if (decision.kind === 'refused') outcomes.set(place, decision);
    else if (decision.kind === 'accepted') {
      const entryId = entries.get(decision.claim)!;
      outcomes.set(place, { kind: 'claimed', entryId, existing: false });
    } else {
      const first = decisions[decision.of];
      const entryId = first?.kind === 'accepted' ? entries.get(first.claim)! : '';
      outcomes.set(place, repeated(entryId, digests[fresh[decision.of]!] === digests[place]));
    }
  });
  return requests.map((request, place) => {
    const known = before.get(operationName(request));
    return known === undefined
      ? outcomes.get(place)!
      : repeated(known.entryId, known.request === digests[place]);
  });
}

/** The readings of which no token claimed anything before. */
function newlyMinted(
  accepted: readonly { readonly claim: AcceptedClaim }[],
  accounts: Awaited<ReturnType<typeof lockAccounts>>,
): readonly string[] {
  return accepted
    .filter(({ claim }) => TOKENS.includes(claim.purpose))
    .flatMap(({ claim }) => claim.lines.map((line) => accounts.get(accountName(line))!))
    .filter(({ account, minted }) => account.class === 'energy' && !minted)
    .map(({ account }) => account.entryId);
}

function repeated(entryId: string, same: boolean): ClaimOutcome {
  return same ? { kind: 'claimed', entryId, existing: true } : { kind: 'key_conflict', entryId };
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
  const own = new Set(taken.map(nameOf));
  const known = await tx.query<OperationRow>(
    `SELECT o.purpose, o.key, o.request, o.entry_id FROM energy_operation o
     JOIN unnest($1::text[], $2::text[]) AS k (purpose, key) USING (purpose, key)`,
    columns,
  );
  return new Map(
    known
      .filter((row) => !own.has(nameOf(row)))
      .map((row) => [
        nameOf(row),
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
): Promise<
  ReadonlyMap<
    string,
    { readonly id: bigint; readonly account: EnergyAccount; readonly minted: boolean }
  >
> {
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
      return [accountName(account), { id: row.id, account, minted: row.minted }];
    }),
  );
}

/** A claim with the log entry that states it; `digest`: of its request, when it was asked for. */
export interface WrittenClaim {
  readonly claim: AcceptedClaim;
  readonly entryId: string;
  readonly digest?: string;
}

/** Adds claims to their accounts' balances and to the list of claims. */
export async function writeClaims(
  tx: Sql,
  claims: readonly WrittenClaim[],
  ids: ReadonlyMap<string, bigint>,
): Promise<void> {
  if (claims.length === 0) return;
  const lines = claims.flatMap(({ claim: { purpose, key, lines: own }, entryId, digest }) =>
    own.map((line) => ({
      purpose,
      key,
      entry: hexOf(entryId),
      request: digest === undefined ? null : Buffer.from(digest, 'hex'),
      account: ids.get(accountName(line))!,
      energyUWh: line.energyUWh,
    })),
  );
  await tx.query(
    `WITH k AS (
       SELECT * FROM unnest($1::int8[], $2::text[], $3::text[], $4::int8[], $5::uuid[], $6::bytea[])
         AS k (account, purpose, key, amount, entry_id, request)),
     added AS (
       INSERT INTO energy_claim (account, purpose, key, amount, entry_id)
       SELECT account, purpose, key, amount, entry_id FROM k),
     operations AS (
       UPDATE energy_operation o SET entry_id = k.entry_id, request = k.request FROM k
       WHERE o.purpose = k.purpose AND o.key = k.key AND k.request IS NOT NULL)
     UPDATE energy_account a SET claimed = a.claimed + s.amount, minted = a.minted OR (s.minted AND a.class = 'energy')
     FROM (SELECT account, sum(amount)::int8 AS amount, bool_or(purpose = ANY($7::text[])) AS minted
       FROM k GROUP BY account) s WHERE a.id = s.account`,
    [
      column(lines, ({ account }) => account),
      column(lines, ({ purpose }) => purpose),
      column(lines, ({ key }) => key),
      column(lines, ({ energyUWh }) => energyUWh),
      column(lines, ({ entry }) => entry),
      column(lines, ({ request }) => request),
      TOKENS,
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
