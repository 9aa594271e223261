import { describe, expect, it } from '@jest/globals';
import { Followers } from '../../src/events/followers.js';
import { Subscribers } from '../../src/events/subscribers.js';
import { silentLogger } from '../../src/gateway/gateway-options.js';
import type { DomainEvent } from '../../src/spi/index.js';
import { MemoryOutbox } from '../../src/stores/memory/outbox.js';

function scene() {
  const outbox = new MemoryOutbox();
  const followers = new Followers(outbox, silentLogger);
  const commit = (...types: readonly string[]): void => {
    for (const type of types) outbox.append({ type, atMs: 0, data: {} });
  };
  return { outbox, followers, commit };
}

const noting =
  (seen: string[]) =>
  (events: readonly DomainEvent[]): void =>
    void seen.push(...events.map(({ type, id }) => `${type} ${Number(id)}`));

describe('Followers', () => {
  it('hear what is committed from the moment they are ready, each event once, by type or family', async () => {
    const { followers, commit } = scene();
    const [first, second]: [string[], string[]] = [[], []];
    commit('reading.accepted');
    const one = followers.follow(['reading.*', 'batch.sealed'], noting(first));
    await one.ready;
    commit('reading.accepted', 'meter.state', 'batch.sealed', 'readings.other');
    // This one comes later and hears only what comes after it.
    await followers.follow(['reading.flagged', 'reading.accepted'], noting(second)).ready;
    commit('reading.accepted', 'reading.flagged');
    await followers.look();
    await followers.look();
    expect(first).toEqual([
      'reading.accepted 2',
      'batch.sealed 4',
      'reading.accepted 6',
      'reading.flagged 7',
    ]);
    expect(second).toEqual(['reading.accepted 6', 'reading.flagged 7']);
  });

  it('hear all of a long backlog in order, and share one read', async () => {
    const { outbox, followers, commit } = scene();
    const seen: string[] = [];
    let reads = 0;
    const counting = new Followers(
      {
        last: () => outbox.last(),
        behind: (id, limit) => {
          reads += 1;
          return outbox.behind(id, limit);
        },
      },
      silentLogger,
    );
    await counting.look();
    expect(reads).toBe(0);
    const follows = [0, 1].map(() => counting.follow(['a.*'], noting(seen)));
    await Promise.all(follows.map(({ ready }) => ready));
    commit(...Array.from({ length: 1_200 }, () => 'a.b'));
    await counting.look();
    expect(seen).toHaveLength(2_400);
    expect(new Set(seen).size).toBe(1_200);
    expect(reads).toBe(3);
    await follows[0]!.stop();
    await follows[1]!.stop();
    commit('a.b');
    await counting.look();
    expect(reads).toBe(3);
    expect(seen).toHaveLength(2_400);
    await followers.look();
  });

  it('hold nothing back from being pruned', async () => {
    const { outbox, followers, commit } = scene();
    await followers.follow(['a'], noting([])).ready;
    commit('a');
    expect(await outbox.prune(1)).toBe(1);
  });

  it('that throw harm no other; a store that does not answer is asked again', async () => {
    const { outbox, commit } = scene();
    let down = true;
    const followers = new Followers(
      {
        last: async () => {
          if (down) throw new Error('store unavailable');
          return outbox.last();
        },
        behind: (id, limit) => outbox.behind(id, limit),
      },
      silentLogger,
    );
    const seen: string[] = [];
    followers.follow(['a'], () => {
      throw new Error('a defect');
    });
    const { ready } = followers.follow(['a'], noting(seen));
    await expect(followers.look()).rejects.toThrow('store unavailable');
    down = false;
    await followers.look();
    await ready;
    commit('a');
    await followers.look();
    expect(seen).toEqual(['a 1']);
  });

  it('of a plugin hear the types it declares, families too, as its subscribers do', async () => {
    const { outbox, commit } = scene();
    const subscribers = new Subscribers(outbox, silentLogger);
    const source = subscribers.sourceFor('transport.ws', ['reading.*']);
    const [followed, subscribed]: [string[], string[]] = [[], []];
    await source.follow(noting(followed)).ready;
    source.subscribe('mine', async (event) => noting(subscribed)([event]));
    commit('reading.accepted', 'batch.sealed', 'reading.flagged');
    await subscribers.followers.look();
    await subscribers.deliver();
    expect(followed).toEqual(['reading.accepted 1', 'reading.flagged 3']);
    expect(subscribed).toEqual(followed);
  });
});
