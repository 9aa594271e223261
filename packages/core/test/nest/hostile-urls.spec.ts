import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { hostAdapter } from '../../src/nest/http/host-adapter.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask, HOSTS } from './hosts.js';

describe.each(HOSTS)('URLs that no client of ours writes, on %s', (host) => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startTestGateway({ host });
  });
  afterAll(() => gateway.stop());

  it.each([
    '/logs?meter_id=%00',
    '/logs?type=a%00b',
    '/logs/%00',
    '/logs/%00/proof',
    '/batches/%00',
    '/batches/x%00/export',
    '/meters/%00',
  ])('%s is refused before it reaches the database', async (path) => {
    const answer = await ask(`${gateway.url}/api/v1${path}`, { key: gateway.adminKey });
    expect([answer.status, answer.json.code]).toEqual([400, 'url_invalid']);
  });

  it('a broken percent escape is told as a problem', async () => {
    const answer = await ask(`${gateway.url}/api/v1/logs/%ff`, { key: gateway.adminKey });
    expect(answer.status).toBe(400);
    expect(answer.type).toContain('application/problem+json');
    expect(answer.json).toMatchObject({ status: 400, code: 'request_invalid' });
  });

  it.each(['/API/v1/readings', '/%61pi/v1/readings', '/api/v1/readings/'])(
    '%s is the route or is none, and never a body that cannot be read',
    async (path) => {
      const answer = await ask(gateway.url + path, { body: {} });
      expect(['envelope_incomplete', 'route_not_found']).toContain(answer.json.code);
    },
  );

  it('a meter id of 256 bytes finds its meter, every byte escaped', async () => {
    const meterId = 'é'.repeat(128);
    await gateway.services.store.meters.register(
      new TestDevice(meterId).stored('active'),
      unjournaled,
    );
    const path = `/api/v1/meters/${encodeURIComponent(meterId)}`;
    const answer = await ask(gateway.url + path, { key: gateway.adminKey });
    expect([answer.status, answer.json.meter_id]).toEqual([200, meterId]);
  });

  it('a registration of more than 24 KiB is refused before it is read', async () => {
    const body = `{"meter_id":"${'m'.repeat(24_576)}"}`;
    const answer = await ask(`${gateway.url}/api/v1/meters/register`, { body });
    expect([answer.status, answer.json.code]).toEqual([413, 'message_too_large']);
  });

  it('a request that never ends is ended, and connections are counted', async () => {
    const adapter = await hostAdapter(host);
    adapter.initHttpServer({});
    const { requestTimeout, headersTimeout, maxConnections } = adapter.getHttpServer() as Server;
    for (const bound of [requestTimeout, headersTimeout, maxConnections]) {
      expect(bound).toBeGreaterThan(0);
      expect(bound).toBeLessThanOrEqual(120_000);
    }
  });

  it('half a request does not keep a server from stopping', async () => {
    const adapter = await hostAdapter(host, { drainMs: 20 });
    const app = await NestFactory.create(
      class Empty {
        readonly routes = [];
      },
      adapter,
      { logger: false },
    );
    await app.listen(0, '127.0.0.1');
    const { port } = adapter.getHttpServer().address() as AddressInfo;
    const half = connect(port, '127.0.0.1');
    half.on('error', () => undefined);
    const received = once(adapter.getHttpServer() as Server, 'request');
    half.write(
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    );
    await received;
    const ended = once(half, 'close');
    await app.close();
    await ended;
  });

  it.each([
    ['what is not HTTP', '\u0000\u0001 hello\r\n\r\n', 400, 'request_malformed'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      400,
      'request_malformed',
    ],
    [
      '20 KiB of headers',
      `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
  ])('%s is told as a problem by the server itself', async (_what, sent, status, code) => {
    const { port, hostname } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    socket.write(sent);
    const answer = await text(socket);
    expect(answer).toContain(`HTTP/1.1 ${status} `);
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({ status, code });
  });

  it('consistency of an empty log says that there is no checkpoint', async () => {
    const answer = await ask(`${gateway.url}/api/v1/checkpoints/consistency?from=1&to=2`);
    expect([answer.status, answer.json.code]).toEqual([404, 'checkpoint_not_found']);
  });
});
