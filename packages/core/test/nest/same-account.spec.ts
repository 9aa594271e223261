import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask } from './hosts.js';

const QUARTER_MS = 900_000;

describe('What an owner has in common with others', () => {
  let gateway: TestGateway;
  let api: string;
  const issue = async (accountId: string, role: string): Promise<string> => {
    const body = { account_id: accountId, role };
    return (await ask(`${api}/admin/api-keys`, { body, key: gateway.adminKey })).json.key;
  };
  beforeAll(async () => {
    gateway = await startTestGateway({ parts: { plugins: [] } });
    api = `${gateway.url}/api/v1`;
  });
  afterAll(() => gateway.stop());

  it('an endpoint that hears of every account is not for an owner of the same account', async () => {
    const operator = await issue('grid', 'operator');
    const owner = await issue('grid', 'owner');
    const create = (scope: string, key: string) =>
      ask(`${api}/webhooks`, { body: { url: 'https://hooks.example/secret', scope }, key });
    const all = (await create('all', operator)).json.id;
    const own = (await create('account', owner)).json.id;
    const { json } = await ask(`${api}/webhooks`, { key: owner });
    expect(json.map(({ id }: { id: string }) => id)).toEqual([own]);
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/deliveries'],
      ['PATCH', ''],
      ['POST', '/test'],
      ['DELETE', ''],
    ] as const) {
      const body = method === 'PATCH' ? { body: { url: 'https://hooks.example/mine' } } : {};
      const answer = await ask(`${api}/webhooks/${all}${path}`, { method, key: owner, ...body });
      expect([method, path, answer.status]).toEqual([method, path, 404]);
    }
    expect((await ask(`${api}/webhooks`, { key: operator })).json).toHaveLength(2);
  });

  it('a meter that was handed over tells its former owner nothing of the next one', async () => {
    const solar = new TestDevice('solar-1');
    await gateway.services.store.meters.register(
      solar.stored('active', { accountId: 'ada' }),
      unjournaled,
    );
    const [ada, bob] = [await issue('ada', 'owner'), await issue('bob', 'owner')];
    const send = async (seq: number) => {
      const members = { import_kwh: undefined, generation_kwh: '1', seq };
      const body = solar.signed(solar.reading(gateway.clock.nowMs(), members));
      expect((await ask(`${api}/readings`, { body })).status).toBe(200);
    };
    await send(1);
    const offer = await ask(`${api}/meters/solar-1/transfer`, {
      body: { to_account: 'bob' },
      key: ada,
    });
    const { transfer_id } = offer.json;
    await ask(`${api}/meters/solar-1/transfer/accept`, { body: { transfer_id }, key: bob });
    for (const seq of [2, 7]) {
      await (gateway.clock as FakeClock).advance(2 * QUARTER_MS);
      await send(seq);
    }
    await gateway.settle();
    const energy = (key: string) => ask(`${api}/meters/solar-1/energy?limit=2`, { key });
    const adas = await energy(ada);
    expect([adas.json.intervals.length, adas.headers.get('link')]).toEqual([2, null]);
    expect((await energy(bob)).headers.get('link')).toEqual(expect.any(String));
    const gaps = (key: string) => ask(`${api}/meters/solar-1/gaps`, { key });
    expect((await gaps(ada)).status).toBe(404);
    expect((await gaps(bob)).json.keys[0].highest).toBe('7');
  });
});
