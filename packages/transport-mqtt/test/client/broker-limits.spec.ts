import { ACCEPTED_ITEM, FakeClock, silentLogger, TransportHost } from '@wattproof/core/testing';
import { ClientConfig } from '../../src/client/client.config.js';
import { ClientLink } from '../../src/client/client-link.js';
import type { LinkMessage, Outcome } from '../../src/link.js';
import { ScriptedBroker } from './scripted-broker.js';

describe('limits of a broker, and of clocks, at the client', () => {
  let broker: ScriptedBroker;
  let host: TransportHost;
  let link: ClientLink;
  const clock = new FakeClock();
  const elapsed = new FakeClock(0);
  const waits: { ms: number; fire: () => void }[] = [];

  beforeEach(async () => {
    [broker, host] = await Promise.all([ScriptedBroker.listen(), TransportHost.open()]);
    waits.length = 0;
  });
  afterEach(async () => {
    await link.close();
    await Promise.all([broker.close(), host.close()]);
  });

  function start(
    take: (message: LinkMessage) => Outcome | Promise<Outcome>,
    client: object = {},
  ): Promise<void> {
    const context = { instanceId: 'a', origin: 'o', logger: silentLogger, clock };
    const timers = {
      monotonicMs: () => elapsed.nowMs(),
      after: (ms: number, fire: () => void) => {
        waits.push({ ms, fire });
        return () => {};
      },
    };
    link = new ClientLink(
      broker.url,
      ClientConfig.parse({ reconnectMinMs: 10, ...client }),
      ['t'],
      context,
      timers,
      () => 0.5,
    );
    return link.open(async (message) => take(message));
  }
  const accepted: Outcome = {
    kind: 'acknowledge',
    reasonCode: 0,
    properties: { receipt: JSON.stringify({ ...ACCEPTED_ITEM, proof: 'x'.repeat(500) }) },
  };

  it('leaves out what would make a PUBACK larger than the broker takes', async () => {
    broker.connack = { properties: { maximumPacketSize: 256 } };
    await start(() => accepted);
    const session = await broker.session(0);
    session.publish(1, '{}');
    const puback = await broker.until(() => session.packets.find(({ cmd }) => cmd === 'puback'));
    expect(puback.length).toBeLessThanOrEqual(256);
    expect(puback).toMatchObject({ messageId: 1, reasonCode: 0 });
    expect('properties' in puback ? puback.properties : undefined).toBeUndefined();
  });

  it('sends no message larger than the broker takes, and stays connected', async () => {
    broker.connack = { properties: { maximumPacketSize: 256 } };
    await start(() => accepted);
    const session = await broker.session(0);
    await expect(link.publish('r', 'x'.repeat(300), { qos: 1 })).rejects.toMatchObject({
      code: 'publish_too_large',
    });
    expect(await link.publish('r', 'small', { qos: 1 })).toBe('sent');
    expect(session.published.map(({ payload }) => String(payload))).toEqual(['small']);
    expect(link.health()).toMatchObject({ ready: true, facts: { connections: 1 } });
  });

  it('sends what waits behind messages that were given up', async () => {
    broker.puback = undefined;
    await start(() => accepted, { maxOutgoing: 1 });
    const session = await broker.session(0);
    const first = link.publish('r', 'first', { qos: 1 });
    const givingUp = new AbortController();
    const given = link.publish('r', 'given up', { qos: 1, signal: givingUp.signal });
    const last = link.publish('r', 'last', { qos: 1 });
    givingUp.abort(new Error('too late'));
    broker.puback = 0;
    const { messageId } = await broker.until(() => session.published[0]);
    session.send({ cmd: 'puback', messageId, reasonCode: 0 });
    await expect(given).rejects.toThrow('too late');
    expect(await Promise.all([first, last])).toEqual(['sent', 'sent']);
    expect(session.published.map(({ payload }) => String(payload))).toEqual(['first', 'last']);
  });

  it('takes no content type from a list of them', async () => {
    const seen: unknown[] = [];
    await start((message) => {
      seen.push(message.contentType);
      return accepted;
    });
    const session = await broker.session(0);
    const text = (word: string) => [0, word.length, ...Buffer.from(word)];
    const properties = [0x03, ...text('a/b'), 0x03, ...text('c/d')];
    const body = [...text('t'), 0, 1, properties.length, ...properties, ...Buffer.from('{}')];
    session.socket.write(Buffer.from([0x32, body.length, ...body]));
    await broker.until(() => session.acknowledged[0]);
    expect(seen).toEqual([undefined]);
  });

  it('holds a message for as long as it says, whatever the clock is set to meanwhile', async () => {
    await start(() => ({ kind: 'withhold', why: 'throttled', retryAfterMs: 5_000 }), {
      withholdMs: 30_000,
    });
    (await broker.session(0)).publish(1, '{}');
    for (const setByMs of [3_600_000, -86_400_000]) {
      const retry = await next();
      await clock.advance(setByMs);
      retry.fire();
    }
    const last = await next();
    expect(link.health().ready).toBe(true);
    await elapsed.advance(30_000);
    last.fire();
    // Cut, and back when it is time.
    expect((await next()).ms).toBe(5_000);
    expect(link.health().ready).toBe(false);
  });

  it('stops though a commit never returns, and leaves its message with the broker', async () => {
    const commit = Promise.withResolvers<Outcome>();
    const taken = Promise.withResolvers<void>();
    await start(() => (taken.resolve(), commit.promise), { drainMs: 7_000 });
    const session = await broker.session(0);
    session.publish(1, '{}');
    await taken.promise;
    const closed = link.close();
    const limit = await next();
    expect(limit.ms).toBe(7_000);
    await new Promise(setImmediate);
    expect(session.packets.some(({ cmd }) => cmd === 'disconnect')).toBe(false);
    limit.fire();
    await closed;
    await broker.until(() => session.packets.find(({ cmd }) => cmd === 'disconnect'));
    commit.resolve(accepted);
    await new Promise(setImmediate);
    expect(session.acknowledged).toEqual([]);
  });

  /** The wait that begins next. */
  async function next(): Promise<(typeof waits)[number]> {
    for (;;) {
      const wait = waits.shift();
      if (wait !== undefined) return wait;
      await new Promise(setImmediate);
    }
  }
});
