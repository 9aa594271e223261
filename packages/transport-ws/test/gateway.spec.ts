import { afterEach, describe, expect, it } from '@jest/globals';
import { createFleet, GatewayClient, readingDocument } from '@wattproof/core/simulator';
import { askGateway, startTestGateway, type TestGateway } from '@wattproof/core/testing';
import plugin from '../src/index.js';
import { type Said, TestClient } from './test-client.js';

const HOSTS = ['fastify', 'express'] as const;

let gateway: TestGateway;
afterEach(() => gateway.stop());

async function start(host: (typeof HOSTS)[number]): Promise<string> {
  gateway = await startTestGateway({
    host,
    config: {
      devices: { registration: 'open' },
      anchors: {},
      transports: { ws: { use: 'ws' } },
    },
    plugins: { ws: plugin },
  });
  return `${gateway.url.replace('http', 'ws')}/ws`;
}

/** A registered meter and its readings, signed. */
async function house() {
  const client = new GatewayClient(gateway.url, { apiKey: gateway.adminKey });
  const [member] = createFleet({ seed: 5, size: 1 });
  const { device, meter } = member!;
  await client.register(member!, await client.origin());
  const endsMs = gateway.clock.nowMs() - 86_400_000;
  const reading = (n: number): object => {
    const from = endsMs + n * 900_000;
    return device.signReading(
      'reading/1',
      readingDocument(meter, meter.interval(from, from + 900_000), n + 1),
    );
  };
  return { device, meter, reading };
}

/** The WebSocket of browsers, and what it hears. */
class Page {
  readonly heard: Said[] = [];
  private changed = Promise.withResolvers<void>();

  private constructor(readonly socket: WebSocket) {
    socket.addEventListener('message', ({ data }) => {
      this.heard.push(JSON.parse(data as string) as Said);
      this.changed.resolve();
      this.changed = Promise.withResolvers();
    });
  }

  static async open(url: string, protocols: string[] = ['wattproof.v1']): Promise<Page> {
    const socket = new WebSocket(url, protocols);
    const page = new Page(socket);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', reject);
    });
    return page;
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  async said(is: (said: Said) => boolean): Promise<Said> {
    for (;;) {
      const found = this.heard.find(is);
      if (found) return found;
      await this.changed.promise;
    }
  }
}

const ofType =
  (type: string) =>
  (said: Said): boolean =>
    said.type === type;
const isEvent =
  (type: string) =>
  ({ event }: Said): boolean =>
    (event as { type?: string } | undefined)?.type === type;

describe.each(HOSTS)('A gateway on %s', (host) => {
  it('takes readings of a browser, and tells it what becomes of them', async () => {
    const url = await start(host);
    const { reading, meter } = await house();
    const page = await Page.open(url);
    expect(page.socket.protocol).toBe('wattproof.v1');
    page.say({ type: 'auth', key: gateway.adminKey });
    await page.said(ofType('authenticated'));
    page.say({ type: 'subscribe', id: 's', types: ['reading.*', 'batch.sealed'] });
    await page.said(ofType('subscribed'));
    page.say({ type: 'readings', id: 'r', body: [reading(0), reading(1)] });
    const { items } = await page.said(ofType('ack'));
    expect(items).toMatchObject([{ verdict: 'accepted' }, { verdict: 'accepted' }]);
    await askGateway(gateway, '/batches/flush', 'POST');
    await gateway.settle();
    const accepted = await page.said(isEvent('reading.accepted'));
    const [first] = items as readonly { readonly id: string }[];
    expect(accepted['event']).toMatchObject({
      type: 'reading.accepted',
      data: { entry: first!.id, meter: meter.meterId },
    });
    expect(await page.said(isEvent('batch.sealed'))).toMatchObject({ subscriptions: ['s'] });
    page.socket.close();
  });

  it('tells a device that lost the answer the same again', async () => {
    const url = await start(host);
    const { reading } = await house();
    const headers = { 'x-api-key': gateway.adminKey };
    const message = { type: 'readings', body: reading(0) };
    const first = await TestClient.open(url, { headers });
    const told = (await first.ask(message)) as unknown as { items: readonly { receipt: object }[] };
    first.socket.terminate();
    const second = await TestClient.open(url, { headers });
    const again = await second.ask(message);
    expect(again['items']).toMatchObject([
      { verdict: 'duplicate', duplicate: true, receipt: told.items[0]!.receipt },
    ]);
    await second.close();
  });

  it('knows a device by its signature; it hears of its own meter alone', async () => {
    const url = await start(host);
    const { device, reading, meter } = await house();
    const client = await TestClient.open(url);
    const { origin } = await client.said('hello');
    client.say({ type: 'challenge' });
    const { challenge } = (await client.said('challenge')) as unknown as { challenge: string };
    const signature = device.signConnect(origin as string, challenge);
    client.say({ type: 'auth', key_id: device.keyId, challenge, signature });
    expect(await client.said('authenticated')).toMatchObject({
      caller: { kind: 'device', meter_ids: [meter.meterId] },
    });
    await client.ask({ type: 'subscribe', types: ['reading.*', 'meter.*', 'batch.*'] });
    expect(await client.ask({ type: 'readings', body: reading(0) })).toMatchObject({
      items: [{ verdict: 'accepted' }],
    });
    expect(
      await client.ask({ type: 'alert', body: { code: 'lid_open', severity: 'critical' } }),
    ).toMatchObject({ type: 'ack', outcome: 'accepted' });
    await gateway.settle();
    expect(await client.said(isEvent('reading.accepted'))).toBeDefined();
    expect((await client.said('hello'))['caller']).toBeNull();
    await client.close();
  });

  it('ends the connections of a key that is revoked, and all when it stops', async () => {
    const url = await start(host);
    const made = await fetch(`${gateway.url}/api/v1/admin/api-keys`, {
      method: 'POST',
      headers: { 'x-api-key': gateway.adminKey, 'content-type': 'application/json' },
      body: JSON.stringify({ account_id: 'house', role: 'owner' }),
    });
    const { id, key } = (await made.json()) as { id: string; key: string };
    const page = await Page.open(url, ['wattproof.v1', `wattproof.key.${key}`]);
    await page.said(({ caller }) => (caller as { id?: string } | null)?.id === id);
    const revoked = await askGateway(gateway, `/admin/api-keys/${id}`, 'DELETE');
    expect(revoked.status).toBeLessThan(300);
    const closed = new Promise<CloseEvent>((resolve) =>
      page.socket.addEventListener('close', resolve),
    );
    page.say({ type: 'readings', id: 'r', body: {} });
    expect(await closed).toMatchObject({ code: 1008, reason: 'credential_revoked' });
    const other = await TestClient.open(url, { headers: { 'x-api-key': gateway.adminKey } });
    const stopped = gateway.stop();
    expect(await other.closed).toEqual({ code: 1001, reason: 'going_away' });
    await stopped;
  });
});
