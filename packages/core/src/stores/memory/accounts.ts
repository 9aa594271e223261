import {
  type AccountStore,
  ApiKeyTaken,
  type Page,
  type StoredApiKey,
} from '../../accounts/account.store.js';
import { refuseKey, type StoredUser } from '../../accounts/user.js';
import type { Wallet } from '../../accounts/wallet.js';
import type { Journaled } from '../../logs/journal.js';
import { equal } from '../../verify/bytes.js';
import { page, readTextCursor, textCursor } from '../list-cursor.js';
import type { MemoryChanges } from './memory-changes.js';

export class MemoryAccounts implements AccountStore {
  private readonly keys = new Map<string, StoredApiKey>();
  private readonly users = new Map<string, StoredUser>();
  private revoked = 0n;

  constructor(private readonly changes: MemoryChanges) {}

  putApiKey(key: StoredApiKey, said: Journaled): Promise<boolean> {
    return this.changes.run(async (journal) => {
      const before = this.keys.get(key.id);
      if (before !== undefined) {
        if (!equal(before.digest, key.digest)) throw new ApiKeyTaken(key.id);
        return true;
      }
      const user = key.userId === undefined ? undefined : this.users.get(key.userId);
      const isRefused = user === undefined || refuseKey(user, key) !== undefined;
      if (key.userId !== undefined && isRefused) return false;
      await journal(said);
      this.keys.set(key.id, { ...key, digest: key.digest.slice() });
      return true;
    });
  }

  async apiKey(id: string): Promise<StoredApiKey | undefined> {
    return this.keys.get(id);
  }

  async listApiKeys(
    query: Parameters<AccountStore['listApiKeys']>[0],
  ): Promise<Page<StoredApiKey>> {
    return listed(
      this.keys,
      query,
      (key) =>
        (query.accountId === undefined || key.accountId === query.accountId) &&
        (query.userId === undefined || key.userId === query.userId) &&
        (query.meterId === undefined || key.meterId === query.meterId) &&
        (query.ofDevices !== true || key.meterId !== undefined),
    );
  }

  revokeApiKey(id: string, atMs: number, said: Journaled): Promise<boolean> {
    return this.changes.run(async (journal) => {
      const key = this.keys.get(id);
      if (key === undefined || key.revokedAtMs !== undefined) return false;
      await journal(said);
      this.keys.set(id, { ...key, revokedAtMs: atMs });
      this.revoked += 1n;
      return true;
    });
  }

  async keyRevision(): Promise<bigint> {
    return this.revoked;
  }

  createUser(user: StoredUser, said: Journaled): Promise<'created' | 'wallet_taken'> {
    return this.changes.run(async (journal) => {
      if (user.wallets.some((wallet) => this.holderOf(wallet) !== undefined)) return 'wallet_taken';
      await journal(said);
      this.users.set(user.id, user);
      return 'created';
    });
  }

  async user(id: string): Promise<StoredUser | undefined> {
    return this.users.get(id);
  }

  async userOfWallet(wallet: Wallet): Promise<StoredUser | undefined> {
    return this.holderOf(wallet);
  }

  async listUsers(query: Parameters<AccountStore['listUsers']>[0]): Promise<Page<StoredUser>> {
    return listed(
      this.users,
      query,
      (user) =>
        (query.accountId === undefined || user.accounts.includes(query.accountId)) &&
        (query.role === undefined || user.role === query.role) &&
        (query.withWallet !== true || user.wallets.length > 0),
    );
  }

  disableUser(id: string, atMs: number, said: Journaled): Promise<boolean> {
    return this.changes.run(async (journal) => {
      const user = this.users.get(id);
      if (user === undefined || user.disabledAtMs !== undefined) return false;
      await journal(said);
      this.users.set(id, { ...user, disabledAtMs: atMs });
      this.revoked += 1n;
      for (const key of this.keys.values())
        if (key.userId === id && key.revokedAtMs === undefined)
          this.keys.set(key.id, { ...key, revokedAtMs: atMs });
      return true;
    });
  }

  addWallet(
    userId: string,
    wallet: Wallet,
    said: Journaled,
  ): Promise<'added' | 'unchanged' | 'unknown' | 'wallet_taken'> {
    return this.changes.run(async (journal) => {
      const user = this.users.get(userId);
      if (user === undefined || user.disabledAtMs !== undefined) return 'unknown';
      const holder = this.holderOf(wallet);
      if (holder !== undefined) return holder.id === userId ? 'unchanged' : 'wallet_taken';
      await journal(said);
      this.users.set(userId, { ...user, wallets: [...user.wallets, wallet].sort(byName) });
      return 'added';
    });
  }

  removeWallet(userId: string, wallet: Wallet, said: Journaled): Promise<boolean> {
    return this.changes.run(async (journal) => {
      const user = this.users.get(userId);
      if (user === undefined || this.holderOf(wallet) !== user) return false;
      await journal(said);
      this.users.set(userId, {
        ...user,
        wallets: user.wallets.filter((own) => !same(own, wallet)),
      });
      return true;
    });
  }

  private holderOf(wallet: Wallet): StoredUser | undefined {
    return [...this.users.values()].find(({ wallets }) => wallets.some((own) => same(own, wallet)));
  }
}

function listed<T extends { readonly id: string }>(
  all: ReadonlyMap<string, T>,
  query: { readonly limit: number; readonly cursor?: string },
  wanted: (one: T) => boolean,
): Page<T> {
  const behind = query.cursor === undefined ? undefined : readTextCursor(query.cursor);
  const found = [...all.values()]
    .filter((one) => (behind === undefined || one.id > behind) && wanted(one))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return page(found, query.limit, (last) => textCursor(last.id));
}

function same(a: Wallet, b: Wallet): boolean {
  return a.chain === b.chain && a.address === b.address;
}

function byName(a: Wallet, b: Wallet): number {
  return a.chain < b.chain || (a.chain === b.chain && a.address < b.address) ? -1 : 1;
}
