import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../spi/index.js';
import type { Principal } from './access.js';
import type { AccountStore, StoredApiKey } from './account.store.js';
import type { AccountsConfig } from './accounts.config.js';
import { digestSecret, parseApiKey } from './api-key.js';

/** Whose a presented key is. */
export class ApiKeyCheck {
  readonly #adminDigest: Uint8Array | undefined;

  constructor(private readonly parts: { readonly clock: Clock; readonly config: AccountsConfig }) {
    const { adminApiKey } = parts.config;
    this.#adminDigest = adminApiKey === undefined ? undefined : digestSecret(adminApiKey);
  }

  /**
   * Who presents this key; undefined for one that is unknown, wrong, expired or revoked. Which of these it was is not
   * told, and an unknown id costs a comparison like a known one.
   */
  async principalOf(
    presented: string,
    keys: Pick<AccountStore, 'apiKey'>,
  ): Promise<Principal | undefined> {
    // Digests are compared: the time it takes depends on neither secret.
    const admin = this.#adminDigest;
    if (admin !== undefined && timingSafeEqual(digestSecret(presented), admin))
      return { kind: 'admin-key', id: 'admin', accountId: 'admin', role: 'admin', scopes: [] };
    const parts = parseApiKey(presented);
    if (parts === undefined) return undefined;
    const stored = await keys.apiKey(parts.id);
    const digest = digestSecret(parts.secret);
    const expected = stored?.digest ?? digestSecret('');
    const same = digest.length === expected.length && timingSafeEqual(digest, expected);
    if (stored === undefined || !same || !this.isLive(stored)) return undefined;
    const { id, accountId, role, scopes, userId, meterId } = stored;
    return {
      kind: 'api-key',
      id,
      accountId,
      role,
      scopes,
      ...(userId === undefined ? {} : { userId }),
      ...(meterId === undefined ? {} : { meterId }),
    };
  }

  /** Whether the key is neither revoked nor expired. */
  isLive({ revokedAtMs, expiresAtMs }: StoredApiKey): boolean {
    if (revokedAtMs !== undefined) return false;
    return expiresAtMs === undefined || this.parts.clock.nowMs() < expiresAtMs;
  }
}
