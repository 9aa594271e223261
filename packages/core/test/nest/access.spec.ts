import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mayAccess } from '../../src/accounts/access.js';
import type { Role } from '../../src/accounts/account.store.js';
import { OPEN_GROUPS, type RouteRule, ROUTES } from '../../src/nest/http/routes.js';
import type { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { ask, HOSTS } from './hosts.js';

const ROLES: readonly Role[] = ['admin', 'operator', 'auditor', 'owner', 'device'];
const RULES: readonly (readonly [string, RouteRule])[] = Object.entries(ROUTES);

/** Answers that come from the guard and from nothing behind it. */
const GUARD_CODES = ['api_key_required', 'api_key_invalid', 'role_insufficient', 'scope_missing'];

/** Who may: written out by hand, so that the table of the code is checked against something else. */
const MAY: Readonly<Record<RouteRule['access'], readonly (Role | 'nobody')[]>> = {
  public: ['nobody', 'admin', 'operator', 'auditor', 'owner', 'device'],
  device: ['nobody', 'admin', 'operator', 'auditor', 'owner', 'device'],
  meter: ['admin', 'operator', 'auditor', 'owner', 'device'],
  owner: ['admin', 'operator', 'auditor', 'owner'],
  operator: ['admin', 'operator'],
  admin: ['admin'],
};

describe.each(HOSTS)('Access on %s', (host) => {
  let gateway: TestGateway;
  const keys = new Map<Role, string>();
  /** An administrator's, worth nothing any more. */
  const dead: string[] = [];

  beforeAll(async () => {
    gateway = await startTestGateway({ host, parts: { plugins: [] } });
    for (const role of ROLES) {
      const { json } = await ask(`${gateway.url}/api/v1/admin/api-keys`, {
        body: { account_id: `account-${role}`, role },
        key: gateway.adminKey,
      });
      keys.set(role, json.key);
    }
    const expires = new Date(gateway.clock.nowMs() + 1000).toISOString();
    for (const more of [{ expires_at: expires }, {}]) {
      const { json } = await ask(`${gateway.url}/api/v1/admin/api-keys`, {
        body: { account_id: 'account-admin', role: 'admin', ...more },
        key: gateway.adminKey,
      });
      dead.push(json.key);
      if (json.expires_at === null) await gateway.services.apiKeys.revoke(json.id, 'admin');
    }
    await (gateway.clock as FakeClock).advance(1000);
  });
  afterAll(() => gateway.stop());

  async function refusedBy(rule: RouteRule, key: string | undefined, path = rule.path) {
    const answer = await ask(gateway.url + path.replaceAll(/:\w+/g, 'none'), {
      method: rule.method,
      ...(rule.method === 'POST' ? { body: {} } : {}),
      ...(key === undefined ? {} : { key }),
    });
    const code = answer.json?.code;
    return GUARD_CODES.includes(code) ? `${answer.status} ${code}` : 'passed';
  }

  it.each(RULES)('%s lets exactly its class through', async (_name, rule) => {
    const may = MAY[rule.access];
    expect(await refusedBy(rule, undefined)).toBe(
      may.includes('nobody') ? 'passed' : '401 api_key_required',
    );
    for (const role of ROLES) {
      expect([role, await refusedBy(rule, keys.get(role))]).toEqual([
        role,
        may.includes(role) ? 'passed' : '403 role_insufficient',
      ]);
      expect(mayAccess({ role, scopes: [] } as never, rule.access)).toBe(may.includes(role));
    }
    for (const key of ['wpk_0000000000000000.wrong', ...dead])
      expect(await refusedBy(rule, key)).toBe('401 api_key_invalid');
    for (const alias of rule.aliases ?? []) {
      expect(await refusedBy(rule, undefined, alias)).toBe(await refusedBy(rule, undefined));
    }
  });

  it('names the class of every route in the OpenAPI document, and no other route', async () => {
    const { json } = await ask(`${gateway.url}/openapi.json`);
    const shown = Object.entries<Record<string, Record<string, string>>>(json.paths).flatMap(
      ([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => [
          `${method.toUpperCase()} ${path}`,
          operation['x-access'],
        ]),
    );
    const listed = RULES.flatMap(([, rule]) =>
      [rule.path, ...(rule.aliases ?? [])].map((path) => [
        `${rule.method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`,
        rule.access,
      ]),
    );
    expect(shown.map(String).sort()).toEqual(listed.map(String).sort());
  });

  it('a key with scopes does what they name and nothing else, whatever its role', async () => {
    const keyWith = async (scope: string): Promise<string> => {
      const { json } = await ask(`${gateway.url}/api/v1/admin/api-keys`, {
        body: { account_id: 'a', role: 'admin', scopes: [scope] },
        key: gateway.adminKey,
      });
      return json.key;
    };
    const none = await keyWith('nothing');
    const byScope = new Map<string, string>();
    for (const [name, rule] of RULES) {
      const isPublic = rule.access === 'public';
      expect([name, rule.scope === undefined]).toEqual([name, isPublic]);
      expect([name, await refusedBy(rule, none)]).toEqual([
        name,
        isPublic ? 'passed' : '403 scope_missing',
      ]);
      if (rule.scope === undefined) continue;
      const key = byScope.get(rule.scope) ?? (await keyWith(rule.scope));
      byScope.set(rule.scope, key);
      expect([name, await refusedBy(rule, key)]).toEqual([name, 'passed']);
    }
    expect([...byScope.keys()].sort()).toEqual([
      'accounts',
      'anchors',
      'backfill',
      'erasure',
      'flush',
      'ingest',
      'meters',
      'notices',
      'quarantine',
      'read',
      'webhooks',
    ]);
  });

  it('refuses a key as soon as it is revoked, and never shows a secret again', async () => {
    const created = await ask(`${gateway.url}/api/v1/admin/api-keys`, {
      body: { account_id: 'a', role: 'owner' },
      key: gateway.adminKey,
    });
    expect(created.status).toBe(201);
    const { id, key } = created.json;
    expect(await refusedBy(ROUTES.listLogs, key)).toBe('passed');
    const list = await ask(`${gateway.url}/api/v1/admin/api-keys`, { key: gateway.adminKey });
    expect(list.text).toContain(id);
    expect(list.text).not.toContain(key.split('.')[1]);
    await ask(`${gateway.url}/api/v1/admin/api-keys/${id}`, {
      method: 'DELETE',
      key: gateway.adminKey,
    });
    expect(await refusedBy(ROUTES.listLogs, key)).toBe('401 api_key_invalid');
  });

  it.each(OPEN_GROUPS)(
    'http.open: [%s] opens the routes of that name and no other',
    async (name) => {
      const open = await startTestGateway({
        host,
        config: { http: { open: [name] } },
        parts: { plugins: [] },
      });
      const opened = RULES.filter(([, { opens }]) => opens === name);
      expect(opened.length).toBeGreaterThan(0);
      for (const [route, rule] of RULES) {
        const answer = await ask(open.url + rule.path.replaceAll(/:\w+/g, 'none'), {
          method: rule.method,
          ...(rule.method === 'POST' ? { body: {} } : {}),
        });
        const isLetIn = rule.opens === name || ['public', 'device'].includes(rule.access);
        expect([route, answer.json?.code === 'api_key_required']).toEqual([route, !isLetIn]);
      }
      await open.stop();
    },
  );
});
