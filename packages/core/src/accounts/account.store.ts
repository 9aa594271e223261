import type { Journaled } from '../logs/journal.js';
import type { StoredUser } from './user.js';
import type { Wallet } from './wallet.js';

export type Role = 'admin' | 'operator' | 'auditor' | 'owner' | 'device';

/** An API key as stored: its secret only as a SHA-256 digest (keys are 256 random bits, so no stretching). */
export interface StoredApiKey {
  /** Public part, the key's prefix. */
  readonly id: string;
  readonly accountId: string;
  readonly role: Role;
  /** Whose key it is, when it is a person's. */
  readonly userId?: string;
  /** Of a device key: the one meter it speaks for, while that is this account's. Its role is `device`. */
  readonly meterId?: string;
  /** `ingest`, `backfill`, `read`, `flush`, … ; empty means all that the role may. */
  readonly scopes: readonly string[];
  readonly digest: Uint8Array;
  readonly expiresAtMs?: number;
  readonly revokedAtMs?: number;
  readonly createdAtMs: number;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly cursor?: string;
}

/** Port of the accounts feature. `said`: what the log says of a change, committed with it and only if it happens. */
export interface AccountStore {
  /**
   * The same key again changes nothing; another secret under a used id throws `ApiKeyTaken`. False, and nothing is
   * kept, when its user is unknown or disabled, or does not act for its account.
   */
  putApiKey(key: StoredApiKey, said: Journaled): Promise<boolean>;
  apiKey(id: string): Promise<StoredApiKey | undefined>;
  listApiKeys(query: {
    readonly accountId?: string;
    readonly userId?: string;
    /** Device keys of this meter. */
    readonly meterId?: string;
    /** Device keys alone. */
    readonly ofDevices?: boolean;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<Page<StoredApiKey>>;
  /** False when the key is unknown or already revoked. */
  revokeApiKey(id: string, atMs: number, said: Journaled): Promise<boolean>;
  /** Moves whenever a key ends before its time: caches compare it. */
  keyRevision(): Promise<bigint>;

  /** A user of a new id. `wallet_taken` when one of the wallets is somebody's; then nothing is kept. */
  createUser(user: StoredUser, said: Journaled): Promise<'created' | 'wallet_taken'>;
  user(id: string): Promise<StoredUser | undefined>;
  userOfWallet(wallet: Wallet): Promise<StoredUser | undefined>;
  /** By id. */
  listUsers(query: {
    readonly accountId?: string;
    readonly role?: Role;
    /** Only those who have a wallet. */
    readonly withWallet?: boolean;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<Page<StoredUser>>;
  /** Revokes every key of theirs in the same transaction. False when the user is unknown or disabled already. */
  disableUser(id: string, atMs: number, said: Journaled): Promise<boolean>;
  /** `unchanged` when it is theirs already, `unknown` when there is no such user who is not disabled. */
  addWallet(
    userId: string,
    wallet: Wallet,
    said: Journaled,
  ): Promise<'added' | 'unchanged' | 'unknown' | 'wallet_taken'>;
  /** False when it is not theirs. */
  removeWallet(userId: string, wallet: Wallet, said: Journaled): Promise<boolean>;
}

/** Another key already has this id. */
export class ApiKeyTaken extends Error {
  override readonly name = 'ApiKeyTaken';
  readonly code = 'api_key_taken';

  constructor(readonly id: string) {
    super(`API key id "${id}" belongs to another secret. Ids are random: make a new key.`);
  }
}
