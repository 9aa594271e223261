import {
  type AccountStore,
  ApiKeyTaken,
  type Role,
  type StoredApiKey,
} from '../../accounts/account.store.js';
import { page, readTextCursor, textCursor } from '../list-cursor.js';
import type { Sql } from './sql.js';

interface ApiKeyRow {
  readonly id: string;
  readonly account_id: string;
  readonly role: Role;
  readonly scopes: string;
  readonly digest: Uint8Array;
  readonly expires_at_ms: bigint | null;
  readonly revoked_at_ms: bigint | null;
  readonly created_at_ms: bigint;
}

const API_KEY =
  'SELECT id, account_id, role, scopes, digest, expires_at_ms, revoked_at_ms, created_at_ms FROM api_key';

export class SqlAccounts implements AccountStore {
  constructor(private readonly sql: Sql) {}

  async putApiKey(key: StoredApiKey): Promise<void> {
    // The second arm sees only rows that were there before: exactly one of the two answers.
    const kept = await this.sql.query(
      `WITH put AS (
         INSERT INTO api_key (id, account_id, role, scopes, digest, expires_at_ms, revoked_at_ms, created_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id)
       SELECT id FROM put UNION ALL SELECT id FROM api_key WHERE id = $1 AND digest = $5`,
      [
        key.id,
        key.accountId,
        key.role,
        JSON.stringify(key.scopes),
        key.digest,
        key.expiresAtMs ?? null,
        key.revokedAtMs ?? null,
        key.createdAtMs,
      ],
    );
    if (kept.length === 0) throw new ApiKeyTaken(key.id);
  }

  async apiKey(id: string): Promise<StoredApiKey | undefined> {
    const [row] = await this.sql.query<ApiKeyRow>(`${API_KEY} WHERE id = $1`, [id]);
    return row === undefined ? undefined : apiKeyOf(row);
  }

  async listApiKeys(query: {
    readonly accountId?: string;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly StoredApiKey[]; readonly cursor?: string }> {
    const behind = query.cursor === undefined ? null : readTextCursor(query.cursor);
    const rows = await this.sql.query<ApiKeyRow>(
      `${API_KEY} WHERE ($1::text IS NULL OR id > $1::text) AND ($2::text IS NULL OR account_id = $2::text)
       ORDER BY id LIMIT $3`,
      [behind, query.accountId ?? null, query.limit + 1],
    );
    return page(rows.map(apiKeyOf), query.limit, (last) => textCursor(last.id));
  }

  async revokeApiKey(id: string, atMs: number): Promise<boolean> {
    const revoked = await this.sql.query(
      'UPDATE api_key SET revoked_at_ms = $2 WHERE id = $1 AND revoked_at_ms IS NULL RETURNING id',
      [id, atMs],
    );
    return revoked.length > 0;
  }
}

function apiKeyOf(row: ApiKeyRow): StoredApiKey {
  return {
    id: row.id,
    accountId: row.account_id,
    role: row.role,
    scopes: JSON.parse(row.scopes) as string[],
    digest: row.digest,
    ...(row.expires_at_ms === null ? {} : { expiresAtMs: Number(row.expires_at_ms) }),
    ...(row.revoked_at_ms === null ? {} : { revokedAtMs: Number(row.revoked_at_ms) }),
    createdAtMs: Number(row.created_at_ms),
  };
}
