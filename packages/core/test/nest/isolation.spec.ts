import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { ROUTES, type RouteRule } from '../../src/nest/http/routes.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask, HOSTS } from './hosts.js';

/** What an owner may read: every route of the class, so that a new one is looked at, too. */
const READS = Object.entries<RouteRule>(ROUTES).filter(
  ([, { method, access }]) => method === 'GET' && access === 'owner',
);

describe.each(HOSTS)('Two accounts of one gateway on %s', (host) => {
  let gateway: TestGateway;
  const alice = new TestDevice('meter of alice');
  const bob = new TestDevice('meter of bob');
  const key = new Map<string, string>();
  const entry = new Map<string, string>();
  let batch: string;
  let webhook: string;

  beforeAll(async () => {
    gateway = await startTestGateway({ host });
    const api = `${gateway.url}/api/v1`;
    for (const [accountId, device] of [
      ['alice', alice],
      ['bob', bob],
    ] as const) {
      await gateway.services.store.meters.register(
        device.stored('active', { accountId }),
        unjournaled,
      );
      const issued = await ask(`${api}/admin/api-keys`, {
        body: { account_id: accountId, role: 'owner' },
        key: gateway.adminKey,
      });
      key.set(accountId, issued.json.key);
      const body = device.signed(device.reading(gateway.clock.nowMs()));
      entry.set(accountId, (await ask(`${api}/readings`, { body })).json.id);
    }
    const flushed = await ask(`${api}/batches/flush`, { method: 'POST', key: gateway.adminKey });
    batch = flushed.json.id;
    const hook = await ask(`${api}/webhooks`, {
      body: { url: 'https://hooks.example/of-alice' },
      key: key.get('alice')!,
    });
    webhook = hook.json.id;
    expect(webhook).toEqual(expect.any(String));
  });
  afterAll(() => gateway.stop());

  const queries = [
    '',
    '?limit=1',
    '?meter_id=meter%20of%20alice',
    '?owner=alice',
    '?account_id=alice',
    '?format=bundle',
    '?cursor=0',
  ];
  const idsOf = (path: string): readonly string[] => {
    if (path.includes('/batches/')) return [batch];
    if (path.includes('/webhooks/')) return [webhook];
    return [entry.get('alice')!, 'meter%20of%20alice'];
  };

  it.each(READS)('see nothing of each other at %s', async (_name, { path }) => {
    const ids = path.includes(':id') ? idsOf(path) : [''];
    for (const id of ids)
      for (const query of queries) {
        const url = gateway.url + path.replace(':id', id) + query;
        const own = await ask(url, { key: key.get('bob')! });
        expect(own.status).toBeLessThan(500);
        // Told like one that does not exist: the same words whatever the id.
        const secrets = [
          entry.get('alice')!,
          alice.meterId,
          alice.key.keyId,
          '"alice"',
          'of-alice',
        ];
        for (const secret of secrets)
          expect([url, own.text.includes(secret)]).toEqual([url, false]);
        if (/\/(?:logs|meters|webhooks)\/:id/.test(path))
          expect([url, own.status]).toEqual([url, 404]);
      }
  });

  it('see what is theirs, and an auditor sees both', async () => {
    const api = `${gateway.url}/api/v1`;
    const mine = await ask(`${api}/logs?source=external`, { key: key.get('bob')! });
    expect(mine.json.map(({ id }: { id: string }) => id)).toEqual([entry.get('bob')]);
    const shared = await ask(`${api}/batches/${batch}`, { key: key.get('bob')! });
    expect(shared.json.log_ids).toEqual([entry.get('bob')]);
    const issued = await ask(`${api}/admin/api-keys`, {
      body: { account_id: 'auditors', role: 'auditor' },
      key: gateway.adminKey,
    });
    const all = await ask(`${api}/batches/${batch}/export`, { key: issued.json.key });
    expect(all.json.logs).toHaveLength(2);
  });

  it("cannot send for each other's meters without their signature", async () => {
    const open = await startTestGateway({
      host,
      config: { devices: { unsigned: 'accept' } },
      parts: { plugins: [] },
    });
    await open.services.store.meters.register(
      alice.stored('active', { accountId: 'alice' }),
      unjournaled,
    );
    const issue = async (account: string, role: string): Promise<string> => {
      const body = { account_id: account, role };
      return (await ask(`${open.url}/api/v1/admin/api-keys`, { body, key: open.adminKey })).json
        .key;
    };
    const send = async (key?: string) => {
      const body = alice.emlog(open.clock.nowMs());
      const options = key === undefined ? { body } : { body, key };
      const { status, json } = await ask(`${open.url}/api/v1/logs`, options);
      return [status, json.code ?? json.verdict];
    };
    expect(await send()).toEqual([401, 'device_signature_required']);
    expect(await send(await issue('bob', 'owner'))).toEqual([403, 'meter_not_owned']);
    expect(await send(await issue('bob', 'auditor'))).toEqual([403, 'meter_not_owned']);
    expect(await send(await issue('alice', 'owner'))).toEqual([200, 'accepted']);
    expect(await send(await issue('operators', 'operator'))).toEqual([200, 'duplicate']);
    await open.stop();
  });
});
