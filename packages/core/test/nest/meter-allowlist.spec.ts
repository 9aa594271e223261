import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SimulatedDevice } from '../../src/simulator/simulated-device.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { ask, HOSTS } from './hosts.js';

describe.each(HOSTS)('The list of meters that may register on %s', (host) => {
  let gateway: TestGateway;
  let api: string;
  beforeAll(async () => {
    gateway = await startTestGateway({
      host,
      config: { devices: { registration: 'allowlist', allowlist: ['meter-configured'] } },
      parts: { plugins: [] },
    });
    api = `${gateway.url}/api/v1`;
  });
  afterAll(() => gateway.stop());

  async function register(meterId: string) {
    const device = new SimulatedDevice(meterId);
    const { nonce } = (await ask(`${api}/meters/challenge`, { method: 'POST' })).json;
    const { status, json } = await ask(`${api}/meters/register`, {
      body: {
        meter_id: meterId,
        public_key: device.publicKey,
        alg: 'Ed25519',
        proof_of_possession: {
          nonce,
          signature: device.proveWith(gateway.services.origin, meterId, nonce),
        },
      },
    });
    return [status, json.state ?? json.code];
  }

  const list = (body: object, key = gateway.adminKey) =>
    ask(`${api}/admin/meters/allowlist`, { body, key });

  it('decides who may register, and those of the configuration may besides', async () => {
    expect(await register('meter-configured')).toEqual([201, 'active']);
    expect(await register('meter-1')).toEqual([403, 'meter_not_listed']);
    const listed = await list({ meter_ids: ['meter-1', 'meter-2'] });
    expect([listed.status, listed.json]).toEqual([200, { allowed: true, changed: 2 }]);
    expect(await register('meter-1')).toEqual([201, 'active']);
    const taken = await list({ meter_ids: ['meter-1', 'meter-2', 'meter-3'], allowed: false });
    expect(taken.json).toEqual({ allowed: false, changed: 2 });
    expect(await register('meter-2')).toEqual([403, 'meter_not_listed']);
    const kept = await ask(`${api}/admin/meters?state=active`, { key: gateway.adminKey });
    expect(kept.json.map(({ meter_id }: { meter_id: string }) => meter_id)).toEqual([
      'meter-1',
      'meter-configured',
    ]);
  });

  it('refuses a body that lists nothing or something that is no id', async () => {
    for (const body of [{}, { meter_ids: [] }, { meter_ids: ['a\nb'] }, { meter_ids: 'meter-4' }]) {
      const { status, json } = await list(body);
      expect([status, json.code]).toEqual([400, 'body_invalid']);
    }
  });
});
