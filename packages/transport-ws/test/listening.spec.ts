import { afterEach, describe, expect, it } from '@jest/globals';
import { type Said, TestClient } from './test-client.js';
import { WsScene } from './ws-scene.js';

let scene: WsScene;
afterEach(() => scene.end());

const types = (client: TestClient): readonly string[] =>
  client.heard
    .filter(({ type }) => type === 'event')
    .map(({ event }) => (event as { type: string }).type);
const listening = async (key: string, subscription: object): Promise<TestClient> => {
  const client = await TestClient.withKey(scene.url, key);
  expect(await client.ask({ type: 'subscribe', ...subscription })).toMatchObject({
    type: 'subscribed',
  });
  return client;
};
/** Every client has heard all there was for it to hear before this. */
const marked = async (...clients: readonly TestClient[]): Promise<void> => {
  await scene.host.events.tell('batch.sealed', {});
  for (const client of clients)
    await client.said(({ event }) => (event as Said | undefined)?.type === 'batch.sealed');
};

describe('A subscriber', () => {
  it('hears events of its types that are its to hear, as webhooks have them', async () => {
    scene = await WsScene.start();
    const own = await listening('owner-key', { types: ['reading.*', 'batch.sealed'] });
    const device = await listening('key-2', { types: ['reading.accepted', 'batch.*'] });
    const { events } = scene.host;
    const event = await events.tell('reading.accepted', { account: 'acc_1', meter: 'meter-1' }, 5);
    await events.tell('reading.flagged', { account: 'acc_2', meter: 'meter-2' });
    await events.tell('reading.accepted', { account: 'acc_2', meter: 'meter-2' });
    await events.tell('anchor.final', {});
    await marked(own, device);
    expect(types(own)).toEqual(['reading.accepted', 'batch.sealed']);
    expect(types(device)).toEqual(['reading.accepted', 'batch.sealed']);
    expect(await own.said('event')).toEqual({
      type: 'event',
      subscriptions: ['m1'],
      event: {
        id: event.id,
        type: 'reading.accepted',
        at: '1970-01-01T00:00:00.005Z',
        data: { account: 'acc_1', meter: 'meter-1' },
      },
    });
  });

  it('hears of the meters it names, each event once however many subscriptions want it', async () => {
    scene = await WsScene.start();
    const client = await listening('owner-key', {
      types: ['reading.*'],
      meter_ids: ['meter-1', 'meter-9'],
    });
    await client.ask({ type: 'subscribe', types: ['reading.accepted', 'batch.*'] });
    for (const meter of ['meter-1', 'meter-3', undefined])
      await scene.host.events.tell('reading.accepted', {
        account: 'acc_1',
        ...(meter === undefined ? {} : { meter }),
      });
    await scene.host.events.tell('device.alert', { account: 'acc_1', meter: 'meter-1' });
    await marked(client);
    expect(
      client.heard.filter(({ type }) => type === 'event').map((said) => said['subscriptions']),
    ).toEqual([['m1', 'm2'], ['m2'], ['m2'], ['m2']]);
  });

  it('hears no more of what it has unsubscribed; another of the same id takes its place', async () => {
    scene = await WsScene.start();
    const client = await listening('owner-key', { types: ['reading.*'] });
    client.say({ type: 'subscribe', id: 'm1', types: ['batch.*'] });
    await client.count('subscribed', 2);
    await scene.host.events.tell('reading.accepted', { account: 'acc_1' });
    await marked(client);
    expect(types(client)).toEqual(['batch.sealed']);
    client.say({ type: 'unsubscribe', id: 'm1' });
    await client.said('unsubscribed');
    await scene.host.events.tell('batch.sealed', {});
    expect(await client.ask({ type: 'unsubscribe' })).toMatchObject({
      code: 'subscription_unknown',
    });
    expect(types(client)).toEqual(['batch.sealed']);
  });

  it('has few subscriptions, and needs the scope to read', async () => {
    scene = await WsScene.start({ maxSubscriptions: 2 });
    const client = await listening('owner-key', { types: ['reading.*'] });
    await client.ask({ type: 'subscribe', types: ['reading.*'] });
    expect(await client.ask({ type: 'subscribe', types: ['reading.*'] })).toMatchObject({
      type: 'nack',
      code: 'subscriptions_full',
    });
    scene.host.callers.know((shown) => shown.kind === 'api-key' && shown.key === 'sender', {
      kind: 'api-key',
      id: 'wpk_sender',
      accountId: 'acc_1',
      scopes: ['ingest'],
    });
    const sender = await TestClient.withKey(scene.url, 'sender');
    expect(await sender.ask({ type: 'subscribe', types: ['reading.*'] })).toMatchObject({
      code: 'scope_missing',
    });
  });

  it('is told that it missed what nobody could decide about', async () => {
    scene = await WsScene.start();
    const client = await listening('owner-key', { types: ['reading.*', 'batch.*'] });
    scene.host.callers.unavailable = new Error('the store is away');
    const lost = await scene.host.events.tell('reading.accepted', { account: 'acc_1' });
    await scene.rest();
    scene.host.callers.unavailable = undefined;
    await marked(client);
    expect(await client.said('dropped')).toEqual({
      type: 'dropped',
      count: 1,
      from_id: lost.id,
      to_id: lost.id,
    });
    expect(types(client)).toEqual(['batch.sealed']);
  });

  it('is heard by the gateway only as long as there is one', async () => {
    scene = await WsScene.start();
    const [first, second] = [
      await listening('owner-key', { types: ['batch.*'] }),
      await listening('key-1', { types: ['batch.*'] }),
    ];
    expect(scene.host.events.followers).toBe(1);
    await first.close();
    await marked(second);
    second.socket.terminate();
    await scene.roundTrip();
    expect(scene.host.events.followers).toBe(0);
    await marked(await listening('owner-key', { types: ['batch.*'] }));
  });
});

