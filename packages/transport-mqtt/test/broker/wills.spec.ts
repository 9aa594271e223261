import { afterEach, describe, expect, test } from '@jest/globals';
import type { IClientOptions } from 'mqtt';
import { ACCEPTED, eventually, RunningBroker, STORE_DOWN } from './running-broker.js';

describe('last wills at the embedded broker', () => {
  let broker: RunningBroker;
  afterEach(() => broker.stop());

  const texts = (): string[] => broker.arrived.map(({ text }) => text);
  const willOf = (text: string, willDelayInterval?: number): IClientOptions['will'] => ({
    topic: 'wattproof/v1/meter-1/status',
    payload: Buffer.from(text),
    qos: 0,
    ...(willDelayInterval === undefined ? {} : { properties: { willDelayInterval } }),
  });
  /** Connects with a will, and is gone without a goodbye. */
  async function loses(text: string, options: IClientOptions & { delaySeconds?: number } = {}) {
    const { delaySeconds, ...more } = options;
    const device = await broker.device('meter-1', {
      protocolVersion: 5,
      will: willOf(text, delaySeconds),
      ...more,
    });
    const before = broker.fact('connections') as number;
    device.stream.destroy();
    await eventually(() => broker.fact('connections') === before - 1);
  }
  async function passes(seconds: number): Promise<void> {
    await broker.clock.advance(seconds * 1000);
    broker.link.check();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const kept = { clientId: 'one', clean: false, properties: { sessionExpiryInterval: 100 } };

  test('one that cannot be stored is tried again, those of one session in order', async () => {
    broker = await RunningBroker.start();
    broker.rule = () => STORE_DOWN;
    await loses('first', { clientId: 'one' });
    await loses('second', { clientId: 'one' });
    await passes(1);
    expect(new Set(texts())).toEqual(new Set(['first']));
    expect(broker.fact('wills')).toBe(2);
    broker.rule = () => ACCEPTED;
    const tried = broker.arrived.length;
    await passes(1);
    await eventually(() => broker.fact('wills') === 0);
    expect(texts().slice(tried)).toEqual(['first', 'second']);
  });

  test('one that is stored after its device came back says so', async () => {
    broker = await RunningBroker.start();
    broker.rule = () => STORE_DOWN;
    await loses('gone', { clientId: 'one' });
    expect(broker.arrived.at(-1)!.message.speakerIsHere).toBeUndefined();
    await broker.device('meter-1', { clientId: 'other' });
    broker.rule = () => ACCEPTED;
    await passes(1);
    await eventually(() => broker.fact('wills') === 0);
    expect(broker.arrived.at(-1)!.message.speakerIsHere).toBe(true);
  });

  test('none is tried for ever, kept without bound, or sent for a key that was revoked', async () => {
    broker = await RunningBroker.start({ sessions: { willRetryMs: 5_000, willBytes: 65_536 } });
    broker.rule = () => STORE_DOWN;
    await loses('old', { clientId: 'one' });
    await passes(5);
    await eventually(() => broker.fact('count_will_lost') === 1);
    await loses('x'.repeat(40_000), { clientId: 'two' });
    await loses('y'.repeat(40_000), { clientId: 'three' });
    expect(broker.fact('count_will_lost')).toBe(2);
    const [first] = broker.arrived;
    broker.host.callers.revoke(first!.message.caller!);
    await passes(1);
    await eventually(() => broker.fact('count_will_lost') === 3);
    expect(broker.fact('wills')).toBe(0);
  });

  test('a stop tries each once more, and waits for no store that is away', async () => {
    broker = await RunningBroker.start();
    broker.rule = () => STORE_DOWN;
    await loses('one', { clientId: 'one' });
    await loses('two', { clientId: 'two' });
    await loses('delayed', { ...kept, clientId: 'three', delaySeconds: 60 });
    const tried = broker.arrived.length;
    await broker.link.close();
    expect(texts().slice(tried).toSorted()).toEqual(['delayed', 'one', 'two']);
  });

  test('one with a delay waits for it', async () => {
    broker = await RunningBroker.start();
    broker.rule = () => ACCEPTED;
    await loses('late', { ...kept, delaySeconds: 10 });
    await passes(9);
    expect(texts()).toEqual([]);
    await passes(1);
    expect(texts()).toEqual(['late']);
  });

  test('a device that comes back to its session before the delay has passed drops it', async () => {
    broker = await RunningBroker.start();
    broker.rule = () => ACCEPTED;
    await loses('late', { ...kept, delaySeconds: 10 });
    await broker.device('meter-1', { protocolVersion: 5, ...kept });
    await passes(20);
    // Nor does a connection that is taken over leave one, as long as the session goes on.
    await broker.device('meter-1', {
      protocolVersion: 5,
      ...kept,
      will: willOf('taken over', 10),
    });
    await broker.device('meter-1', { protocolVersion: 5, ...kept });
    await eventually(() => broker.fact('connections') === 1);
    await passes(20);
    expect(texts()).toEqual([]);
  });

  test('the end of the session sends it, whatever the delay', async () => {
    broker = await RunningBroker.start();
    broker.rule = () => ACCEPTED;
    await loses('no session', { clientId: 'none', delaySeconds: 1_000 });
    await eventually(() => texts().length === 1);
    await loses('expired', { ...kept, delaySeconds: 1_000 });
    await passes(99);
    expect(texts()).toEqual(['no session']);
    await passes(1);
    await eventually(() => texts().length === 2);
    await loses('begun anew', { ...kept, delaySeconds: 1_000 });
    await broker.device('meter-1', { protocolVersion: 5, clientId: 'one', clean: true });
    await eventually(() => texts().length === 3);
    expect(texts()).toEqual(['no session', 'expired', 'begun anew']);
  });
});
