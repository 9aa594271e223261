import { timingSafeEqual } from 'node:crypto';
import type { Journal, Journaled } from '../logs/journal.js';
import type { Clock } from '../spi/index.js';
import type { Principal } from './access.js';
import { AccountError } from './account-error.js';
import type { AccountStore, Role, StoredApiKey } from './account.store.js';
import { digestSecret, formatApiKey, parseApiKey } from './api-key.js';
import type { AccountsConfig } from './accounts.config.js';
import { refuseKey } from './user.js';

/** Fills the array with random bytes and returns it. */
export type RandomBytes = (length: number) => Uint8Array;

export interface NewApiKey {
  readonly accountId: string;
  readonly role: Role;
  /** Of this user: then it may do at most what they may, and ends with them. */
  readonly userId?: string;
  readonly scopes?: readonly string[];
  readonly expiresAtMs?: number;
}

/** A key just made. `key` is shown once and never stored. */
export interface IssuedApiKey {
  readonly key: string;
  readonly stored: StoredApiKey;
}

/** Issues, checks and revokes API keys. */
export class ApiKeyService {
  readonly #adminDigest: Uint8Array | undefined;

  constructor(
    private readonly parts: {
      readonly store: AccountStore;
      readonly clock: Clock;
      readonly random: RandomBytes;
      readonly config: AccountsConfig;
      readonly journal: Journal;
    },
  ) {
    const { adminApiKey } = parts.config;
    this.#adminDigest = adminApiKey === undefined ? undefined : digestSecret(adminApiKey);
  }

  /** Throws `AccountError`: `user_not_found`, `key_exceeds_user`. `actor`: who asked for the key. */
  async issue(request: NewApiKey, actor: string): Promise<IssuedApiKey> {
    const { store, clock, random } = this.parts;
    await this.checkUser(request);
    const { id, secret } = formatApiKey(random(8), random(32));
    const { accountId, role, userId, expiresAtMs } = request;
    const stored: StoredApiKey = {
      id,
      accountId,
      role,
      ...(userId === undefined ? {} : { userId }),
      scopes: [...(request.scopes ?? [])],
      digest: digestSecret(secret),
      createdAtMs: clock.nowMs(),
      ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    };
    const said = this.said(stored, 'api-key.issued', actor);
    if (!(await store.putApiKey(stored, said)))
      throw new AccountError('key_exceeds_user', 'the user was disabled meanwhile');
    return { key: `${id}.${secret}`, stored };
  }

  private async checkUser({ userId, role, accountId }: NewApiKey): Promise<void> {
    if (userId === undefined) return;
    const user = await this.parts.store.user(userId);
    if (user === undefined) throw new AccountError('user_not_found', 'User not found');
    const refusal = refuseKey(user, { role, accountId });
    if (refusal !== undefined) throw new AccountError('key_exceeds_user', refusal);
  }

  /**
   * Who presents this `X-API-Key`; undefined for a key that is unknown, wrong, expired or revoked. Which of
   * these it was is not told, and an unknown id costs a comparison like a known one.
   */
  async authenticate(presented: string): Promise<Principal | undefined> {
    const { store, clock } = this.parts;
    // Digests are compared: the time it takes depends on neither secret.
    const admin = this.#adminDigest;
    if (admin !== undefined && timingSafeEqual(digestSecret(presented), admin))
      return { kind: 'admin-key', id: 'admin', accountId: 'admin', role: 'admin', scopes: [] };
    const parts = parseApiKey(presented);
    if (parts === undefined) return undefined;
    const stored = await store.apiKey(parts.id);
    const digest = digestSecret(parts.secret);
    const expected = stored?.digest ?? digestSecret('');
    const same = digest.length === expected.length && timingSafeEqual(digest, expected);
    if (stored === undefined || !same || stored.revokedAtMs !== undefined) return undefined;
    if (stored.expiresAtMs !== undefined && clock.nowMs() >= stored.expiresAtMs) return undefined;
    const { id, accountId, role, scopes, userId } = stored;
    const user = userId === undefined ? {} : { userId };
    return { kind: 'api-key', id, accountId, role, scopes, ...user };
  }

  /** False when there is no such key that is not revoked yet. */
  async revoke(id: string, actor: string): Promise<boolean> {
    const { store, clock } = this.parts;
    const key = await store.apiKey(id);
    if (key === undefined) return false;
    return store.revokeApiKey(id, clock.nowMs(), this.said(key, 'api-key.revoked', actor));
  }

  private said(key: StoredApiKey, action: string, actor: string): Journaled {
    const { id, accountId, role, userId, scopes, expiresAtMs } = key;
    const detail = {
      role,
      scopes: scopes.join(' '),
      ...(userId === undefined ? {} : { user: userId }),
      ...(expiresAtMs === undefined ? {} : { expires_at: new Date(expiresAtMs).toISOString() }),
    };
    return this.parts.journal.audit({ actor, action, subject: `key ${id}`, detail, accountId });
  }
}
