import { describe, expect, it } from '@jest/globals';
import { Subscriptions, type ToldEvent } from '../src/subscriptions.js';

const caller = { kind: 'api-key', id: 'wpk_1', accountId: 'acc_1', scopes: [] } as const;
const told = (id: number): ToldEvent => ({
  event: { id: String(id), type: 'reading.accepted', atMs: 0, data: {} },
  text: `${id}`.padEnd(100),
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
