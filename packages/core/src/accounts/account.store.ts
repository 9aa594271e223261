export type Role = 'admin' | 'operator' | 'auditor' | 'owner' | 'device';

/** An API key as stored: its secret only as a SHA-256 digest (keys are 256 random bits, so no stretching). */
export interface StoredApiKey {
  /** Public part, the key's prefix. */
  readonly id: string;
  readonly accountId: string;
  readonly role: Role;
  /** `ingest`, `backfill`, `read`, `flush`, … ; empty means all that the role may. */
  readonly scopes: readonly string[];
  readonly digest: Uint8Array;
  readonly expiresAtMs?: number;
  readonly revokedAtMs?: number;
  readonly createdAtMs: number;
}

export interface AccountStore {
  /** The same key again changes nothing; another secret under a used id throws `ApiKeyTaken`. */
  putApiKey(key: StoredApiKey): Promise<void>;
  apiKey(id: string): Promise<StoredApiKey | undefined>;
  listApiKeys(query: {
    readonly accountId?: string;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly StoredApiKey[]; readonly cursor?: string }>;
  /** False when the key is unknown or already revoked. */
  revokeApiKey(id: string, atMs: number): Promise<boolean>;
}

/** Another key already has this id. */
export class ApiKeyTaken extends Error {
  override readonly name = 'ApiKeyTaken';
  readonly code = 'api_key_taken';

  constructor(readonly id: string) {
    super(`API key id "${id}" belongs to another secret. Ids are random: make a new key.`);
  }
}
