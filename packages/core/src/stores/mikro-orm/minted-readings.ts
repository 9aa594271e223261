import { accountName } from '../../energy-ledger/decide-claims.js';
import type { EnergyAccount } from '../../energy-ledger/energy.store.js';
import { type AccountRow, accountOf } from './energy-rows.js';
import { hexOf } from './entry-id.js';
import type { Sql } from './sql.js';

/*
 * `entry.minted`: whether a reading credits an account of which a token claims some. Lists of readings go by it. Whoever
 * changes it holds the account's row, so that it is always what the accounts say.
 */

/** What claims make of energy, as far as lists of readings tell. */
export const TOKENS: readonly string[] = ['token', 'token-with-origin'];

/** Notes that tokens were made of these readings. */
export async function markMinted(tx: Sql, entryIds: Iterable<string>): Promise<void> {
  const ids = [...new Set(entryIds)];
  if (ids.length === 0) return;
  await tx.query(
    `UPDATE entry SET minted = true WHERE id IN (
       SELECT id FROM entry WHERE id = ANY($1::uuid[]) AND NOT minted ORDER BY id FOR UPDATE)`,
    [ids.map(hexOf)],
    { prepare: 'wattproof_mark_minted' },
  );
}

/** Accounts with tokens that another reading credits now: what was minted is that one's. `before`: as they were. */
export async function moveMinted(
  tx: Sql,
  before: readonly AccountRow[],
  now: readonly EnergyAccount[],
): Promise<void> {
  const minted = new Map(
    before.filter((row) => row.minted).map((row) => [accountName(accountOf(row)), accountOf(row)]),
  );
  const ids = now.flatMap((account) => {
    const known = minted.get(accountName(account));
    const moved = known !== undefined && known.entryId !== account.entryId;
    return moved ? [hexOf(known.entryId), hexOf(account.entryId)] : [];
  });
  if (ids.length === 0) return;
  // The lock comes first and alone: the next statement's snapshot must see what its last holder wrote.
  await tx.query('SELECT FROM entry WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE', [ids]);
  await tx.query(
    `UPDATE entry e SET minted = NOT e.minted WHERE e.id = ANY($1::uuid[])
       AND e.minted <> EXISTS (SELECT FROM energy_account a WHERE a.entry_id = e.id AND a.minted)`,
    [ids],
  );
}