describe('A subscriber that reads too slowly', () => {
  const FILLER = 'x'.repeat(30_000);
  /** Far more than any socket holds. */
  const MANY = 800;
  const flood = async (): Promise<void> => {
    for (let told = 0; told < MANY; told += 1) {
      await scene.host.events.tell('reading.accepted', { account: 'acc_1', told, FILLER });
      await scene.rest();
    }
  };

  it('is told how many events it missed, and from which on; others hear all', async () => {
    scene = await WsScene.start({ maxBufferedBytes: 65_536 });
    const slow = await listening('owner-key', { types: ['reading.*'] });
    const quick = await listening('owner-key', { types: ['reading.*'] });
    slow.socket.pause();
    await flood();
    await quick.count('event', MANY);
    expect(quick.heard.some(({ type }) => type === 'dropped')).toBe(false);
    slow.socket.resume();
    const told = (): number =>
      slow.heard.reduce(
        (sum, said) =>
          sum + ((said['count'] as number | undefined) ?? Number(said.type === 'event')),
        0,
      );
    while (told() < MANY) await scene.passes(1);
    expect(told()).toBe(MANY);
    // Nothing is out of order, and what was missed is named.
    let next = 1;
    for (const said of slow.heard) {
      if (said.type !== 'event' && said.type !== 'dropped') continue;
      const { id } = (said['event'] ?? { id: said['from_id'] }) as { readonly id: string };
      expect([said.type, Number(id)]).toEqual([said.type, next]);
      next += (said['count'] as number | undefined) ?? 1;
      if (said.type === 'dropped') expect(Number(said['to_id'])).toBe(next - 1);
    }
    expect(slow.heard.filter(({ type }) => type === 'event').length).toBeLessThan(MANY);
  });

  it('is closed where that is configured', async () => {
    scene = await WsScene.start({ maxBufferedBytes: 65_536, slowReader: 'close' });
    const slow = await listening('owner-key', { types: ['reading.*'] });
    slow.socket.pause();
    await flood();
    slow.socket.resume();
    expect(await slow.closed).toEqual({ code: 1013, reason: 'slow_reader' });
  });

  it('is cut when it does not read for too long', async () => {
    scene = await WsScene.start({ maxBufferedBytes: 65_536, pongTimeoutMs: 10_000 });
    const slow = await listening('owner-key', { types: ['reading.*'] });
    slow.socket.pause();
    await flood();
    const health = async () => (await scene.transport.health()).facts?.['connections'];
    await scene.passes(30_000);
    expect(await health()).toBe(1);
    await scene.passes(10_000);
    while ((await health()) !== 0) await scene.rest();
    slow.socket.terminate();
  });
});
