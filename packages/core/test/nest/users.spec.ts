import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { ask } from './hosts.js';

const EVM = '0x52908400098527886E0F7030069857D2E4169EE7';
const SOLANA = 'GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB';

describe('Users', () => {
  let gateway: TestGateway;
  let api: string;
  beforeAll(async () => {
    gateway = await startTestGateway({ parts: { plugins: [] } });
    api = `${gateway.url}/api/v1`;
  });
  afterAll(() => gateway.stop());

  const admin = (path: string, body?: object, method?: string) =>
    ask(`${api}/admin/${path}`, {
      key: gateway.adminKey,
      ...(body === undefined ? {} : { body }),
      ...(method === undefined ? {} : { method }),
    });
  const create = async (more: object = {}) =>
    (await admin('users', { display_name: 'Ada', role: 'owner', accounts: ['ada'], ...more })).json;
  const keyOf = (user: { id: string }, more: object = {}) =>
    admin('api-keys', { account_id: 'ada', role: 'owner', user_id: user.id, ...more });
  const said = async (subject: string) => {
    const { items } = await gateway.services.store.entries.list({ type: 'audit', limit: 1000 });
    return items
      .map(({ bytes }) => JSON.parse(Buffer.from(bytes).toString()))
      .filter((entry) => entry.subject === subject);
  };

  it('are created with their accounts and wallets, by name nowhere in the log', async () => {
    const wallets = [
      { chain: 'solana', address: SOLANA },
      { chain: 'evm', address: EVM },
    ];
    const user = await create({ display_name: 'Ada Lovelace', accounts: ['ada', 'ada'], wallets });
    expect(user).toEqual({
      id: expect.stringMatching(
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      ),
      display_name: 'Ada Lovelace',
      role: 'owner',
      accounts: ['ada'],
      wallets: [
        { chain: 'evm', address: EVM.toLowerCase() },
        { chain: 'solana', address: SOLANA },
      ],
      created_at: new Date(gateway.clock.nowMs()).toISOString(),
      disabled_at: null,
    });
    expect((await admin(`users/${user.id}`)).json).toEqual(user);
    const [entry] = await said(`user ${user.id}`);
    expect(entry).toMatchObject({ actor: 'admin', action: 'user.created' });
    expect(JSON.stringify(entry)).not.toContain('Lovelace');
    for (const one of wallets)
      await admin(`users/${user.id}/wallets/${one.chain}/${one.address}`, undefined, 'DELETE');
    expect((await admin(`users/${user.id}`)).json.wallets).toEqual([]);
  });

  it('never share a wallet, however it is spelled', async () => {
    const wallet = { chain: 'evm', address: EVM };
    const first = await create({ wallets: [wallet] });
    const again = await admin('users', {
      display_name: 'Eve',
      role: 'owner',
      accounts: ['eve'],
      wallets: [{ chain: 'evm', address: `0x${EVM.slice(2).toLowerCase()}` }],
    });
    expect([again.status, again.json.code]).toEqual([409, 'wallet_taken']);
    const eve = await create({ display_name: 'Eve', accounts: ['eve'] });
    const added = await admin(`users/${eve.id}/wallets`, wallet);
    expect([added.status, added.json.code]).toEqual([409, 'wallet_taken']);
    const taken = await admin(`users/${eve.id}/wallets/evm/${EVM}`, undefined, 'DELETE');
    expect([taken.status, taken.json.code]).toEqual([404, 'wallet_not_found']);
    const removed = await admin(`users/${first.id}/wallets/evm/${EVM}`, undefined, 'DELETE');
    expect([removed.status, removed.json.wallets]).toEqual([200, []]);
    expect((await admin(`users/${eve.id}/wallets`, wallet)).json.wallets).toHaveLength(1);
    expect((await said(`user ${eve.id}`)).map(({ action }) => action)).toEqual([
      'user.created',
      'user.wallet-added',
    ]);
  });

  it('see by a key of theirs who they are', async () => {
    const user = await create({ accounts: ['ada', 'bea'] });
    const { json } = await keyOf(user, { scopes: ['read'] });
    for (const path of ['auth/me', 'users/me'])
      expect((await ask(`${api}/${path}`, { key: json.key })).json).toEqual({
        id: user.id,
        display_name: 'Ada',
        role: 'owner',
        account_id: 'ada',
        accounts: ['ada', 'bea'],
        wallet_address: null,
        wallets: [],
        key_id: json.id,
        scopes: ['read'],
      });
    const nobodys = await ask(`${api}/auth/me`, { key: gateway.adminKey });
    expect(nobodys.json).toMatchObject({ id: null, role: 'admin', account_id: 'admin' });
  });

  it('have no key that may do more than they may', async () => {
    const user = await create();
    for (const more of [{ role: 'auditor' }, { role: 'admin' }, { account_id: 'bob' }]) {
      const { status, json } = await keyOf(user, more);
      expect([status, json.code]).toEqual([409, 'key_exceeds_user']);
    }
    const unknown = await keyOf({ id: '00000000-0000-4000-8000-000000000000' });
    expect([unknown.status, unknown.json.code]).toEqual([404, 'user_not_found']);
    expect((await keyOf(user, { role: 'device' })).status).toBe(201);
    const { json } = await admin(`api-keys?user_id=${user.id}`);
    expect(json.map(({ role }: { role: string }) => role)).toEqual(['device']);
  });

  it('lose every key when they are disabled, and get none after', async () => {
    const user = await create();
    const keys = [(await keyOf(user)).json, (await keyOf(user)).json];
    const disabled = await admin(`users/${user.id}/disable`, {});
    expect([disabled.status, disabled.json.disabled_at]).toEqual([
      200,
      new Date(gateway.clock.nowMs()).toISOString(),
    ]);
    for (const { key } of keys)
      expect((await ask(`${api}/meters`, { key })).json.code).toBe('api_key_invalid');
    expect((await keyOf(user)).json.code).toBe('key_exceeds_user');
    const again = await admin(`users/${user.id}/disable`, {});
    expect([again.status, again.json.code]).toEqual([409, 'user_disabled']);
    const wallet = await admin(`users/${user.id}/wallets`, { chain: 'evm', address: EVM });
    expect([wallet.status, wallet.json.code]).toEqual([409, 'user_disabled']);
  });

  it('and their keys are told to the account they are of', async () => {
    const { json } = await admin('api-keys', { account_id: 'cyd', role: 'owner' });
    await admin(`api-keys/${json.id}`, undefined, 'DELETE');
    expect((await said(`key ${json.id}`)).map(({ action }) => action)).toEqual([
      'api-key.issued',
      'api-key.revoked',
    ]);
    const { items } = await gateway.services.store.entries.list({ accountId: 'cyd', limit: 10 });
    expect(items).toHaveLength(2);
  });

  it('are listed by account and role, each once across pages', async () => {
    const ids = [];
    for (const role of ['owner', 'auditor', 'owner', 'owner'])
      ids.push((await create({ role, accounts: ['dee', 'dan'] })).id);
    const found: string[] = [];
    let path: string | undefined = `/api/v1/admin/users?account_id=dee&role=owner&limit=2`;
    while (path !== undefined) {
      const { json, headers } = await ask(gateway.url + path, { key: gateway.adminKey });
      found.push(...json.map(({ id }: { id: string }) => id));
      path = /<([^>]+)>/.exec(headers.get('link') ?? '')?.[1];
    }
    expect(found).toEqual([ids[0], ids[2], ids[3]].sort());
  });

  const named = { display_name: 'Ada', role: 'owner', accounts: ['ada'] };
  it.each<[string, string, unknown, number, string]>([
    ['POST', 'users', {}, 400, 'body_invalid'],
    ['POST', 'users', '[]', 400, 'body_invalid'],
    ['POST', 'users', '{"display_name":"a","display_name":"b"}', 400, 'json_duplicate_key'],
    ['POST', 'users', { ...named, display_name: 'a\u0000' }, 400, 'body_invalid'],
    ['POST', 'users', { ...named, display_name: 'a\u202eb' }, 400, 'body_invalid'],
    ['POST', 'users', { ...named, role: 'root' }, 400, 'body_invalid'],
    ['POST', 'users', { ...named, accounts: [] }, 400, 'body_invalid'],
    ['POST', 'users', { ...named, accounts: ['a'.repeat(257)] }, 400, 'body_invalid'],
    ['POST', 'users', { ...named, id: 'mine' }, 400, 'body_invalid'],
    [
      'POST',
      'users',
      { ...named, wallets: [{ chain: 'doge', address: 'D' }] },
      400,
      'body_invalid',
    ],
    [
      'POST',
      'users',
      { ...named, wallets: [{ chain: 'evm', address: '0x1' }] },
      400,
      'wallet_invalid',
    ],
    [
      'POST',
      'users',
      { ...named, wallets: [{ chain: 'solana', address: EVM }] },
      400,
      'wallet_invalid',
    ],
    ['GET', 'users?role=root', undefined, 400, 'query_invalid'],
    ['GET', 'users?limit=0', undefined, 400, 'query_invalid'],
    ['GET', 'users?cursor=n1', undefined, 400, 'cursor_invalid'],
    ['GET', 'users/nobody', undefined, 404, 'user_not_found'],
    ['GET', `users/${'a'.repeat(300)}`, undefined, 404, 'user_not_found'],
    ['POST', 'users/nobody/disable', {}, 404, 'user_not_found'],
    ['POST', 'users/nobody/wallets', { chain: 'evm', address: EVM }, 404, 'user_not_found'],
    ['POST', 'users/nobody/wallets', { chain: 'evm' }, 400, 'body_invalid'],
    ['DELETE', `users/nobody/wallets/evm/${EVM}`, undefined, 404, 'user_not_found'],
    ['DELETE', `users/nobody/wallets/doge/D`, undefined, 404, 'wallet_not_found'],
    ['POST', 'api-keys', { account_id: 'a', role: 'owner', user_id: 'me' }, 400, 'body_invalid'],
    [
      'POST',
      'api-keys',
      { account_id: 'a', role: 'owner', expires_at: 'soon' },
      400,
      'body_invalid',
    ],
    ['DELETE', 'api-keys/nobody', undefined, 404, 'api_key_not_found'],
  ])('refuse %s %s with the body %j', async (method, path, body, status, code) => {
    const answer = await ask(`${api}/admin/${path}`, {
      method,
      key: gateway.adminKey,
      ...(body === undefined ? {} : { body: body as object | string }),
    });
    expect([answer.status, answer.json?.code]).toEqual([status, code]);
  });
});
