import {
  type AccountStore,
  ApiKeyTaken,
  type Page,
  type Role,
  type StoredApiKey,
} from '../../accounts/account.store.js';
import { refuseKey, type StoredUser } from '../../accounts/user.js';
import type { Wallet } from '../../accounts/wallet.js';
import type { Journaled } from '../../logs/journal.js';
import { equal } from '../../verify/bytes.js';
import { page, readTextCursor, textCursor } from '../list-cursor.js';
import type { Sql } from './sql.js';
import type { SqlChanges } from './sql-changes.js';
import { insertUser, insertWallets, readUsers } from './user-rows.js';

interface ApiKeyRow {
  readonly id: string;
  readonly account_id: string;
  readonly role: Role;
  readonly user_id: string | null;
  readonly meter_id: string | null;
  readonly scopes: string;
  readonly digest: Uint8Array;
  readonly expires_at_ms: bigint | null;
  readonly revoked_at_ms: bigint | null;
  readonly created_at_ms: bigint;
}

const API_KEY =
  'SELECT id, account_id, role, user_id, meter_id, scopes, digest, expires_at_ms, revoked_at_ms, created_at_ms FROM api_key';

/** Ends a transaction whose outcome is an answer and no failure. */
class WalletTaken extends Error {}

export class SqlAccounts implements AccountStore {
  constructor(
    private readonly sql: Sql,
    private readonly changes: SqlChanges,
  ) {}

  putApiKey(key: StoredApiKey, said: Journaled): Promise<boolean> {
    return this.changes.run(async (tx, journal) => {
      const { userId } = key;
      if (userId !== undefined) {
        const user = await lockUser(tx, userId);
        if (user === undefined || refuseKey(user, key) !== undefined) return false;
      }
      const inserted = await tx.query(
        `INSERT INTO api_key (id, account_id, role, user_id, meter_id, scopes, digest, expires_at_ms, revoked_at_ms, created_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING id`,
        [
          key.id,
          key.accountId,
          key.role,
          userId ?? null,
          key.meterId ?? null,
          JSON.stringify(key.scopes),
          key.digest,
          key.expiresAtMs ?? null,
          key.revokedAtMs ?? null,
          key.createdAtMs,
        ],
      );
      if (inserted.length > 0) {
        await journal(said);
        return true;
      }
      const [kept] = await tx.query<ApiKeyRow>(`${API_KEY} WHERE id = $1`, [key.id]);
      if (kept === undefined || !equal(kept.digest, key.digest)) throw new ApiKeyTaken(key.id);
      return true;
    });
  }

  async apiKey(id: string): Promise<StoredApiKey | undefined> {
    const [row] = await this.sql.query<ApiKeyRow>(`${API_KEY} WHERE id = $1`, [id]);
    return row === undefined ? undefined : apiKeyOf(row);
  }

  async listApiKeys(
    query: Parameters<AccountStore['listApiKeys']>[0],
  ): Promise<Page<StoredApiKey>> {
    const behind = query.cursor === undefined ? null : readTextCursor(query.cursor);
    const rows = await this.sql.query<ApiKeyRow>(
      `${API_KEY} WHERE ($1::text IS NULL OR id > $1::text) AND ($2::text IS NULL OR account_id = $2::text)
         AND ($3::text IS NULL OR user_id = $3::text) AND ($4::text IS NULL OR meter_id = $4::text)
         AND (NOT $5::boolean OR meter_id IS NOT NULL)
       ORDER BY id LIMIT $6`,
      [
        behind,
        query.accountId ?? null,
        query.userId ?? null,
        query.meterId ?? null,
        query.ofDevices === true,
        query.limit + 1,
      ],
    );
    return page(rows.map(apiKeyOf), query.limit, (last) => textCursor(last.id));
  }

  revokeApiKey(id: string, atMs: number, said: Journaled): Promise<boolean> {
    return this.changes.run(async (tx, journal) => {
      const revoked = await tx.query(
        'UPDATE api_key SET revoked_at_ms = $2 WHERE id = $1 AND revoked_at_ms IS NULL RETURNING id',
        [id, atMs],
      );
      if (revoked.length === 0) return false;
      await countRevocation(tx);
      await journal(said);
      return true;
    });
  }

  async keyRevision(): Promise<bigint> {
    const [row] = await this.sql.query<{ revision: bigint }>(
      'SELECT revision FROM api_key_revision WHERE log_id = 1',
    );
    return row?.revision ?? 0n;
  }

