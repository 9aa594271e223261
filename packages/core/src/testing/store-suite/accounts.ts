import assert from 'node:assert/strict';
import type { StoredApiKey } from '../../accounts/account.store.js';
import { unjournaled } from '../unjournaled.js';
import { sha256, text, unique } from './sample-rows.js';
import { plain, type StoreScene, type Test } from './store-scene.js';

export function sampleApiKey(choices: Partial<StoredApiKey> = {}): StoredApiKey {
  const seed = unique();
  return {
    id: `wp_${String(seed).padStart(8, '0')}`,
    accountId: 'account-1',
    role: 'operator',
    scopes: ['ingest', 'flush'],
    digest: sha256(text(`secret ${seed}`)),
    createdAtMs: 1_750_000_000_000,
    ...choices,
  };
}

export function accountTests(scene: StoreScene, it: Test): void {
  it('gives back API keys as they were put, and none it does not know', async () => {
    const { accounts } = await scene.store();
    const key = sampleApiKey();
    const expiring = sampleApiKey({ expiresAtMs: 1_800_000_000_000, scopes: [], role: 'device' });
    await accounts.putApiKey(key, unjournaled);
    await accounts.putApiKey(expiring, unjournaled);
    assert.deepEqual(plain(await accounts.apiKey(key.id)), plain(key));
    assert.deepEqual(plain(await accounts.apiKey(expiring.id)), plain(expiring));
    assert.equal(await accounts.apiKey('wp_unknown'), undefined);
  });

  it('keeps a key when its id comes again with another secret', async () => {
    const { accounts } = await scene.store();
    const key = sampleApiKey();
    await accounts.putApiKey(key, unjournaled);
    await accounts.putApiKey(key, unjournaled);
    await assert.rejects(
      accounts.putApiKey(sampleApiKey({ id: key.id, role: 'admin' }), unjournaled),
      {
        code: 'api_key_taken',
      },
    );
    assert.deepEqual(plain(await accounts.apiKey(key.id)), plain(key));
  });

  it('revokes a key once and keeps the first instant', async () => {
    const { accounts } = await scene.store();
    const key = sampleApiKey();
    await accounts.putApiKey(key, unjournaled);
    assert.equal(await accounts.revokeApiKey(key.id, 5, unjournaled), true);
    assert.equal(await accounts.revokeApiKey(key.id, 6, unjournaled), false);
    assert.equal(await accounts.revokeApiKey('wp_unknown', 6, unjournaled), false);
    assert.equal((await accounts.apiKey(key.id))?.revokedAtMs, 5);
    await accounts.putApiKey(key, unjournaled);
    assert.equal(
      (await accounts.apiKey(key.id))?.revokedAtMs,
      5,
      'putting it again revives nothing',
    );
  });

  it('keeps of which meter a device key is, and finds it by that', async () => {
    const { accounts } = await scene.store();
    const accountId = `account-${unique()}`;
    const meterId = `meter-${unique()}`;
    const bound = sampleApiKey({ accountId, role: 'device', meterId });
    const other = sampleApiKey({ accountId, role: 'device', meterId: `${meterId}-2` });
    const free = sampleApiKey({ accountId, role: 'device' });
    for (const key of [bound, other, free]) await accounts.putApiKey(key, unjournaled);
    assert.deepEqual(plain(await accounts.apiKey(bound.id)), plain(bound));
    assert.equal((await accounts.apiKey(free.id))?.meterId, undefined);
    const found = async (query: object) =>
      (await accounts.listApiKeys({ accountId, limit: 9, ...query })).items.map(({ id }) => id);
    assert.deepEqual(await found({ meterId }), [bound.id]);
    assert.deepEqual(await found({ ofDevices: true }), [bound.id, other.id].sort());
    assert.equal((await found({})).length, 3);
  });

  it('moves its revision when keys end, and not otherwise', async () => {
    const { accounts } = await scene.store();
    const key = sampleApiKey();
    await accounts.putApiKey(key, unjournaled);
    const before = await accounts.keyRevision();
    await accounts.revokeApiKey('wp_unknown', 5, unjournaled);
    assert.equal(await accounts.keyRevision(), before);
    await accounts.revokeApiKey(key.id, 5, unjournaled);
    const after = await accounts.keyRevision();
    assert.notEqual(after, before);
    await accounts.revokeApiKey(key.id, 6, unjournaled);
    assert.equal(await accounts.keyRevision(), after);
    const user = {
      id: `user-${unique()}`,
      displayName: 'Ada',
      role: 'owner' as const,
      accounts: ['account-1'],
      wallets: [],
      createdAtMs: 0,
    };
    await accounts.createUser(user, unjournaled);
    assert.equal(await accounts.keyRevision(), after);
    await accounts.disableUser(user.id, 7, unjournaled);
    assert.notEqual(await accounts.keyRevision(), after);
  });

  it('lists the keys of an account, each once across pages', async () => {
    const { accounts } = await scene.store();
    const accountId = `account-${unique()}`;
    const keys = Array.from({ length: 5 }, () => sampleApiKey({ accountId }));
    for (const key of keys) await accounts.putApiKey(key, unjournaled);
    await accounts.putApiKey(sampleApiKey(), unjournaled);
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await accounts.listApiKeys({
        accountId,
        limit: 2,
        ...(cursor === undefined ? {} : { cursor }),
      });
      found.push(...page.items.map(({ id }) => id));
      cursor = page.cursor;
    } while (cursor !== undefined && found.length < 100);
    assert.deepEqual(found, keys.map(({ id }) => id).sort());
  });
}
