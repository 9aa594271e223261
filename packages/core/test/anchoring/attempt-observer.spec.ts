import { AnchorError, type Anchor, type Attempt } from '../../src/spi/index.js';
import { suiteCommitment, suiteIntent } from '../../src/testing/anchor-suite/commitments.js';
import { EngineWorld } from './engine-world.js';

/** A world whose ledger cannot tell of the attempts of some commitments; `asked` counts attempts per question. */
function blindTo(sizes: readonly number[], how: 'throws' | 'hangs' | 'lies' = 'throws') {
  const ids = new Set(sizes.map((size) => suiteIntent(suiteCommitment(size)).id));
  const asked: number[] = [];
  const world: EngineWorld = new EngineWorld({
    policy: { coalesce: false },
    change: (anchor: Anchor) => ({
      observe: async (attempts: readonly Attempt[], signal) => {
        asked.push(attempts.length);
        if (!attempts.some(({ intentId }) => ids.has(intentId)))
          return anchor.observe(attempts, signal);
        if (how === 'lies') return [];
        if (how === 'throws') throw new AnchorError('unavailable', 'unknown field "vsize"');
        // The time of the call is over as soon as it has begun.
        queueMicrotask(() => world.timers.fire());
        return new Promise<never>(() => undefined);
      },
    }),
  });
  const states = async (...of: number[]): Promise<readonly string[]> => {
    const found = [];
    for (const size of of) found.push((await world.intent(size)).state);
    return found;
  };
  return { world, ids, asked, states };
}

describe('an attempt that cannot be observed', () => {
  it.each(['throws', 'hangs', 'lies'] as const)(
    'lets only its own intent wait, with the reason, when the ledger %s',
    async (how) => {
      const { world, ids, states } = blindTo([2], how);
      await world.enqueue(1, 2, 3);
      await world.step(5);
      expect(await states(1, 2, 3)).toEqual(['final', 'broadcast', 'final']);
      const reason = {
        throws: 'unavailable: unknown field "vsize"',
        hangs: 'unavailable: observe: no answer within 30000 ms',
        lies: 'unavailable: observe: observations do not match the attempts asked for, in order',
      }[how];
      expect((await world.intent(2)).reason).toContain(reason);
      ids.clear();
      await world.step(3);
      expect(await states(2)).toEqual(['final']);
      expect(await world.intent(2)).not.toHaveProperty('reason');
    },
  );

  it('is asked about alone from there, and not before its pause is over', async () => {
    const { world, asked } = blindTo([2]);
    await world.enqueue(1, 2, 3);
    await world.drive();
    await world.drive();
    expect(asked).toEqual([3, 1, 1, 1]);
    asked.length = 0;
    await world.drive();
    expect(asked).toEqual([2]);
    asked.length = 0;
    world.clock.ms += 60_000;
    await world.drive();
    expect(asked).toEqual([2, 1]);
  });

  it('keeps nobody from the ledger where several of them come first', async () => {
    const { world, states } = blindTo([1, 2, 3, 4, 5, 6, 7]);
    await world.enqueue(1, 2, 3, 4, 5, 6, 7, 8, 9);
    await world.step(8);
    expect(await states(8, 9)).toEqual(['final', 'final']);
    expect(await states(1, 7)).toEqual(['broadcast', 'broadcast']);
  });

  it('keeps nobody from it either when nothing was answered before', async () => {
    const { world, states } = blindTo([1, 2, 3]);
    await world.enqueue(1, 2, 3, 4);
    await world.drive();
    world.ledger.setDown(true);
    await world.drive(2);
    world.ledger.setDown(false);
    world.clock.ms += 60_000;
    await world.step(5);
    expect(await states(1, 4)).toEqual(['broadcast', 'final']);
  });

  it('leaves what is included as it was, and is heard of again after a process began anew', async () => {
    const { world, ids, states } = blindTo([]);
    await world.enqueue(1, 2);
    await world.step(2);
    ids.add(suiteIntent(suiteCommitment(1)).id);
    await world.step(3);
    expect(await states(1, 2)).toEqual(['included', 'final']);
    world.restart('two');
    ids.clear();
    await world.step(1);
    expect(await states(1)).toEqual(['final']);
  });
});

describe('a ledger that tells of no attempt', () => {
  it('is asked a few times in a pass, however many wait for it, and every one says why', async () => {
    const sizes = Array.from({ length: 20 }, (_unused, index) => index + 1);
    const { world, asked, states } = blindTo([]);
    await world.enqueue(...sizes);
    await world.drive();
    world.ledger.setDown(true);
    asked.length = 0;
    await world.drive();
    expect(asked).toEqual([20, 1, 1, 1]);
    for (const size of sizes)
      expect((await world.intent(size)).reason).toBe('unavailable: the node does not answer');
    for (let pass = 0; pass < 10; pass += 1) await world.drive();
    asked.length = 0;
    world.ledger.setDown(false);
    await world.drive();
    expect(asked).toEqual([20]);
    world.clock.ms += 60_000;
    await world.step(4);
    expect(new Set(await states(...sizes))).toEqual(new Set(['final']));
  });

  it('is waited for a few times in a pass', async () => {
    const sizes = Array.from({ length: 20 }, (_unused, index) => index + 1);
    const { world, asked } = blindTo(sizes, 'hangs');
    await world.enqueue(...sizes);
    await world.drive();
    await world.drive();
    expect(asked).toEqual([20, 1, 1]);
  });
});