  async createUser(user: StoredUser, said: Journaled): Promise<'created' | 'wallet_taken'> {
    try {
      await this.changes.run(async (tx, journal) => {
        if (!(await insertUser(tx, user))) throw new WalletTaken();
        await journal(said);
      });
      return 'created';
    } catch (error) {
      if (error instanceof WalletTaken) return 'wallet_taken';
      throw error;
    }
  }

  async user(id: string): Promise<StoredUser | undefined> {
    const [user] = await readUsers(this.sql, 'WHERE id = $1', [id]);
    return user;
  }

  async userOfWallet({ chain, address }: Wallet): Promise<StoredUser | undefined> {
    const [user] = await readUsers(
      this.sql,
      'WHERE id = (SELECT user_id FROM wallet WHERE chain = $1 AND address = $2)',
      [chain, address],
    );
    return user;
  }

  async listUsers(query: Parameters<AccountStore['listUsers']>[0]): Promise<Page<StoredUser>> {
    const behind = query.cursor === undefined ? null : readTextCursor(query.cursor);
    const users = await readUsers(
      this.sql,
      `WHERE ($1::text IS NULL OR id > $1::text) AND ($2::text IS NULL OR role = $2::text)
         AND ($3::text IS NULL OR id IN (SELECT user_id FROM account_of_user WHERE account_id = $3::text))
         AND (NOT $4::boolean OR EXISTS (SELECT FROM wallet WHERE user_id = u.id))
       ORDER BY id LIMIT $5`,
      [
        behind,
        query.role ?? null,
        query.accountId ?? null,
        query.withWallet === true,
        query.limit + 1,
      ],
    );
    return page(users, query.limit, (last) => textCursor(last.id));
  }

  disableUser(id: string, atMs: number, said: Journaled): Promise<boolean> {
    return this.changes.run(async (tx, journal) => {
      const disabled = await tx.query(
        'UPDATE account_user SET disabled_at_ms = $2 WHERE id = $1 AND disabled_at_ms IS NULL RETURNING id',
        [id, atMs],
      );
      if (disabled.length === 0) return false;
      await tx.query(
        'UPDATE api_key SET revoked_at_ms = $2 WHERE user_id = $1 AND revoked_at_ms IS NULL',
        [id, atMs],
      );
      await countRevocation(tx);
      await journal(said);
      return true;
    });
  }

  addWallet(
    userId: string,
    wallet: Wallet,
    said: Journaled,
  ): Promise<'added' | 'unchanged' | 'unknown' | 'wallet_taken'> {
    return this.changes.run(async (tx, journal) => {
      const user = await lockUser(tx, userId);
      if (user === undefined || user.disabledAtMs !== undefined) return 'unknown';
      if (await insertWallets(tx, userId, [wallet])) {
        await journal(said);
        return 'added';
      }
      const [holder] = await tx.query<{ user_id: string }>(
        'SELECT user_id FROM wallet WHERE chain = $1 AND address = $2',
        [wallet.chain, wallet.address],
      );
      return holder?.user_id === userId ? 'unchanged' : 'wallet_taken';
    });
  }

  removeWallet(userId: string, wallet: Wallet, said: Journaled): Promise<boolean> {
    return this.changes.run(async (tx, journal) => {
      const removed = await tx.query(
        'DELETE FROM wallet WHERE chain = $1 AND address = $2 AND user_id = $3 RETURNING chain',
        [wallet.chain, wallet.address, userId],
      );
      if (removed.length > 0) await journal(said);
      return removed.length > 0;
    });
  }
}

async function countRevocation(tx: Sql): Promise<void> {
  await tx.query('UPDATE api_key_revision SET revision = revision + 1 WHERE log_id = 1');
}

/** The user, who cannot be disabled before the transaction ends. */
async function lockUser(tx: Sql, id: string): Promise<StoredUser | undefined> {
  await tx.query('SELECT 1 FROM account_user WHERE id = $1 FOR UPDATE', [id]);
  const [user] = await readUsers(tx, 'WHERE id = $1', [id]);
  return user;
}

function apiKeyOf(row: ApiKeyRow): StoredApiKey {
  return {
    id: row.id,
    accountId: row.account_id,
    role: row.role,
    ...(row.user_id === null ? {} : { userId: row.user_id }),
    ...(row.meter_id === null ? {} : { meterId: row.meter_id }),
    scopes: JSON.parse(row.scopes) as string[],
    digest: row.digest,
    ...(row.expires_at_ms === null ? {} : { expiresAtMs: Number(row.expires_at_ms) }),
    ...(row.revoked_at_ms === null ? {} : { revokedAtMs: Number(row.revoked_at_ms) }),
    createdAtMs: Number(row.created_at_ms),
  };
}
