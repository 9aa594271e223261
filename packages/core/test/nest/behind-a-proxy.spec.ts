import { describe, expect, it } from '@jest/globals';
import type { GatewayConfigInput } from '../../src/plugins/index.js';
import { startTestGateway } from '../../src/testing/start-test-gateway.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask, HOSTS } from './hosts.js';

describe.each(HOSTS)('Behind a proxy on %s', (host) => {
  /** Statuses of two unsigned readings that a proxy forwards from two clients, who may send one each. */
  async function twoClients(http: GatewayConfigInput['http']) {
    const gateway = await startTestGateway({
      host,
      config: {
        ...(http === undefined ? {} : { http }),
        devices: { unsigned: 'accept', unsignedRate: { perSecond: 0.001, burst: 1 } },
      },
      parts: { plugins: [] },
    });
    const device = new TestDevice('meter-1');
    const statuses: number[] = [];
    for (const [place, client] of ['192.0.2.1', '198.51.100.2'].entries()) {
      const document = device.reading(gateway.clock.nowMs() - place * 900_000);
      const { status } = await ask(`${gateway.url}/api/v1/readings`, {
        body: { format: 'reading/1', document },
        headers: { 'x-forwarded-for': client },
      });
      statuses.push(status);
    }
    await gateway.stop();
    return statuses;
  }

  it.each([[true], [1], ['127.0.0.1'], [['127.0.0.1']]])(
    'a proxy that is trusted (%j) says who sends',
    async (trustProxy) => {
      expect(await twoClients({ trustProxy })).toEqual([200, 200]);
    },
  );

  it.each([[false], ['203.0.113.7']])(
    'nobody says who sends when the proxy is not trusted (%j)',
    async (trustProxy) => {
      expect(await twoClients({ trustProxy })).toEqual([200, 429]);
    },
  );
});

describe.each(HOSTS)('Pages of other origins on %s', (host) => {
  const page = 'https://dashboard.example';

  it('may call when they are configured, and read refusals, links and waiting times', async () => {
    const gateway = await startTestGateway({
      host,
      config: { http: { cors: { origins: [page] } } },
      parts: { plugins: [] },
    });
    const preflight = await ask(`${gateway.url}/api/v1/admin/api-keys/x`, {
      method: 'OPTIONS',
      headers: {
        origin: page,
        'access-control-request-method': 'DELETE',
        'access-control-request-headers': 'x-api-key,content-type',
      },
    });
    expect(preflight.status).toBe(204);
    const allowed = (name: string) => preflight.headers.get(`access-control-allow-${name}`) ?? '';
    expect(allowed('origin')).toBe(page);
    expect(allowed('methods')).toContain('DELETE');
    expect(allowed('headers')).toContain('x-api-key');
    const large = `[${' '.repeat(1_100_000)}]`;
    for (const refused of [
      await ask(`${gateway.url}/api/v1/logs`, { headers: { origin: page } }),
      await ask(`${gateway.url}/api/v1/readings`, { body: large, headers: { origin: page } }),
    ]) {
      expect([401, 413]).toContain(refused.status);
      expect(refused.headers.get('access-control-allow-origin')).toBe(page);
      expect(refused.headers.get('access-control-expose-headers')).toMatch(/^Link, ?Retry-After$/);
    }
    const other = await ask(`${gateway.url}/api/v1/log/keys`, {
      headers: { origin: 'https://elsewhere.example' },
    });
    expect(other.headers.get('access-control-allow-origin')).not.toBe('https://elsewhere.example');
    expect(other.headers.get('vary')).toMatch(/origin/i);
    await gateway.stop();
  });

  it('may not call when none is configured', async () => {
    const gateway = await startTestGateway({ host, parts: { plugins: [] } });
    const answer = await ask(`${gateway.url}/api/v1/log/keys`, { headers: { origin: page } });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    await gateway.stop();
  });
});
