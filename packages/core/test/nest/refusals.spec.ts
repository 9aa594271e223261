import { describe, expect, it } from '@jest/globals';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { type Store, StoreUnavailable } from '../../src/stores/store.js';
import { SimulatedDevice } from '../../src/simulator/simulated-device.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGatewayOptions } from '../../src/testing/start-test-gateway.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask, type Host, HOSTS } from './hosts.js';

/** A store whose database can be taken away. */
class Outage {
  readonly clock = new FakeClock();
  down = false;
  readonly store: Store;

  constructor() {
    const store = openMemoryStore({ clock: this.clock });
    const guarded = <T extends object>(part: T, methods: readonly (keyof T)[]): T =>
      Object.assign(
        Object.create(part) as T,
        Object.fromEntries(
          methods.map((name) => [
            name,
            async (...args: unknown[]) => {
              if (this.down) throw new StoreUnavailable('connection refused by db.internal');
              return (part[name] as (...given: unknown[]) => unknown).apply(part, args);
            },
          ]),
        ),
      );
    this.store = {
      ...store,
      ingest: guarded(store.ingest, ['commit']),
      entries: guarded(store.entries, ['get', 'list']),
      health: async () =>
        this.down ? { live: true, ready: false, detail: 'db.internal' } : store.health(),
    };
  }
}

async function open(host: Host, options: TestGatewayOptions = {}) {
  const outage = new Outage();
  const device = new TestDevice('meter-1');
  await outage.store.meters.register(device.stored('active'), unjournaled);
  const gateway = await startTestGateway({
    host,
    clock: outage.clock,
    ...options,
    parts: { store: outage.store, plugins: [], ...options.parts },
  });
  const reading = (quarter: number) =>
    device.signed(device.reading(outage.clock.nowMs() - quarter * 900_000));
  return { outage, gateway, device, reading, api: `${gateway.url}/api/v1` };
}

