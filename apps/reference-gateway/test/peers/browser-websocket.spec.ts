import { createFleet, GatewayClient, readingDocument } from '@wattproof/core/simulator';
import type { TestGateway } from '@wattproof/core/testing';
import { gatewayWith } from '../transports/open-gateway.js';

/** The API of browsers (WHATWG), as Node has it from undici: written by nobody of this project, and not by `ws`. */
describe("a browser's WebSocket", () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await gatewayWith(
      { ws: { use: '@wattproof/transport-ws' } },
      { devices: { registration: 'open' } },
    );
  });
  afterAll(() => gateway.stop());

  it('logs in by a subprotocol, for it can set no header, and is answered when its reading is in the log', async () => {
    const client = new GatewayClient(gateway.url, { apiKey: gateway.adminKey });
    const [member] = createFleet({ seed: 11, size: 1 });
    await client.register(member!, await client.origin());
    const { meter, device } = member!;
    const endsMs = gateway.clock.nowMs() - 60_000;
    const document = readingDocument(meter, meter.interval(endsMs - 900_000, endsMs), 1);

    const socket = new WebSocket(gateway.url.replace('http', 'ws') + '/ws', [
      'wattproof.v1',
      `wattproof.key.${gateway.adminKey}`,
    ]);
    const messages: Record<string, unknown>[] = [];
    let wake = (): void => {};
    socket.addEventListener('message', ({ data }) => {
      messages.push(JSON.parse(String(data)) as Record<string, unknown>);
      wake();
    });
    const said = async (type: string): Promise<Record<string, unknown>> => {
      for (;;) {
        const found = messages.find((message) => message['type'] === type);
        if (found) return found;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    };
    expect(await said('hello')).toMatchObject({ protocol: 'wattproof.v1' });
    expect(socket.protocol).toBe('wattproof.v1');
    const body = device.signReading('reading/1', document);
    socket.send(JSON.stringify({ type: 'readings', id: 'one', body }));
    const ack = await said('ack');
    expect(ack).toMatchObject({ id: 'one', items: [{ verdict: 'accepted', duplicate: false }] });
    const closed = new Promise((resolve) => socket.addEventListener('close', resolve));
    socket.close();
    await closed;
  });
});
