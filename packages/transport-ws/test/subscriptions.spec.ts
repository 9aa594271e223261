import { describe, expect, it } from '@jest/globals';
import type { Callers } from '@wattproof/core/spi';
import { Listening } from '../src/listening.js';
import type { LiveStream } from '../src/live-stream.js';
import type { Outgoing } from '../src/outgoing.js';
import { Subscriptions, type ToldEvent } from '../src/subscriptions.js';
import { WsConfig } from '../src/ws.config.js';

const caller = { kind: 'api-key', id: 'wpk_1', accountId: 'acc_1', scopes: [] } as const;
const told = (id: number): ToldEvent => ({
  event: { id: String(id), type: 'reading.accepted', atMs: 0, data: {} },
  text: `${id}`.padEnd(100),
});

describe('Subscriptions', () => {
  const make = (most: number): Subscriptions =>
    new Subscriptions({
      callers: { mayHear: async () => true },
      outgoing: { hasRoomFor: () => true, send: () => undefined, sendText: () => undefined },
      most,
      maxBytes: 1_000,
      caller: () => caller,
      onMissed: () => undefined,
    });

  it('of one client name so much together, and no more; one that is replaced does not count', () => {
    const subscriptions = make(16);
    const names = (many: number) =>
      Array.from({ length: many }, (_, n) => `${n}`.padStart(256, 'm'));
    const filter = (many: number) => ({ types: ['a.b'], meterIds: names(many) });
    expect(subscriptions.add('one', filter(200))).toBe(true);
    expect(subscriptions.add('two', filter(56))).toBe(false);
    expect(subscriptions.add('two', filter(55))).toBe(true);
    expect(subscriptions.add('one', filter(201))).toBe(false);
    expect(subscriptions.add('one', filter(200))).toBe(true);
    subscriptions.remove('one');
    expect(subscriptions.add('three', filter(200))).toBe(true);
  });
});

describe('A subscription', () => {
  it('that waits for the store holds back those beyond the limit, of its own id too', async () => {
    const sent: { type: string; id?: unknown; code?: string }[] = [];
    const joined = Promise.withResolvers<void>();
    const listening = new Listening({
      config: WsConfig.parse({ maxSubscriptions: 2 }),
      callers: { mayHear: async () => true } as unknown as Callers,
      stream: { join: () => joined.promise, leave: async () => undefined } as unknown as LiveStream,
      outgoing: {
        send: (message: { type: string }) => void sent.push(message),
        nack: (id: string, code: string) => void sent.push({ type: 'nack', id, code }),
      } as unknown as Outgoing,
      caller: () => caller,
      end: () => undefined,
      isEnding: () => false,
    });
    const subscribe = () =>
      listening.subscribe(caller, { type: 'subscribe', id: 's', types: ['a.b'] });
    for (let n = 0; n < 3; n += 1) await subscribe();
    expect(sent).toEqual([{ type: 'nack', id: 's', code: 'subscriptions_full' }]);
    joined.resolve();
    await new Promise(setImmediate);
    await subscribe();
    await new Promise(setImmediate);
    expect(sent.slice(1).map(({ type }) => type)).toEqual([
      'subscribed',
      'subscribed',
      'subscribed',
    ]);
  });
});

describe('Events that wait until it is known whose they are', () => {
  it('are bounded; those beyond are counted, and told in their place', async () => {
    const decided = Promise.withResolvers<boolean>();
    const sent: unknown[] = [];
    const subscriptions = new Subscriptions({
      callers: { mayHear: () => decided.promise },
      outgoing: {
        hasRoomFor: () => true,
        send: (message) => void sent.push(message),
        sendText: (text) =>
          void sent.push(
            (JSON.parse(text.replace(/:(\d+) +}/, ':"$1"}')) as { event: string }).event,
          ),
      },
      most: 1,
      maxBytes: 1_000,
      caller: () => caller,
      onMissed: () => undefined,
    });
    subscriptions.add('s', { types: ['reading.*'] });
    subscriptions.offer(Array.from({ length: 50 }, (_, id) => told(id)));
    decided.resolve(true);
    await new Promise((resolve) => setImmediate(resolve));
    // Ten fit.
    expect(sent).toEqual([
      ...Array.from({ length: 10 }, (_, id) => String(id)),
      { type: 'dropped', count: 40, from_id: '10', to_id: '49' },
    ]);
    subscriptions.offer([told(50)]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent.at(-1)).toBe('50');
  });
});