describe.each(HOSTS)('What cannot be done now on %s', (host) => {
  it('an unreachable store is 503 with Retry-After, acknowledges nothing and tells no address', async () => {
    const { outage, gateway, reading, api } = await open(host);
    outage.down = true;
    for (const answer of [
      await ask(`${api}/readings`, { body: reading(0) }),
      await ask(`${api}/readings`, { body: [reading(0), reading(1)] }),
      await ask(`${api}/logs`, { key: gateway.adminKey }),
    ]) {
      expect([answer.status, answer.json.code]).toEqual([503, 'store_unavailable']);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(answer.text).not.toContain('db.internal');
    }
    // Health is asked at most every few seconds.
    await outage.clock.advance(10_000);
    expect((await ask(`${gateway.url}/health/live`)).status).toBe(200);
    expect((await ask(`${gateway.url}/health/ready`)).status).toBe(503);
    const health = await ask(`${gateway.url}/health`);
    expect([health.status, health.json.parts.store.ready]).toEqual([503, false]);
    expect(health.text).not.toContain('db.internal');
    outage.down = false;
    await outage.clock.advance(10_000);
    expect((await ask(`${gateway.url}/health/ready`)).status).toBe(200);
    expect((await ask(`${api}/readings`, { body: reading(0) })).json.verdict).toBe('accepted');
    await gateway.stop();
  });

  it('more unsigned readings than the rate allows are 429 with Retry-After', async () => {
    const { gateway, api } = await open(host, {
      config: {
        devices: { unsigned: 'accept', unsignedRate: { perSecond: 1, burst: 2 } },
      },
    });
    const device = new TestDevice('a meter nobody registered');
    const send = (minute: number) =>
      ask(`${api}/logs`, { body: device.emlog(gateway.clock.nowMs() - minute * 300_000) });
    expect((await send(0)).status).toBe(200);
    expect((await send(1)).status).toBe(200);
    const shed = await send(2);
    expect([shed.status, shed.json.code]).toEqual([429, 'throttled']);
    expect(Number(shed.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    await gateway.stop();
  });

  it('an error nobody foresaw is told without its text, and logged with it', async () => {
    const logged: object[] = [];
    const note = (_message: string, fields: object = {}) => void logged.push(fields);
    const silent = () => undefined;
    const { outage, gateway, api } = await open(host, {
      parts: { logger: { debug: silent, info: silent, warn: silent, error: note } },
    });
    Object.assign(outage.store.meters, {
      list: async () => {
        throw new Error('secret detail');
      },
    });
    const answer = await ask(`${api}/meters`, { key: gateway.adminKey });
    expect([answer.status, answer.json.code]).toEqual([500, 'internal']);
    expect(answer.text).not.toContain('secret detail');
    expect(logged).toEqual([
      expect.objectContaining({ path: '/api/v1/meters', error: new Error('secret detail') }),
    ]);
    await gateway.stop();
  });

  it('unknown routes, methods and media types are problem documents too', async () => {
    const { gateway, api } = await open(host);
    const unknown = await ask(`${api}/nothing`);
    expect([unknown.status, unknown.json.code]).toEqual([404, 'route_not_found']);
    for (const type of ['text/plain', 'application/xml', 'application/x-www-form-urlencoded']) {
      const answer = await ask(`${api}/readings`, { body: 'a=b', type });
      expect([type, answer.status, answer.json.code]).toEqual([type, 415, 'content_type_unknown']);
      expect(answer.type).toContain('application/problem+json');
    }
    const zipped = await ask(`${api}/readings`, {
      body: '{}',
      headers: { 'content-encoding': 'gzip' },
    });
    expect([zipped.status, zipped.json.code]).toEqual([415, 'content_encoding_unsupported']);
    const invalid = await ask(`${api}/admin/api-keys`, {
      body: { account_id: '', role: 'king', more: 1 },
      key: gateway.adminKey,
    });
    expect([invalid.status, invalid.json.code]).toEqual([400, 'body_invalid']);
    expect(invalid.json.problems).toHaveLength(3);
    const control = await ask(`${api}/admin/api-keys`, {
      body: { account_id: 'a\u0000', role: 'owner' },
      key: gateway.adminKey,
    });
    expect([control.status, control.json.code]).toEqual([400, 'body_invalid']);
    await gateway.stop();
  });
});

describe.each(HOSTS)('Meters over HTTP on %s', (host) => {
  it('register by proof of possession, wait for review, and are believed once approved', async () => {
    const clock = new FakeClock();
    const gateway = await startTestGateway({ host, clock, parts: { plugins: [] } });
    const api = `${gateway.url}/api/v1`;
    const device = new SimulatedDevice('a device');
    const register = async (proofOrigin: string) => {
      const challenge = await ask(`${api}/meters/challenge`, { method: 'POST' });
      const { nonce } = challenge.json;
      expect(challenge.headers.get('cache-control')).toBe('no-store');
      return ask(`${api}/meters/register`, {
        body: {
          meter_id: 'meter-9',
          public_key: device.publicKey,
          alg: 'Ed25519',
          proof_of_possession: {
            nonce,
            signature: device.proveWith(proofOrigin, 'meter-9', nonce),
          },
        },
      });
    };
    const elsewhere = await register('other.example/log');
    expect([elsewhere.status, elsewhere.json.code]).toEqual([401, 'possession_not_proven']);
    const registered = await register(gateway.services.origin);
    expect([registered.status, registered.json.state]).toEqual([201, 'pending']);
    const taken = await register(gateway.services.origin);
    expect([taken.status, taken.json.code]).toEqual([409, 'meter_taken']);

    const send = async (quarter: number) => {
      const endsMs = clock.nowMs() - quarter * 900_000;
      const document = new TestDevice('meter-9').reading(endsMs);
      const { status, json } = await ask(`${api}/readings`, {
        body: device.signReading('reading/1', document),
      });
      return [status, json.verdict ?? json.code];
    };
    const review = (action: string) =>
      ask(`${api}/admin/meters/meter-9/${action}`, { method: 'POST', key: gateway.adminKey });
    expect(await send(0)).toEqual([202, 'quarantined']);
    const waiting = await ask(`${api}/admin/meters?state=pending`, { key: gateway.adminKey });
    expect(waiting.json.map(({ meter_id }: { meter_id: string }) => meter_id)).toEqual(['meter-9']);
    expect((await review('approve')).json.state).toBe('active');
    expect(await send(1)).toEqual([200, 'accepted']);
    expect((await review('suspend')).json.state).toBe('suspended');
    expect((await send(2))[0]).toBe(403);
    expect((await review('approve')).json.state).toBe('active');
    expect((await review('reject')).status).toBe(409);
    await gateway.stop();
  });
});
