import { createFleet, GatewayClient, readingDocument } from '@wattproof/core/simulator';
import type { TestGateway } from '@wattproof/core/testing';
import { setImmediate as turn } from 'node:timers/promises';
import { gatewayWith } from '../transports/open-gateway.js';
import { Page } from './browser.js';

describe("a browser's WebSocket", () => {
  let page: Page;
  let gateway: TestGateway;
  beforeAll(async () => {
    page = await Page.serve();
    gateway = await gatewayWith(
      { ws: { use: '@wattproof/transport-ws', allowedOrigins: [page.origin] } },
      { devices: { registration: 'open' } },
    );
  });
  afterAll(async () => {
    await gateway.stop();
    await page.close();
  });
  const inPage = (script: string, origin?: string): Promise<unknown> => {
    const url = `${gateway.url.replace('http', 'ws')}/ws`;
    const protocols = ['wattproof.v1', `wattproof.key.${gateway.adminKey}`];
    return page.run(
      `const socket = new WebSocket(${JSON.stringify(url)}, ${JSON.stringify(protocols)});
      ${script}`,
      origin,
    );
  };

  it('logs in by a subprotocol, for it can set no header, hears what is committed and is answered when its reading is in the log', async () => {
    const client = new GatewayClient(gateway.url, { apiKey: gateway.adminKey });
    const [member] = createFleet({ seed: 11, size: 1 });
    await client.register(member!, await client.origin());
    const { meter, device } = member!;
    const endsMs = gateway.clock.nowMs() - 60_000;
    const document = readingDocument(meter, meter.interval(endsMs - 900_000, endsMs), 1);
    const body = device.signReading('reading/1', document);

    let done = false;
    const ending = inPage(`
      const heard = [];
      let wake = () => {};
      socket.onmessage = ({ data }) => { heard.push(JSON.parse(data)); wake(); };
      const closed = new Promise((resolve) => (socket.onclose = resolve));
      const tooSoon = closed.then(({ code, reason }) => {
        throw new Error(\`closed with \${code} \${reason} after \${JSON.stringify(heard)}\`);
      });
      const said = async (type) => {
        while (!heard.some((message) => message.type === type))
          await Promise.race([tooSoon, new Promise((resolve) => (wake = resolve))]);
      };
      await said('hello');
      socket.send(JSON.stringify({ type: 'subscribe', id: 'all', types: ['reading.accepted'] }));
      await said('subscribed');
      socket.send(JSON.stringify({ type: 'readings', id: 'one', body: ${JSON.stringify(body)} }));
      await said('ack');
      await said('event');
      socket.close();
      await closed;
      return { protocol: socket.protocol, heard };`).finally(() => (done = true));
    // Time stands still for this gateway: what is heard in the background is given on when it is told to.
    while (!done) await turn().then(() => gateway.settle());
    const heard = await ending;
    const accepted = { id: 'one', items: [{ verdict: 'accepted', duplicate: false }] };
    expect(heard).toMatchObject({ protocol: 'wattproof.v1' });
    expect((heard as { heard: unknown[] }).heard).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: 'hello', protocol: 'wattproof.v1' }),
        expect.objectContaining({
          type: 'ack',
          ...accepted,
          items: [expect.objectContaining(accepted.items[0]!)],
        }),
        expect.objectContaining({ type: 'event', subscriptions: ['all'] }),
      ]),
    );
  }, 60_000);

  it('is not let in from a page of an origin that nobody named', async () => {
    const outcome = await inPage(
      `return new Promise((resolve) => {
        socket.onopen = () => resolve('opened');
        socket.onerror = () => resolve('refused');
      });`,
      page.origin.replace('127.0.0.1', 'localhost'),
    );
    expect(outcome).toBe('refused');
  }, 60_000);
});
