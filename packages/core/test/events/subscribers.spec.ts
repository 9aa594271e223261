import { describe, expect, it } from '@jest/globals';
import { Subscribers } from '../../src/events/subscribers.js';
import { silentLogger } from '../../src/gateway/gateway-options.js';
import { MemoryOutbox } from '../../src/stores/memory/outbox.js';

function outboxWith(...types: readonly string[]): MemoryOutbox {
  const outbox = new MemoryOutbox();
  for (const [index, type] of types.entries()) outbox.append({ type, atMs: index, data: {} });
  return outbox;
}

describe('Subscribers', () => {
  it('whose types change miss nothing of a new one, and hold back nothing they do not take', async () => {
    const outbox = outboxWith('a', 'c');
    const subscribers = new Subscribers(outbox, silentLogger);
    const seen: string[] = [];
    const wanted = ['a'];
    subscribers.subscribeMany(
      'mine',
      async () => {
        const now = [...wanted];
        if (wanted.length === 1) {
          // Somebody asks for another type, and both happen, while the first are being read.
          wanted.push('b');
          outbox.append({ type: 'b', atMs: 3, data: {} });
          outbox.append({ type: 'a', atMs: 4, data: {} });
        }
        return now;
      },
      async (events) => void seen.push(...events.map(({ type, atMs }) => type + atMs)),
    );
    await subscribers.deliver();
    await subscribers.deliver();
    expect(seen).toEqual(['a0', 'b3', 'a4']);
    outbox.append({ type: 'c', atMs: 5, data: {} });
    await subscribers.deliver();
    expect(await outbox.prune(9)).toBe(5);
  });

  it('get the events of their types, in order, each once when nothing fails', async () => {
    const subscribers = new Subscribers(outboxWith('a', 'b', 'a'), silentLogger);
    const seen: string[] = [];
    subscribers.subscribe('mine', ['a'], async ({ type, atMs }) => void seen.push(type + atMs));
    await subscribers.deliver();
    await subscribers.deliver();
    expect(seen).toEqual(['a0', 'a2']);
  });

  it('get an event again after their handler failed, and none of the later ones before it', async () => {
    const subscribers = new Subscribers(outboxWith('a', 'a', 'a'), silentLogger);
    const seen: number[] = [];
    let fails = true;
    subscribers.subscribe('mine', 'all', async ({ atMs }) => {
      seen.push(atMs);
      if (atMs === 1 && fails) throw new Error('not now');
    });
    await subscribers.deliver();
    expect(seen).toEqual([0, 1]);
    fails = false;
    await subscribers.deliver();
    expect(seen).toEqual([0, 1, 1, 2]);
  });

  it('go on behind the last handled event after a restart', async () => {
    const outbox = outboxWith('a');
    const first = new Subscribers(outbox, silentLogger);
    first.subscribe('mine', 'all', async () => undefined);
    await first.deliver();
    outbox.append({ type: 'a', atMs: 7, data: {} });
    const second = new Subscribers(outbox, silentLogger);
    const seen: number[] = [];
    second.subscribe('mine', 'all', async ({ atMs }) => void seen.push(atMs));
    await second.deliver();
    expect(seen).toEqual([7]);
  });

  it('that take many at once get them all again when one fails', async () => {
    const outbox = outboxWith('a', 'b', 'a');
    const subscribers = new Subscribers(outbox, silentLogger);
    const seen: number[][] = [];
    let fails = true;
    subscribers.subscribeMany('mine', ['a'], async (events) => {
      seen.push(events.map(({ atMs }) => atMs));
      if (fails) throw new Error('not now');
    });
    await subscribers.deliver();
    fails = false;
    outbox.append({ type: 'a', atMs: 3, data: {} });
    await subscribers.deliver();
    await subscribers.deliver();
    expect(seen).toEqual([
      [0, 2],
      [0, 2, 3],
    ]);
  });

  it('are kept apart by their owner, and never run twice at once', async () => {
    const subscribers = new Subscribers(outboxWith('a'), silentLogger);
    const seen: string[] = [];
    for (const owner of ['anchor.x', 'anchor.y']) {
      subscribers.sourceFor(owner, ['a']).subscribe('cursor', async () => void seen.push(owner));
    }
    await Promise.all([subscribers.deliver(), subscribers.deliver()]);
    expect(seen.sort()).toEqual(['anchor.x', 'anchor.y']);
    expect(() =>
      subscribers.sourceFor('anchor.x', ['a']).subscribe('cursor', async () => undefined),
    ).toThrow('already a subscriber');
  });

  it('run no more once they are stopped', async () => {
    const subscribers = new Subscribers(outboxWith('a'), silentLogger);
    let calls = 0;
    const subscription = subscribers.subscribe('mine', 'all', async () => {
      calls += 1;
    });
    await subscription.stop();
    await subscribers.deliver();
    expect(calls).toBe(0);
  });
});
