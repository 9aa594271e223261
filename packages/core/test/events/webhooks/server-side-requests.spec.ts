import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { addressRule } from '../../../src/events/webhooks/public-address.js';
import { type ResolveName, webhookSender } from '../../../src/events/webhooks/webhook-sender.js';
import { checkWebhookUrl } from '../../../src/events/webhooks/webhook-url.js';
import { WebhooksConfig } from '../../../src/events/webhooks/webhooks.config.js';
import { HookListener } from './hook-listener.js';
import { HOSTILE_NAMES, hostileUrls } from './hostile-urls.js';

const never = new AbortController().signal;
const message = (url: string) => ({
  url,
  headers: { 'content-type': 'text/plain' },
  body: 'hello',
});

describe('What an owner can make the gateway connect to', () => {
  const four = new HookListener();
  const six = new HookListener();
  let port: number;
  let isDual = true;
  beforeAll(async () => {
    port = await four.listen('0.0.0.0');
    // A host without IPv6 refuses those addresses by itself.
    await six.listen('::1', port).catch(() => (isDual = false));
  });
  afterAll(async () => {
    await four.close();
    if (isDual) await six.close();
  });

  const attacker: ResolveName = async (name) => HOSTILE_NAMES[name] ?? ['127.0.0.1'];
  const senderWith = (
    config: Partial<WebhooksConfig>,
    resolve: ResolveName = attacker,
    timeout = () => never,
  ) => {
    const policy = WebhooksConfig.parse({ ports: [443, port], ...config });
    const { ca } = policy;
    return webhookSender({ policy, isAllowed: addressRule(policy), resolve, ca, timeout });
  };

  it('is none of the hostile addresses, however they are written', async () => {
    const urls = hostileUrls(port);
    expect(urls.length).toBeGreaterThanOrEqual(120);
    const policy = WebhooksConfig.parse({ ports: [443, port] });
    const refusedAtOnce = urls.filter((url) => 'problem' in checkWebhookUrl(url, policy));
    const named = Object.keys(HOSTILE_NAMES).length;
    expect(refusedAtOnce).toHaveLength(urls.length - named);
    // As configured, and where http and every port were let in but no private address.
    for (const config of [
      { deny: ['2620:0:2d0:200::/96'] },
      { allowHttp: true, deny: ['2620::/16'] },
    ]) {
      const send = senderWith(config);
      for (const url of urls) {
        const outcome = await send(message(url), never);
        expect([url, outcome.kind, ['url_denied', 'address_denied', 'name_unknown']]).toEqual([
          url,
          'failed',
          expect.arrayContaining([(outcome as { error?: string }).error]),
        ]);
      }
    }
    expect([four.connections, six.connections]).toEqual([0, 0]);
    process.stdout.write(`hostile URLs: ${urls.length}, connections: 0\n`);
  });

  it('is a private address when the configuration says so, by the name it was looked up for', async () => {
    let lookups = 0;
    const send = senderWith({ allowPrivate: true, allowHttp: true }, async () => {
      lookups += 1;
      return ['127.0.0.1'];
    });
    const before = four.connections;
    const outcome = await send(
      { ...message(`http://hook.example:${port}/a?b=c`), body: '{}' },
      never,
    );
    expect(outcome).toEqual({ kind: 'delivered', status: 204 });
    expect([four.connections - before, lookups]).toEqual([1, 1]);
    expect(four.received.at(-1)?.headers.host).toBe(`hook.example:${port}`);
  });

  it('is looked at again at every delivery', async () => {
    const answers = [['127.0.0.1'], ['10.0.0.1']];
    const send = senderWith(
      { allowPrivate: true, allowHttp: true, deny: ['10.0.0.0/8'] },
      async () => answers.shift() ?? [],
    );
    const again = () =>
      send({ ...message(`http://rebinding.example:${port}/`), body: '{}' }, never);
    expect((await again()).kind).toBe('delivered');
    expect(await again()).toEqual({ kind: 'failed', error: 'address_denied' });
    expect(await again()).toEqual({ kind: 'failed', error: 'name_unknown' });
  });

  it.each([301, 302, 303, 307, 308])('is not where a %d points to', async (status) => {
    const target = new HookListener();
    const location = `http://127.0.0.1:${await target.listen()}/`;
    four.answer = (response) => void response.writeHead(status, { location }).end();
    const send = senderWith({ allowPrivate: true, allowHttp: true });
    expect(await send({ ...message(`http://a.example:${port}/`), body: '{}' }, never)).toEqual({
      kind: 'failed',
      status,
      error: 'redirect',
    });
    expect(target.connections).toBe(0);
    await target.close();
  });

  it('has as long as it may and no longer, and sends as much as is read', async () => {
    const late = new AbortController();
    const send = senderWith({ allowPrivate: true, allowHttp: true }, attacker, () => late.signal);
    const to = { ...message(`http://a.example:${port}/`), body: '{}' };
    four.answer = (response) => {
      response.writeHead(200);
      // An answer without an end: it is cut off, and what it said at first stands.
      const more = (): void => {
        if (!response.destroyed) response.write(Buffer.alloc(65_536), () => setImmediate(more));
      };
      more();
    };
    expect(await send(to, never)).toEqual({ kind: 'delivered', status: 200 });
    four.answer = (response) => void response.writeHead(200, { big: 'x'.repeat(20_000) }).end();
    expect(await send(to, never)).toEqual({ kind: 'failed', error: 'connection' });
    four.answer = () => late.abort();
    expect(await send(to, never)).toEqual({ kind: 'failed', error: 'timeout' });
    // A name server that does not answer is given up as well.
    const silent = senderWith(
      {},
      () => new Promise(() => undefined),
      () => AbortSignal.abort(),
    );
    expect(await silent(message(`https://a.example.com:${port}/`), never)).toEqual({
      kind: 'failed',
      error: 'timeout',
    });
  });

  it('speaks TLS with a certificate of its name, and not of its address', async () => {
    const pem = (name: string) =>
      readFile(new URL(`../../nest/test-only-certificates/${name}.pem`, import.meta.url));
    const [cert, key, authority] = await Promise.all(
      ['server', 'server.key', 'authority'].map(pem),
    );
    const names: (string | false | null | undefined)[] = [];
    const server = createServer({ cert, key }, (request, response) => {
      names.push((request.socket as TLSSocket).servername);
      response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port: at } = server.address() as AddressInfo;
    // The certificate is that of localhost, and of 127.0.0.1 too.
    const here = async () => ['127.0.0.1'];
    const send = senderWith({ allowPrivate: true, ca: String(authority) }, here);
    const failed = { kind: 'failed', error: 'connection' };
    expect(await send(message(`https://localhost:${at}/`), never)).toMatchObject({ status: 204 });
    expect(await send(message(`https://other.example:${at}/`), never)).toEqual(failed);
    const strict = senderWith({ allowPrivate: true }, here);
    expect(await strict(message(`https://localhost:${at}/`), never)).toEqual(failed);
    // What speaks no TLS hears nothing.
    const heard = four.received.length;
    expect(await strict(message(`https://a.example:${port}/`), never)).toEqual(failed);
    expect([names, four.received.length]).toEqual([['localhost'], heard]);
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
  });
});

describe('Addresses of the world', () => {
  const isPublic = addressRule({ allowPrivate: false, deny: ['192.42.0.0/16'] });
  it.each(['93.184.215.14', '1.1.1.1', '223.255.255.255', '2606:4700::1111', '2a00:1450::1'])(
    '%s may be connected to',
    (address) => expect(isPublic(address)).toBe(true),
  );
  it.each(['192.42.1.1', '3fff::1', '4000::1', '::', 'example.com', '', '1.1.1.1/32'])(
    '"%s" may not',
    (address) => expect(isPublic(address)).toBe(false),
  );
});
