import { describe, expect, it } from '@jest/globals';
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import type { UpgradeRequest } from '../../src/spi/index.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway } from '../../src/testing/start-test-gateway.js';
import { HOSTS } from './hosts.js';
import { testTransport } from './test-transport.js';

const pem = (name: string): string =>
  readFileSync(new URL(`test-only-certificates/${name}.pem`, import.meta.url), 'utf8');
const ca = pem('authority');
const tls = {
  cert: pem('server'),
  key: pem('server.key'),
  clientCa: ca + pem('devices-authority'),
  clientCertificate: 'optional' as const,
};
const DEVICE = { ca, cert: pem('device'), key: pem('device.key') };
const SPKI = createPublicKey(DEVICE.key).export({ format: 'der', type: 'spki' });
/** Within the time of the certificates. */
const NOW = Date.UTC(2027, 0, 1);

describe.each(HOSTS)('Whoever takes over a connection on %s', (host) => {
  it("knows the peer's address, and the certificate that TLS or a proxy has checked", async () => {
    const clock = new FakeClock(NOW);
    const seen: UpgradeRequest[] = [];
    const notes = testTransport('notes', { http: true }, ({ http }) => {
      http?.upgrade('/notes', (asked, socket) => {
        seen.push(asked);
        (socket as Duplex).end(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: notes\r\n\r\n',
        );
      });
    });
    const open = async (http: object, ...connections: readonly RequestOptions[]): Promise<void> => {
      const gateway = await startTestGateway({
        host,
        clock,
        config: { http: { tls, ...http } },
        parts: { plugins: [notes] },
      });
      for (const options of connections) {
        const headers = { connection: 'Upgrade', upgrade: 'notes', ...options.headers };
        const asking = request(`${gateway.url}/notes`, { agent: false, ca, ...options, headers });
        const [, socket] = (await once(asking.end(), 'upgrade')) as [IncomingMessage, Duplex];
        socket.destroy();
      }
      await gateway.stop();
    };
    const header = `:${pem('device').replace(/-----[^-]+-----|\s/g, '')}:`;
    await open({}, DEVICE, {}, { headers: { 'client-cert': header } });
    await open({ certificateProxies: ['127.0.0.1'] }, { headers: { 'client-cert': header } });
    expect(seen.map(({ source }) => source)).toEqual(new Array(4).fill('127.0.0.1'));
    const [own, ...others] = seen.map(({ certificate }) => certificate);
    expect(own?.kind).toBe('certificate');
    expect(Buffer.from(own!.publicKey)).toEqual(SPKI);
    expect(own!.fromMs).toBeLessThan(NOW);
    expect(own!.untilMs).toBeGreaterThan(NOW);
    // A header is believed of a proxy that the configuration names, and of nobody else.
    expect(others).toEqual([undefined, undefined, own]);
  });
});
