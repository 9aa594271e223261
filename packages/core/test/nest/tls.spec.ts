import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { request, type RequestOptions } from 'node:https';
import { hostAdapter, serveGateway } from '../../src/nest/http/index.js';
import { gatewayConfigSchema } from '../../src/plugins/index.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, TEST_LOG_KEY } from '../../src/testing/start-test-gateway.js';
import { HOSTS } from './hosts.js';

const pem = (name: string): string =>
  readFileSync(new URL(`test-only-certificates/${name}.pem`, import.meta.url), 'utf8');

const ca = pem('authority');
const server = { cert: pem('server'), key: pem('server.key') };

/** Status and body, or the code of what the handshake died of. */
function get(url: string, options: RequestOptions): Promise<readonly [number | string, string]> {
  return new Promise((resolve) => {
    const failed = ({ code }: NodeJS.ErrnoException): void => resolve([code ?? 'no code', '']);
    request(`${url}/api/v1/log/keys`, { agent: false, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', failed).on('end', () => resolve([response.statusCode ?? 0, text]));
    })
      .on('error', failed)
      .end();
  });
}

describe.each(HOSTS)('TLS on %s', (host) => {
  it('serves with the configured certificate, and nothing in the clear', async () => {
    const gateway = await startTestGateway({
      host,
      config: { http: { tls: server } },
      parts: { plugins: [] },
    });
    expect(gateway.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const [status, text] = await get(gateway.url, { ca });
    expect([status, JSON.parse(text).origin]).toEqual([200, gateway.services.origin]);
    expect((await get(gateway.url, {}))[0]).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    await expect(fetch(gateway.url.replace('https', 'http'))).rejects.toThrow('fetch failed');
    await gateway.stop();
  });

  it('lets in only clients of the configured authority', async () => {
    const gateway = await startTestGateway({
      host,
      config: { http: { tls: { ...server, clientCa: ca } } },
      parts: { plugins: [] },
    });
    const key = pem('client.key');
    expect((await get(gateway.url, { ca, key, cert: pem('client') }))[0]).toBe(200);
    expect((await get(gateway.url, { ca }))[0]).toMatch(/^ERR_SSL|^ECONNRESET/);
    expect((await get(gateway.url, { ca, key, cert: pem('stranger') }))[0]).toMatch(
      /^ERR_SSL|^ECONNRESET/,
    );
    await gateway.stop();
  });

  it('that is configured and not given to the adapter keeps the gateway from starting in the clear', async () => {
    const clock = new FakeClock();
    const config = gatewayConfigSchema.parse({
      origin: 'test.example/log',
      log: { key: TEST_LOG_KEY },
      http: { port: 0, tls: server },
    });
    const store = openMemoryStore({ clock });
    await expect(
      serveGateway({ config, clock, store, plugins: [] }, await hostAdapter(host)),
    ).rejects.toThrow('the adapter serves plain HTTP');
  });
});
