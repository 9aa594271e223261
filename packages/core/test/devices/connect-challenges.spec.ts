import { describe, expect, it } from '@jest/globals';
import { ConnectChallenges } from '../../src/devices/connect-challenges.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { TestClock } from '../ingestion/ingestion-fixture.js';

const NOW = 1_750_000_000_000;
const TTL = 300_000;

function open(choices: { remembered?: number; burst?: number } = {}) {
  const clock = new TestClock(NOW);
  const store = openMemoryStore({ clock }).meters;
  let drawn = 0;
  const replica = () =>
    new ConnectChallenges({
      store,
      clock,
      random: (length) => Buffer.alloc(length, (drawn += 1)),
      ttlMs: TTL,
      rate: { perSecond: 1, burst: choices.burst ?? 100 },
      remembered: choices.remembered ?? 100,
    });
  return { clock, store, replica, challenges: replica() };
}

let counted = 0;
/** What a device makes up whose clock shows this. */
const selfMade = (ms: number | string): string =>
  `${ms}.${(counted += 1).toString(16).padStart(32, '0')}`;

describe('Challenges for connections', () => {
  it('that were given out are good once, for their time, at every replica', async () => {
    const { challenges, replica, clock } = open();
    const [first, second] = [await challenges.make(), await challenges.make()];
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect([await replica().use(first), await challenges.use(first)]).toEqual([true, false]);
    clock.ms += TTL;
    expect(await challenges.use(second)).toBe(false);
    expect(await challenges.use('f'.repeat(32))).toBe(false);
  });

  it('that a device made are good once, at one replica, as long as its clock is nearly right', async () => {
    const { challenges, replica } = open();
    for (const ms of [NOW, NOW - TTL, NOW + TTL]) {
      const challenge = selfMade(ms);
      expect([await challenges.use(challenge), await challenges.use(challenge)]).toEqual([
        true,
        false,
      ]);
      expect(await replica().use(challenge)).toBe(false);
    }
    for (const ms of [NOW - TTL - 1, NOW + TTL + 1, 0])
      expect(await challenges.use(selfMade(ms))).toBe(false);
  });

  it('that a device made are not good again while their time still is', async () => {
    const { challenges, replica, clock } = open();
    const challenge = selfMade(NOW + TTL);
    expect(await challenges.use(challenge)).toBe(true);
    clock.ms += 2 * TTL;
    expect(challenges.isTimely(challenge)).toBe(true);
    expect([await challenges.use(challenge), await replica().use(challenge)]).toEqual([
      false,
      false,
    ]);
  });

  it('cost no query when they come again', async () => {
    const { challenges, store } = open();
    const challenge = selfMade(NOW);
    await challenges.use(challenge);
    store.putChallenge = () => Promise.reject(new Error('the store was asked'));
    expect(await challenges.use(challenge)).toBe(false);
  });

  it.each([
    ['nothing', ''],
    ['no number', `.${'0'.repeat(32)}`],
    ['a number written otherwise', `0${NOW}.${'0'.repeat(32)}`],
    ['a fraction', `${NOW}.5.${'0'.repeat(32)}`],
    ['too few digits', `${NOW}.${'0'.repeat(31)}`],
    ['capitals', `${NOW}.${'A'.repeat(32)}`],
    ['a line feed', `${NOW}.${'0'.repeat(32)}\n`],
    ['another line', `${'0'.repeat(32)}\n`],
    ['a number beyond all time', `${'9'.repeat(400)}.${'0'.repeat(32)}`],
  ])('are refused that have another form: %s', async (_name, challenge) => {
    expect(await open().challenges.use(challenge)).toBe(false);
  });

  it('are refused, and none is forgotten, when as many are remembered as may be', async () => {
    const { challenges, clock } = open({ remembered: 2 });
    const [first, second] = [selfMade(NOW), selfMade(NOW)];
    expect([await challenges.use(first), await challenges.use(second)]).toEqual([true, true]);
    expect(await challenges.use(selfMade(NOW))).toBe(false);
    expect(await challenges.use(first)).toBe(false);
    // One that was given out needs no memory.
    expect(await challenges.use(await challenges.make())).toBe(true);
    clock.ms += TTL;
    // To this very millisecond the first could come again.
    expect(challenges.isTimely(first)).toBe(true);
    expect(await challenges.use(selfMade(clock.ms))).toBe(false);
    clock.ms += 1;
    expect(await challenges.use(selfMade(clock.ms))).toBe(true);
    expect(await challenges.use(first)).toBe(false);
  });

  it('are given out at a rate', async () => {
    const { challenges, clock } = open({ burst: 2 });
    await challenges.make();
    await challenges.make();
    await expect(challenges.make()).rejects.toMatchObject({
      code: 'throttled',
      retryAfterMs: 1000,
    });
    clock.ms += 1000;
    expect(await challenges.make()).toEqual(expect.any(String));
  });
});
