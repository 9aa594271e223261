import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../spi/index.js';
import type { Principal } from './access.js';
import type { AccountStore, Role, StoredApiKey } from './account.store.js';
import { digestSecret, formatApiKey, parseApiKey } from './api-key.js';
import type { AccountsConfig } from './accounts.config.js';

/** Fills the array with random bytes and returns it. */
export type RandomBytes = (length: number) => Uint8Array;

export interface NewApiKey {
  readonly accountId: string;
  readonly role: Role;
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
    },
  ) {
    const { adminApiKey } = parts.config;
    this.#adminDigest = adminApiKey === undefined ? undefined : digestSecret(adminApiKey);
  }

  async issue(request: NewApiKey): Promise<IssuedApiKey> {
    const { store, clock, random } = this.parts;
    const { id, secret } = formatApiKey(random(8), random(32));
    const stored: StoredApiKey = {
      id,
      accountId: request.accountId,
      role: request.role,
      scopes: [...(request.scopes ?? [])],
      digest: digestSecret(secret),
      createdAtMs: clock.nowMs(),
      ...(request.expiresAtMs === undefined ? {} : { expiresAtMs: request.expiresAtMs }),
    };
    await store.putApiKey(stored);
    return { key: `${id}.${secret}`, stored };
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
    const { id, accountId, role, scopes } = stored;
    return { kind: 'api-key', id, accountId, role, scopes };
  }

  async revoke(id: string): Promise<boolean> {
    return this.parts.store.revokeApiKey(id, this.parts.clock.nowMs());
  }
}
