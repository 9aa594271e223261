import { describe, expect, it } from '@jest/globals';
import {
  ACCESS_CLASSES,
  mayAccess,
  seesEveryAccount,
  type Principal,
} from '../../src/accounts/access.js';
import { ApiKeyService } from '../../src/accounts/api-key.service.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { TestClock, testJournal } from '../ingestion/ingestion-fixture.js';

const ADMIN = 'an admin key of some length';

function open() {
  const clock = new TestClock(1000);
  const { accounts: store } = openMemoryStore({ clock });
  let drawn = 0;
  const random = (length: number): Uint8Array => Buffer.alloc(length, (drawn += 1));
  return {
    clock,
    store,
    service: new ApiKeyService({
      store,
      clock,
      random,
      config: { adminApiKey: ADMIN },
      journal: testJournal(clock),
    }),
  };
}

describe('API keys', () => {
  it('authenticate their account, role and scopes', async () => {
    const { service } = open();
    const { key } = await service.issue(
      { accountId: 'a', role: 'owner', scopes: ['read'] },
      'admin',
    );
    expect(key).toMatch(/^wpk_[0-9a-f]{16}\.[A-Za-z0-9_-]{43}$/);
    expect(await service.authenticate(key)).toMatchObject({
      kind: 'api-key',
      accountId: 'a',
      role: 'owner',
      scopes: ['read'],
    });
  });

  it('are kept without their secret', async () => {
    const { service, store } = open();
    const { key, stored } = await service.issue({ accountId: 'a', role: 'owner' }, 'admin');
    const secret = key.split('.')[1]!;
    const kept = await store.apiKey(stored.id);
    expect(JSON.stringify(kept)).not.toContain(secret);
    expect(kept?.digest).toHaveLength(32);
    expect(Buffer.from(kept!.digest)).not.toEqual(Buffer.from(secret, 'base64url'));
  });

  it('are refused when the secret differs, the id is unknown or the form is wrong', async () => {
    const { service } = open();
    const { key } = await service.issue({ accountId: 'a', role: 'owner' }, 'admin');
    const [id, secret] = key.split('.') as [string, string];
    const changed = `${secret[0] === 'A' ? 'B' : 'A'}${secret.slice(1)}`;
    for (const wrong of [
      `${id}.${changed}`,
      `wpk_${'0'.repeat(16)}.${secret}`,
      id,
      secret,
      '',
      `${key} `,
      key.toUpperCase(),
    ])
      expect(await service.authenticate(wrong)).toBeUndefined();
  });

  it('end at the millisecond they expire, and when revoked', async () => {
    const { service, clock } = open();
    const { key, stored } = await service.issue(
      {
        accountId: 'a',
        role: 'owner',
        expiresAtMs: 2000,
      },
      'admin',
    );
    clock.ms = 1999;
    expect(await service.authenticate(key)).toBeDefined();
    clock.ms = 2000;
    expect(await service.authenticate(key)).toBeUndefined();
    const other = await service.issue({ accountId: 'a', role: 'owner' }, 'admin');
    expect(stored.id).not.toBe(other.stored.id);
    await service.revoke(other.stored.id, 'admin');
    expect(await service.authenticate(other.key)).toBeUndefined();
  });

  it('know the configured admin key, whole only', async () => {
    const { service } = open();
    expect(await service.authenticate(ADMIN)).toMatchObject({ role: 'admin', kind: 'admin-key' });
    expect(await service.authenticate(ADMIN.slice(1))).toBeUndefined();
    expect(await service.authenticate(`${ADMIN} `)).toBeUndefined();
  });
});

const as = (role: Principal['role'], scopes: string[] = []): Principal => ({
  kind: 'api-key',
  id: 'k',
  accountId: 'a',
  role,
  scopes,
});

describe('Access', () => {
  it.each([
    [undefined, 'yes yes no no no no'],
    [as('device'), 'yes yes yes no no no'],
    [as('owner'), 'yes yes yes yes no no'],
    [as('auditor'), 'yes yes yes yes no no'],
    [as('operator'), 'yes yes yes yes yes no'],
    [as('admin'), 'yes yes yes yes yes yes'],
  ] as const)(
    'of %j to public, device, meter, owner, operator, admin routes',
    (principal, expected) => {
      const answers = ACCESS_CLASSES.map((one) => (mayAccess(principal, one) ? 'yes' : 'no'));
      expect(answers.join(' ')).toBe(expected);
    },
  );

  it('needs every scope a route asks for, unless the key has none listed', () => {
    expect(mayAccess(as('operator', ['read']), 'operator', ['flush'])).toBe(false);
    expect(mayAccess(as('operator', ['read', 'flush']), 'operator', ['flush'])).toBe(true);
    expect(mayAccess(as('operator'), 'operator', ['flush'])).toBe(true);
    expect(mayAccess(as('owner', ['flush']), 'operator', ['flush'])).toBe(false);
  });

  it('to the rows of every account is for operators, auditors and admins', () => {
    const roles = ['device', 'owner', 'auditor', 'operator', 'admin'] as const;
    expect(roles.filter((role) => seesEveryAccount(as(role)))).toEqual([
      'auditor',
      'operator',
      'admin',
    ]);
  });
});
