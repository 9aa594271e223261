import { describe, expect, it } from '@jest/globals';
import { httpGuardProblems } from '../../src/plugins/index.js';
import { startTestGateway } from '../../src/testing/start-test-gateway.js';
import { ask, HOSTS } from './hosts.js';
import { testTransport } from './test-transport.js';

/** Asks for payment unless a coin comes along; sees what the request brings. */
function tollgate(seen: string[] = []) {
  return testTransport('toll', { http: { guards: ['payment', 'broken'] } }, ({ http }) => {
    http?.guard('payment', async (request) => {
      seen.push(`${request.method} ${request.url} ${(await request.arrayBuffer()).byteLength}`);
      if (request.headers.get('X-Coin') === '1') return undefined;
      return {
        status: 402,
        headers: { 'content-type': 'application/json', 'x-price': '1' },
        body: '{"pay":1}',
      };
    });
    http?.guard('broken', async () => {
      throw new Error('the till is stuck');
    });
  });
}

describe.each(HOSTS)('A check of a plugin on %s', (host) => {
  it('stands before the routes that configuration names, and before no other', async () => {
    const seen: string[] = [];
    const gateway = await startTestGateway({
      host,
      config: {
        http: { guards: { createReadings: ['toll.payment'], meterChallenge: ['toll.payment'] } },
      },
      parts: { plugins: [tollgate(seen)] },
    });
    const api = `${gateway.url}/api/v1`;
    const refused = await ask(`${api}/readings`, { body: '[{"a":1}]' });
    expect([refused.status, refused.type, refused.text]).toEqual([
      402,
      expect.stringContaining('application/json'),
      '{"pay":1}',
    ]);
    expect(refused.headers.get('x-price')).toBe('1');
    const paid = await ask(`${api}/readings`, { body: '[{"a":1}]', headers: { 'x-coin': '1' } });
    expect([paid.status, paid.json[0].verdict]).toEqual([200, 'rejected']);
    expect((await ask(`${api}/meters/challenge`, { method: 'POST' })).status).toBe(402);
    expect((await ask(`${api}/log/keys`)).status).toBe(200);
    expect(seen).toEqual([
      'POST /api/v1/readings 9',
      'POST /api/v1/readings 9',
      'POST /api/v1/meters/challenge 0',
    ]);
    await gateway.stop();
  });

  it('that fails lets nobody pass, and comes after the access class', async () => {
    const seen: string[] = [];
    const gateway = await startTestGateway({
      host,
      config: {
        http: { guards: { logKeys: ['toll.broken'], listLogs: ['toll.payment'] } },
      },
      parts: { plugins: [tollgate(seen)] },
    });
    const broken = await ask(`${gateway.url}/api/v1/log/keys`);
    expect([broken.status, broken.json.code]).toEqual([500, 'internal']);
    expect(broken.text).not.toContain('till');
    expect((await ask(`${gateway.url}/api/v1/logs`)).status).toBe(401);
    expect(seen).toEqual([]);
    expect((await ask(`${gateway.url}/api/v1/logs`, { key: gateway.adminKey })).status).toBe(402);
    await gateway.stop();
  });

  it('that nobody offers, or for a route that does not exist, keeps the gateway from starting', async () => {
    const start = (guards: Record<string, string[]>) =>
      startTestGateway({ host, config: { http: { guards } }, parts: { plugins: [tollgate()] } });
    await expect(start({ createReadings: ['toll.pay'] })).rejects.toThrow(
      /no check is called "toll.pay"; there are toll.payment, toll.broken/,
    );
    await expect(start({ readings: ['toll.payment'] })).rejects.toThrow(
      /no route is called "readings"/,
    );
  });
});

describe('Checks in a configuration', () => {
  it('are all looked at: every route and every name that is wrong is told with its place', () => {
    const guards = { createLog: ['toll.payment', 'toll.none'], createlog: ['other.payment'] };
    expect(
      httpGuardProblems(guards, [tollgate()], ['createLog']).map(({ path, message }) => [
        path,
        message.split(/[;.] /)[0],
      ]),
    ).toEqual([
      ['http.guards.createLog', 'no check is called "toll.none"'],
      ['http.guards.createlog', 'no route is called "createlog"'],
      ['http.guards.createlog', 'no check is called "other.payment"'],
    ]);
  });

  it('are registered by a plugin only under the names it declares', async () => {
    const silent = testTransport('quiet', { http: true }, ({ http }) => {
      http?.guard('payment', async () => undefined);
    });
    await expect(startTestGateway({ parts: { plugins: [silent] } })).rejects.toThrow(
      'not declared in needs.http.guards',
    );
  });
});
