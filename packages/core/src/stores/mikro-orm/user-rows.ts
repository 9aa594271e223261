import type { Role } from '../../accounts/account.store.js';
import type { StoredUser } from '../../accounts/user.js';
import type { Wallet } from '../../accounts/wallet.js';
import type { Sql, SqlValue } from './sql.js';
import { column } from './sql-column.js';

interface UserRow {
  readonly id: string;
  readonly display_name: string;
  readonly role: Role;
  readonly created_at_ms: bigint;
  readonly disabled_at_ms: bigint | null;
  /** JSON as text: arrays of text. */
  readonly accounts: string;
  /** JSON as text: arrays of chain and address. */
  readonly wallets: string;
}

const USER = `SELECT id, display_name, role, created_at_ms, disabled_at_ms,
    (SELECT coalesce(json_agg(a.account_id ORDER BY a.account_id), '[]') FROM account_of_user a
      WHERE a.user_id = u.id)::text AS accounts,
    (SELECT coalesce(json_agg(json_build_array(w.chain, w.address) ORDER BY w.chain, w.address), '[]')
      FROM wallet w WHERE w.user_id = u.id)::text AS wallets
  FROM account_user u`;

/** Users that `where` finds. */
export async function readUsers(
  sql: Sql,
  where: string,
  params: readonly SqlValue[],
): Promise<readonly StoredUser[]> {
  return (await sql.query<UserRow>(`${USER} ${where}`, params)).map(userOf);
}

/** False when one of the wallets is somebody's. */
export async function insertUser(tx: Sql, user: StoredUser): Promise<boolean> {
  await tx.query(
    'INSERT INTO account_user (id, display_name, role, created_at_ms) VALUES ($1, $2, $3, $4)',
    [user.id, user.displayName, user.role, user.createdAtMs],
  );
  await tx.query('INSERT INTO account_of_user SELECT $1, unnest($2::text[])', [
    user.id,
    user.accounts,
  ]);
  return insertWallets(tx, user.id, user.wallets);
}

/** Wallets come sorted, so that two users who want the same ones never wait for each other in a circle. */
export async function insertWallets(
  tx: Sql,
  userId: string,
  wallets: readonly Wallet[],
): Promise<boolean> {
  const inserted = await tx.query(
    `INSERT INTO wallet (chain, address, user_id)
     SELECT chain, address, $3 FROM unnest($1::text[], $2::text[]) AS w (chain, address)
     ON CONFLICT DO NOTHING RETURNING chain`,
    [column(wallets, ({ chain }) => chain), column(wallets, ({ address }) => address), userId],
  );
  return inserted.length === wallets.length;
}

function userOf(row: UserRow): StoredUser {
  const wallets = JSON.parse(row.wallets) as readonly (readonly [Wallet['chain'], string])[];
  return {
    id: row.id,
    displayName: row.display_name,
    role: row.role,
    accounts: JSON.parse(row.accounts) as string[],
    wallets: wallets.map(([chain, address]) => ({ chain, address })),
    createdAtMs: Number(row.created_at_ms),
    ...(row.disabled_at_ms === null ? {} : { disabledAtMs: Number(row.disabled_at_ms) }),
  };
}
