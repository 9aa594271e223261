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
        const wait = { ms, fire };
        waits.push(wait);
        return () => void (waits.includes(wait) && waits.splice(waits.indexOf(wait), 1));
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

  it('does not wait for ever for a broker that never answers a subscription', async () => {
    broker.answersSubscribe = false;
    const started = start(() => accepted, { connectTimeoutMs: 5_000 });
    await broker.session(0);
    const limit = await next();
    expect(limit.ms).toBe(5_000);
    limit.fire();
    await started;
    expect(link.health()).toMatchObject({
      ready: false,
      detail: expect.stringContaining('no SUBACK for 5000 ms'),
    });
    broker.answersSubscribe = true;
    (await next()).fire();
    await broker.session(1);
    await until(() => link.health().ready);
  });

  it('connects anew when the broker confirms none of our messages, which are unreachable then', async () => {
    broker.puback = undefined;
    await start(() => accepted, { maxOutgoing: 2, outgoingTimeoutMs: 20_000 });
    const session = await broker.session(0);
    const sent = ['a', 'b', 'c'].map((payload) => link.publish('r', payload, { qos: 1 }));
    const first = await broker.until(() => session.published[1] && session.published[0]);
    const before = waits.find(({ ms }) => ms === 20_000);
    session.send({ cmd: 'puback', messageId: first.messageId, reasonCode: 0 });
    expect(await sent[0]).toBe('sent');
    // As long as it confirms any, it has time.
    expect(waits).not.toContain(before);
    waits.find(({ ms }) => ms === 20_000)!.fire();
    expect(await Promise.all(sent.slice(1))).toEqual(['unreachable', 'unreachable']);
    expect(link.health()).toMatchObject({
      ready: false,
      detail: expect.stringContaining('no PUBACK for 20000 ms'),
    });
  });

  it('does not take a broker for silent while it is not listened to, because commits take long', async () => {
    const commit = Promise.withResolvers<Outcome>();
    await start(() => commit.promise, { maxInFlight: 1, outgoingTimeoutMs: 20_000 });
    const session = await broker.session(0);
    for (const id of [1, 2]) session.publish(id, '{}');
    await until(() => link.health().facts?.['waiting'] === 1);
    const sent = link.publish('r', 'a', { qos: 1 });
    await broker.until(() => session.published[0]);
    for (let times = 0; times < 3; times += 1) waits.find(({ ms }) => ms === 20_000)!.fire();
    expect(link.health().ready).toBe(true);
    commit.resolve(accepted);
    expect(await sent).toBe('sent');
    await broker.until(() => (session.acknowledged.length === 2 ? true : undefined));
  });

  it('gives up a message when its time is over, whether it waits to be sent or to be confirmed', async () => {
    broker.puback = undefined;
    await start(() => accepted, { maxOutgoing: 1 });
    const session = await broker.session(0);
    const time = new AbortController();
    const sent = ['unconfirmed', 'unsent'].map((payload) =>
      link.publish('r', payload, { qos: 1, signal: time.signal }),
    );
    expect(link.health().facts).toMatchObject({ outgoing: 2 });
    time.abort(LATE);
    for (const one of sent) await expect(one).rejects.toBe(LATE);
    // The broker may still confirm the first; nothing is kept of the other.
    expect(link.health().facts).toMatchObject({ outgoing: 1 });
    session.socket.destroy(); // nothing to wait for when it stops
  });

  const LATE = new Error('too late');
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise(setImmediate);
  }

  /** The wait that begins next. */
  async function next(): Promise<(typeof waits)[number]> {
    for (;;) {
      const wait = waits.shift();
      if (wait !== undefined) return wait;
      await new Promise(setImmediate);
    }
  }
});
