import type { Journal, Journaled } from '../logs/journal.js';
import type { Clock } from '../spi/index.js';
import type { Principal } from './access.js';
import { AccountError } from './account-error.js';
import type { AccountStore, Role, StoredApiKey } from './account.store.js';
import { digestSecret, formatApiKey } from './api-key.js';
import { ApiKeyCheck } from './api-key-check.js';
import type { ApiKeyDirectory } from './api-key-directory.js';
import type { AccountsConfig } from './accounts.config.js';
import { refuseKey } from './user.js';

/** Fills the array with random bytes and returns it. */
export type RandomBytes = (length: number) => Uint8Array;

export interface NewApiKey {
  readonly accountId: string;
  readonly role: Role;
  /** Of this user: then it may do at most what they may, and ends with them. */
  readonly userId?: string;
  /** Speaks for this meter alone, which must be the account's; the role is `device` then. */
  readonly meterId?: string;
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
  private readonly check: ApiKeyCheck;

  constructor(
    private readonly parts: {
      readonly store: AccountStore;
      readonly clock: Clock;
      readonly random: RandomBytes;
      readonly config: AccountsConfig;
      readonly journal: Journal;
      /** What remembers keys: told when one ended. */
      readonly directory?: Pick<ApiKeyDirectory, 'invalidate'>;
    },
  ) {
    this.check = new ApiKeyCheck(parts);
  }

  /** Throws `AccountError`: `user_not_found`, `key_exceeds_user`. `actor`: who asked for the key. */
  async issue(request: NewApiKey, actor: string): Promise<IssuedApiKey> {
    const { store, clock, random } = this.parts;
    await this.checkUser(request);
    const { id, secret } = formatApiKey(random(8), random(32));
    const { accountId, role, userId, meterId, expiresAtMs } = request;
    const stored: StoredApiKey = {
      id,
      accountId,
      role,
      ...(userId === undefined ? {} : { userId }),
      ...(meterId === undefined ? {} : { meterId }),
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

  /** Who presents this `X-API-Key`, by the store as it is now; see `ApiKeyCheck`. */
  authenticate(presented: string): Promise<Principal | undefined> {
    return this.check.principalOf(presented, this.parts.store);
  }

  /** False when there is no such key that is not revoked yet. */
  async revoke(id: string, actor: string): Promise<boolean> {
    const { store, clock } = this.parts;
    const key = await store.apiKey(id);
    if (key === undefined) return false;
    const said = this.said(key, 'api-key.revoked', actor);
    const revoked = await store.revokeApiKey(id, clock.nowMs(), said);
    this.parts.directory?.invalidate();
    return revoked;
  }

  private said(key: StoredApiKey, action: string, actor: string): Journaled {
    const { id, accountId, role, userId, meterId, scopes, expiresAtMs } = key;
    const detail = {
      role,
      scopes: scopes.join(' '),
      ...(userId === undefined ? {} : { user: userId }),
      ...(meterId === undefined ? {} : { meter: meterId }),
      ...(expiresAtMs === undefined ? {} : { expires_at: new Date(expiresAtMs).toISOString() }),
    };
    return this.parts.journal.audit({ actor, action, subject: `key ${id}`, detail, accountId });
  }
}
