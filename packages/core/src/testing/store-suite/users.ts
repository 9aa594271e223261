import assert from 'node:assert/strict';
import type { StoredUser } from '../../accounts/user.js';
import type { Wallet } from '../../accounts/wallet.js';
import type { Journaled } from '../../logs/journal.js';
import { unjournaled } from '../unjournaled.js';
import { sampleApiKey } from './accounts.js';
import { sampleEntry, text, unique } from './sample-rows.js';
import { plain, type StoreScene, type Test } from './store-scene.js';

/** Users who lose their keys while they ask for more: enough to see it where nothing prevents it. */
const ROUNDS = 40;

function sampleUser(choices: Partial<StoredUser> = {}): StoredUser {
  const seed = unique();
  return {
    id: `00000000-0000-4000-8000-${String(seed).padStart(12, '0')}`,
    displayName: `User ${seed}`,
    role: 'owner',
    accounts: [`account-${seed}`],
    wallets: [],
    createdAtMs: 1_750_000_000_000,
    ...choices,
  };
}

const sampleWallet = (): Wallet => ({
  chain: 'evm',
  address: `0x${String(unique()).padStart(40, '0')}`,
});

export function userTests(scene: StoreScene, it: Test): void {
  /** What the log would say of a change, and whether it does. */
  const saying = (bytes = text(`said ${unique()}`)) => {
    const row = sampleEntry({ source: 'system', type: 'audit', bytes });
    const said: Journaled = { rows: [row], issue: (given) => scene.issue(given) };
    return {
      said,
      isSaid: async () => (await (await scene.store()).entries.get(row.id)) !== undefined,
    };
  };

  it('gives back users as they were created, by id and by wallet', async () => {
    const { accounts } = await scene.store();
    const wallets = [sampleWallet(), sampleWallet()];
    const user = sampleUser({ accounts: ['a', 'b'], wallets });
    const { said, isSaid } = saying();
    assert.equal(await accounts.createUser(user, said), 'created');
    assert.equal(await isSaid(), true);
    assert.deepEqual(plain(await accounts.user(user.id)), plain(user));
    for (const wallet of wallets) assert.equal((await accounts.userOfWallet(wallet))?.id, user.id);
    assert.equal(await accounts.userOfWallet(sampleWallet()), undefined);
    assert.equal(await accounts.userOfWallet({ ...wallets[0]!, chain: 'bsv' }), undefined);
    assert.equal(await accounts.user('nobody'), undefined);
  });

  it('never gives one wallet to two users, and keeps nothing of a user who wanted it', async () => {
    const { accounts } = await scene.store();
    const [wallet, free] = [sampleWallet(), sampleWallet()];
    const first = sampleUser({ wallets: [wallet] });
    await accounts.createUser(first, unjournaled);
    const second = sampleUser({ wallets: [free, wallet] });
    const { said, isSaid } = saying();
    assert.equal(await accounts.createUser(second, said), 'wallet_taken');
    assert.equal(await isSaid(), false);
    assert.equal(await accounts.user(second.id), undefined);
    assert.equal(await accounts.userOfWallet(free), undefined);
    const third = sampleUser();
    await accounts.createUser(third, unjournaled);
    assert.equal(await accounts.addWallet(third.id, wallet, unjournaled), 'wallet_taken');
    assert.equal(await accounts.addWallet(third.id, free, unjournaled), 'added');
    assert.equal(await accounts.addWallet(third.id, free, unjournaled), 'unchanged');
    assert.equal(await accounts.addWallet('nobody', sampleWallet(), unjournaled), 'unknown');
    assert.equal(await accounts.removeWallet(third.id, wallet, unjournaled), false);
    assert.equal(await accounts.removeWallet(first.id, wallet, unjournaled), true);
    assert.equal(await accounts.addWallet(third.id, wallet, unjournaled), 'added');
    assert.equal((await accounts.user(third.id))?.wallets.length, 2);
  });

  it('lets one of many who want a wallet at once have it', async () => {
    const { accounts } = await scene.store();
    const wallet = sampleWallet();
    const users = Array.from({ length: 8 }, () => sampleUser());
    for (const user of users) await accounts.createUser(user, unjournaled);
    const answers = await Promise.all(
      users.map(({ id }) => accounts.addWallet(id, wallet, unjournaled)),
    );
    assert.deepEqual(answers.toSorted(), ['added', ...users.slice(1).map(() => 'wallet_taken')]);
  });

  it('ends every key of a user with the user', async () => {
    const { accounts } = await scene.store();
    const user = sampleUser();
    await accounts.createUser(user, unjournaled);
    const [accountId] = user.accounts as [string];
    const own = { userId: user.id, accountId, role: 'owner' } as const;
    const [first, gone, others] = [sampleApiKey(own), sampleApiKey(own), sampleApiKey()];
    for (const key of [first, gone, others])
      assert.equal(await accounts.putApiKey(key, unjournaled), true);
    await accounts.revokeApiKey(gone.id, 4, unjournaled);
    assert.equal(await accounts.disableUser(user.id, 5, unjournaled), true);
    assert.equal(await accounts.disableUser(user.id, 6, unjournaled), false);
    assert.equal((await accounts.user(user.id))?.disabledAtMs, 5);
    const revoked = async ({ id }: { id: string }) => (await accounts.apiKey(id))?.revokedAtMs;
    assert.equal(await revoked(first), 5);
    assert.equal(await revoked(gone), 4);
    assert.equal(await revoked(others), undefined);
    assert.equal(await accounts.putApiKey(sampleApiKey(own), unjournaled), false);
    assert.equal(await accounts.addWallet(user.id, sampleWallet(), unjournaled), 'unknown');
  });

  it('leaves no key to a user who is disabled while keys are asked for', async () => {
    const { accounts } = await scene.store();
    const rounds = Array.from({ length: ROUNDS }, async () => {
      const user = sampleUser();
      await accounts.createUser(user, unjournaled);
      const own = { userId: user.id, accountId: user.accounts[0]!, role: 'owner' } as const;
      const asked = () => accounts.putApiKey(sampleApiKey(own), unjournaled);
      await Promise.all([asked(), accounts.disableUser(user.id, 5, unjournaled), asked()]);
      const { items } = await accounts.listApiKeys({ userId: user.id, limit: 9 });
      assert.deepEqual(
        items.map(({ revokedAtMs }) => revokedAtMs),
        items.map(() => 5),
        'a key outlived its user',
      );
    });
    await Promise.all(rounds);
  });

  it('keeps no key that may do more than its user, whoever lets it through', async () => {
    const { accounts } = await scene.store();
    const user = sampleUser();
    await accounts.createUser(user, unjournaled);
    const own = { userId: user.id, accountId: user.accounts[0]!, role: 'owner' } as const;
    for (const more of [
      { role: 'admin' },
      { accountId: 'another' },
      { userId: 'nobody' },
    ] as const) {
      const key = sampleApiKey({ ...own, ...more });
      const { said, isSaid } = saying();
      assert.equal(await accounts.putApiKey(key, said), false);
      assert.equal(await accounts.apiKey(key.id), undefined);
      assert.equal(await isSaid(), false);
    }
    const { items } = await accounts.listApiKeys({ userId: user.id, limit: 9 });
    assert.deepEqual(items, []);
  });

  it('changes nothing of which the log will not hold what was to be said', async () => {
    const { accounts } = await scene.store();
    const user = sampleUser({ wallets: [sampleWallet()] });
    const key = sampleApiKey();
    await accounts.createUser(user, unjournaled);
    await accounts.putApiKey(key, unjournaled);
    const { said } = saying();
    const refused: Journaled = {
      ...said,
      // Entries of the same id: the second cannot be stored.
      rows: [said.rows[0]!, { ...sampleEntry({ source: 'system' }), id: said.rows[0]!.id }],
    };
    const other = sampleUser();
    const attempts = [
      accounts.createUser(other, refused),
      accounts.disableUser(user.id, 5, refused),
      accounts.addWallet(user.id, sampleWallet(), refused),
      accounts.removeWallet(user.id, user.wallets[0]!, refused),
      accounts.revokeApiKey(key.id, 5, refused),
      accounts.putApiKey(sampleApiKey({ accountId: other.id }), refused),
    ];
    for (const attempt of await Promise.allSettled(attempts))
      assert.equal(attempt.status, 'rejected');
    assert.deepEqual(plain(await accounts.user(user.id)), plain(user));
    assert.deepEqual(plain(await accounts.apiKey(key.id)), plain(key));
    assert.equal(await accounts.user(other.id), undefined);
    assert.deepEqual((await accounts.listApiKeys({ accountId: other.id, limit: 9 })).items, []);
  });

  it('lists users by account, role and wallet, each once across pages', async () => {
    const { accounts } = await scene.store();
    const shared = `account-${unique()}`;
    const users = Array.from({ length: 5 }, (_, at) =>
      sampleUser({
        accounts: ['z', shared],
        role: at % 2 === 0 ? 'owner' : 'auditor',
        wallets: at === 0 ? [sampleWallet()] : [],
      }),
    );
    for (const user of users) await accounts.createUser(user, unjournaled);
    const ids = async (more: object) => {
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await accounts.listUsers({
          accountId: shared,
          limit: 2,
          ...more,
          ...(cursor === undefined ? {} : { cursor }),
        });
        found.push(...page.items.map(({ id }) => id));
        cursor = page.cursor;
      } while (cursor !== undefined && found.length < 100);
      return found;
    };
    const all = users.map(({ id }) => id).sort();
    assert.deepEqual(await ids({}), all);
    assert.deepEqual(await ids({ role: 'auditor' }), [users[1]!.id, users[3]!.id].sort());
    assert.deepEqual(await ids({ withWallet: true }), [users[0]!.id]);
    assert.deepEqual(await ids({ accountId: 'nobodys' }), []);
  });
}
