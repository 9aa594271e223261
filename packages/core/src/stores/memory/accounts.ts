import { type AccountStore, ApiKeyTaken, type StoredApiKey } from '../../accounts/account.store.js';
import { equal } from '../../verify/bytes.js';
import { page, readTextCursor, textCursor } from '../list-cursor.js';

export class MemoryAccounts implements AccountStore {
  private readonly keys = new Map<string, StoredApiKey>();

  async putApiKey(key: StoredApiKey): Promise<void> {
    const before = this.keys.get(key.id);
    if (before === undefined) this.keys.set(key.id, { ...key, digest: key.digest.slice() });
    else if (!equal(before.digest, key.digest)) throw new ApiKeyTaken(key.id);
  }

  async apiKey(id: string): Promise<StoredApiKey | undefined> {
    return this.keys.get(id);
  }

  async listApiKeys(query: {
    readonly accountId?: string;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly StoredApiKey[]; readonly cursor?: string }> {
    const behind = query.cursor === undefined ? undefined : readTextCursor(query.cursor);
    const found = [...this.keys.values()]
      .filter(
        (key) =>
          (behind === undefined || key.id > behind) &&
          (query.accountId === undefined || key.accountId === query.accountId),
      )
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    return page(found, query.limit, (last) => textCursor(last.id));
  }

  async revokeApiKey(id: string, atMs: number): Promise<boolean> {
    const key = this.keys.get(id);
    if (key === undefined || key.revokedAtMs !== undefined) return false;
    this.keys.set(id, { ...key, revokedAtMs: atMs });
    return true;
  }
}
