import { describe, expect, it } from '@jest/globals';
import type { AccountStore } from '../../src/accounts/account.store.js';
import { ApiKeyDirectory } from '../../src/accounts/api-key-directory.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { sampleApiKey } from '../../src/testing/store-suite/accounts.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { TestClock } from '../ingestion/ingestion-fixture.js';

/** A directory over a store that counts what it is asked. */
async function open(entries = 100) {
  const clock = new TestClock(0);
  const { accounts: store } = openMemoryStore({ clock });
  const asked = { keys: 0, revisions: 0 };
  const counting: Pick<AccountStore, 'apiKey' | 'keyRevision'> = {
    apiKey(id) {
      asked.keys += 1;
      return store.apiKey(id);
    },
    keyRevision() {
      asked.revisions += 1;
      return store.keyRevision();
    },
  };
  const key = sampleApiKey();
  await store.putApiKey(key, unjournaled);
  const directory = new ApiKeyDirectory({ store: counting, clock, maxStaleMs: 200, entries });
  return { clock, store, asked, key, directory };
}

describe('The directory of API keys', () => {
  it('asks for a key once, and for what changed at most once per time', async () => {
    const { directory, asked, key, clock } = await open();
    for (let message = 0; message < 1000; message += 1) {
      clock.ms = message;
      expect(await directory.apiKey(key.id)).toMatchObject({ id: key.id });
    }
    expect(asked).toEqual({ keys: 1, revisions: 5 });
  });

  it('sees what another process revoked as soon as what it remembers is that old', async () => {
    const { directory, store, key, clock } = await open();
    await directory.apiKey(key.id);
    await store.revokeApiKey(key.id, 1, unjournaled);
    clock.ms = 199;
    expect((await directory.apiKey(key.id))?.revokedAtMs).toBeUndefined();
    clock.ms = 200;
    expect((await directory.apiKey(key.id))?.revokedAtMs).toBe(1);
  });

  it('sees at once what was revoked here', async () => {
    const { directory, store, key } = await open();
    await directory.apiKey(key.id);
    await store.revokeApiKey(key.id, 1, unjournaled);
    directory.invalidate();
    expect((await directory.apiKey(key.id))?.revokedAtMs).toBe(1);
  });

  it('remembers no id that nobody has, and no more keys than it may', async () => {
    const { directory, store, asked, key } = await open(2);
    expect(await directory.apiKey('wpk_unknown')).toBeUndefined();
    await store.putApiKey(sampleApiKey({ id: 'wpk_unknown' }), unjournaled);
    expect(await directory.apiKey('wpk_unknown')).toBeDefined();
    const third = sampleApiKey();
    await store.putApiKey(third, unjournaled);
    asked.keys = 0;
    for (const id of [key.id, third.id, third.id, key.id]) await directory.apiKey(id);
    expect(asked.keys).toBe(3);
  });
});
