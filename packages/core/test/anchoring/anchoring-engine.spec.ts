import { AnchorError } from '../../src/spi/index.js';
import {
  anchorIntentId,
  anchorPolicySchema,
  anchorStatusOf,
  UnknownAnchor,
} from '../../src/anchoring/index.js';
import { suiteCommitment, suiteIntent } from '../../src/testing/anchor-suite/commitments.js';
import { toHex } from '../../src/verify/bytes.js';
import { FakeLedger } from '../../src/testing/fake-ledger/index.js';
import { ANCHOR, EngineWorld } from './engine-world.js';

const signal = new AbortController().signal;

describe('older checkpoints', () => {
  it('are not published while a newer one waits, and are superseded when it is final', async () => {
    const world = new EngineWorld();
    await world.enqueue(1, 2, 3);
    await world.step(6);
    expect((await world.intent(3)).state).toBe('final');
    for (const size of [1, 2]) {
      expect(await world.intent(size)).toMatchObject({ state: 'superseded', attempts: [] });
      expect(world.ledger.confirmed(toHex(suiteCommitment(size).digest))).toEqual([]);
    }
    const [status] = await anchorStatusOf(1n, { ...world, store: world.store.anchors });
    expect(status).toMatchObject({ state: 'final', coveredBySize: 3n });
  });

  it('hold up no newer one when there are more than one pass looks at', async () => {
    const world = new EngineWorld({ policy: { batchSize: 3 } });
    await world.enqueue(...Array.from({ length: 10 }, (_unused, index) => index + 1));
    await world.step();
    await world.enqueue(11);
    await world.step(12);
    expect((await world.intent(10)).state).toBe('final');
    expect((await world.intent(11)).state).toBe('final');
    for (let size = 1; size < 10; size += 1)
      expect(await world.intent(size)).toMatchObject({ state: 'superseded', attempts: [] });
  });

  it('wait for no more than their turn when more of them are under way than one pass looks at', async () => {
    const world = new EngineWorld({ policy: { batchSize: 3, coalesce: false } });
    const sizes = Array.from({ length: 9 }, (_unused, index) => index + 1);
    await world.enqueue(...sizes);
    const looked: number[] = [];
    for (let pass = 0; pass < 12; pass += 1) {
      looked.push((await world.engine.drive(ANCHOR, signal)).open);
      world.clock.ms += 1_000;
    }
    expect(Math.max(...looked)).toBeLessThanOrEqual(4);
    for (const size of sizes) expect((await world.intent(size)).attempts).toHaveLength(1);
    for (let block = 0; block < 3; block += 1) world.ledger.mine();
    for (let pass = 0; pass < 12; pass += 1) await world.drive();
    for (const size of sizes) expect((await world.intent(size)).state).toBe('final');
  });

  it('are looked at in turn while nothing happens to those before them', async () => {
    const slow = new Set([1, 2, 6].map((size) => suiteIntent(suiteCommitment(size)).id));
    const world = new EngineWorld({
      policy: { batchSize: 2, coalesce: false },
      change: (anchor) => ({
        observe: async (attempts, abort) => {
          const seen = await anchor.observe(attempts, abort);
          return seen.map(({ txId, ...shown }, place) =>
            slow.has(attempts[place]?.intentId ?? '')
              ? { txId, status: 'seen' as const }
              : { txId, ...shown },
          );
        },
      }),
    });
    await world.enqueue(1, 2, 3, 4, 5, 6);
    await world.drive(12);
    for (let block = 0; block < 3; block += 1) world.ledger.mine();
    await world.drive(12);
    for (const size of [3, 4, 5]) expect((await world.intent(size)).state).toBe('final');
  });

  it('are not paid for when a newer one is included that this pass does not look at', async () => {
    let only: bigint | undefined = 5n;
    const world = new EngineWorld({
      policy: { batchSize: 1, coalesce: false, finalityDepth: 100 },
      change: (anchor) => ({
        prepare: async (intent, ...rest) => {
          if (only !== undefined && intent.commitment.size !== only)
            throw new AnchorError('unavailable', 'not yet');
          return anchor.prepare(intent, ...rest);
        },
      }),
    });
    await world.enqueue(1, 2, 3, 4, 5, 6);
    await world.drive(8);
    world.ledger.mine();
    await world.drive(8);
    expect((await world.intent(5)).state).toBe('included');
    only = undefined;
    world.clock.ms += 60_000;
    await world.drive(8);
    expect((await world.intent(6)).attempts).toHaveLength(1);
    for (const size of [1, 2, 3, 4]) expect((await world.intent(size)).attempts).toEqual([]);
  });

  it('are driven on when an attempt of theirs can still win', async () => {
    const world = new EngineWorld();
    await world.enqueue(1);
    await world.drive();
    world.ledger.setDown(true);
    await world.enqueue(2);
    await world.step();
    world.ledger.setDown(false);
    await world.step(8);
    expect((await world.intent(1)).state).toBe('final');
    expect((await world.intent(2)).state).toBe('final');
  });

  it('do not outbid a newer one for the conflict key that both were signed for', async () => {
    const world = new EngineWorld({
      policy: { coalesce: false },
      change: (anchor) => ({
        // Neither is on the ledger when the other is prepared, so both get the same key.
        broadcast: async (attempt, abort) => {
          if (world.clock.ms < 1_700_000_090_000) throw new AnchorError('unavailable', 'not yet');
          return anchor.broadcast(attempt, abort);
        },
      }),
    });
    await world.enqueue(1, 2);
    await world.step();
    const keys = [await world.intent(1), await world.intent(2)].map(
      ({ attempts }) => attempts[0]?.conflictKey,
    );
    expect(keys[0]).toBe(keys[1]);
    await world.step(14);
    expect((await world.intent(2)).state).toBe('final');
    expect((await world.intent(2)).attempts).toHaveLength(1);
    expect(await world.intent(1)).toMatchObject({ state: 'superseded' });
    expect((await world.intent(1)).attempts[0]?.state).toBe('replaced');
    expect(world.ledger.balance).toBe(1_000_000n - 100n);
  });
});

describe('a newer checkpoint that takes the place of one that is stuck', () => {
  const rolling = async () => {
    const world: EngineWorld = new EngineWorld({
      policy: { maxBumps: 0, maxFeePerDay: 500 },
      change: (anchor) => ({
        // As an anchor of one coin does: what comes next spends what the stuck one spends, and pays more.
        prepare: async (intent, prior, options) => {
          const bump = intent.commitment.size === 2n ? 2 : 0;
          const draft = await anchor.prepare(intent, prior, { ...options, bump });
          const conflictKey = 'slot/0';
          return { ...draft, conflictKey, payload: { ...draft.payload, conflictKey } };
        },
      }),
    });
    await world.enqueue(1);
    await world.drive();
    await world.enqueue(2);
    return world;
  };

  it('is published instead of it, pays for both, and proves both', async () => {
    const world = await rolling();
    await world.drive();
    await world.drive();
    expect(await world.intent(1)).toMatchObject({
      state: 'stalled',
      reason: 'the checkpoint of size 2 goes first',
    });
    await world.step(6);
    expect((await world.intent(2)).state).toBe('final');
    expect(await world.intent(1)).toMatchObject({ state: 'superseded' });
    expect(world.ledger.balance).toBe(1_000_000n - 200n);
    const [status] = await anchorStatusOf(1n, { ...world, store: world.store.anchors });
    expect(status).toMatchObject({ state: 'final', coveredBySize: 2n, paid: { amount: 200n } });
  });

  it('waits for it after all when a block takes the stuck one first', async () => {
    const world = await rolling();
    world.ledger.failNext('submit', 'unavailable');
    await world.drive();
    world.ledger.mine();
    world.clock.ms += 60_000;
    await world.drive();
    expect((await world.intent(1)).state).toBe('included');
    expect(await world.intent(2)).toMatchObject({ state: 'stalled' });
    await world.step(3);
    expect((await world.intent(1)).state).toBe('final');
    expect((await world.intent(2)).attempts[0]?.state).toBe('replaced');
    expect(world.ledger.balance).toBe(1_000_000n - 100n);
  });
});

describe('a pass', () => {
  it('is refused while another process holds the lease', async () => {
    const world = new EngineWorld();
    await world.enqueue(1);
    const lease = await world.store.leases.acquire(`anchor/${ANCHOR}`, 'another', 60_000);
    expect(await world.engine.drive(ANCHOR, signal)).toEqual({
      driven: false,
      open: 0,
      progressed: 0,
    });
    if (lease) await world.store.leases.release(lease);
    expect(await world.engine.drive(ANCHOR, signal)).toEqual({
      driven: true,
      open: 1,
      progressed: 1,
    });
  });

  it('is refused while this process is in one', async () => {
    const world = new EngineWorld();
    await world.enqueue(1);
    const both = await Promise.all([
      world.engine.drive(ANCHOR, signal),
      world.engine.drive(ANCHOR, signal),
    ]);
    expect(both.map(({ driven }) => driven)).toEqual([true, false]);
    expect((await world.intent()).attempts).toHaveLength(1);
  });

  it('ends with the process’s signal and leaves what is open', async () => {
    const world = new EngineWorld();
    await world.enqueue(1);
    const aborted = AbortSignal.abort();
    expect((await world.engine.drive(ANCHOR, aborted)).driven).toBe(false);
    expect((await world.intent()).state).toBe('queued');
  });

  it('names the anchors there are when asked for another', async () => {
    const world = new EngineWorld();
    await expect(world.engine.drive('nowhere', signal)).rejects.toThrow(UnknownAnchor);
    await expect(world.engine.drive('nowhere', signal)).rejects.toThrow('under-test');
  });
});

describe('a failing ledger', () => {
  it('is asked again after a pause that grows', async () => {
    const world = new EngineWorld();
    await world.enqueue(1);
    world.ledger.setDown(true);
    await world.drive();
    const first = await world.intent();
    expect(first).toMatchObject({
      state: 'queued',
      reason: 'unavailable: the node does not answer',
    });
    const firstPause = (first.retryAtMs ?? 0) - world.clock.ms;
    world.clock.ms += 40_000;
    await world.drive();
    expect(((await world.intent()).retryAtMs ?? 0) - world.clock.ms).toBeGreaterThan(firstPause);
    world.ledger.setDown(false);
    await world.drive();
    expect((await world.intent()).attempts).toHaveLength(0);
    await world.step(8);
    expect(await world.intent()).toMatchObject({ state: 'final' });
    expect((await world.intent()).reason).toBeUndefined();
  });

  it('that refuses bytes for good gets others on the same conflict key', async () => {
    let refused = 0;
    const world = new EngineWorld({
      change: (anchor) => ({
        broadcast: (attempt, abort) => {
          refused += 1;
          if (refused > 1) return anchor.broadcast(attempt, abort);
          throw new AnchorError('rejected', 'non-standard');
        },
      }),
    });
    await world.enqueue(1);
    await world.step(8);
    const { attempts, state } = await world.intent();
    expect(state).toBe('final');
    expect(attempts).toHaveLength(2);
    expect(attempts[1]?.conflictKey).toBe(attempts[0]?.conflictKey);
  });

  it('that can never take a commitment makes its intent fail, and says why', async () => {
    const world = new EngineWorld({
      change: () => ({
        prepare: async () => {
          throw new AnchorError('invalid', 'no room for 32 bytes');
        },
      }),
    });
    await world.enqueue(1);
    await world.drive();
    expect(await world.intent()).toMatchObject({ state: 'failed', reason: 'no room for 32 bytes' });
  });

  it('is asked again before its time, and about what failed for good, when an operator says so', async () => {
    let refusals = 2;
    const world: EngineWorld = new EngineWorld({
      change: (anchor) => ({
        prepare: async (...args) => {
          refusals -= 1;
          if (refusals === 1) throw new AnchorError('invalid', 'the contract is paused');
          if (refusals === 0) throw new AnchorError('unavailable', 'no answer');
          return anchor.prepare(...args);
        },
      }),
    });
    await world.enqueue(1);
    await world.drive();
    expect((await world.intent()).state).toBe('failed');
    await world.drive();
    expect((await world.intent()).state).toBe('failed');
    await world.engine.retry(ANCHOR, signal);
    expect(await world.intent()).toMatchObject({
      state: 'queued',
      reason: 'unavailable: no answer',
    });
    await world.drive();
    expect((await world.intent()).attempts).toEqual([]);
    await world.engine.retry(ANCHOR, signal);
    expect(await world.intent()).toMatchObject({ state: 'broadcast', attempts: [{ number: 0 }] });
    expect((await world.intent()).reason).toBeUndefined();
  });

  it('without funds leaves a visible reason', async () => {
    const world = new EngineWorld({
      change: () => ({
        prepare: async () => {
          throw new AnchorError('insufficient-funds', 'balance 0');
        },
      }),
    });
    await world.enqueue(1);
    await world.drive();
    const [status] = await anchorStatusOf(1n, { ...world, store: world.store.anchors });
    expect(status).toMatchObject({ state: 'stalled', reason: 'insufficient-funds: balance 0' });
  });

  it('whose answers do not match the question changes no state', async () => {
    const world = new EngineWorld({ change: () => ({ observe: async () => [] }) });
    await world.enqueue(1);
    await world.step(3);
    const { state, reason, attempts } = await world.intent();
    expect(state).toBe('broadcast');
    expect(reason).toContain('observations do not match');
    expect(attempts).toHaveLength(1);
  });
});

describe('health', () => {
  it('is not ready while the newest checkpoint is stalled or capped, and says why', async () => {
    const world = new EngineWorld({ policy: { maxFeePerIntent: 120 } });
    await world.enqueue(1);
    await world.drive();
    expect(await world.engine.health(ANCHOR, signal)).toMatchObject({
      ready: true,
      facts: { stalled: 0, capped: 0 },
    });
    world.clock.ms += 10 * 60_000;
    await world.drive();
    const capped = await world.engine.health(ANCHOR, signal);
    expect(capped).toMatchObject({ live: true, ready: false, facts: { capped: 1 } });
    expect(capped.detail).toMatch(/^checkpoint 1 is capped: capped: needs 150, may pay 120$/);
    world.ledger.evictAll();
    await world.enqueue(2);
    expect((await world.engine.health(ANCHOR, signal)).ready).toBe(true);
  });

  it('stays ready while a checkpoint queues behind an earlier one', async () => {
    const world = new EngineWorld({
      change: () => ({
        prepare: async () => {
          throw new AnchorError('conflict', 'an earlier anchor spends the coin');
        },
      }),
    });
    await world.enqueue(1);
    await world.drive();
    const reason = 'conflict: an earlier anchor spends the coin';
    expect(await world.intent()).toMatchObject({ state: 'queued', reason });
    expect((await world.engine.health(ANCHOR, signal)).ready).toBe(true);
  });

  it('says how many anchors the balance still pays for when they are few', async () => {
    const ledger = new FakeLedger({ exclusion: 'ledger', balance: 2_150n });
    const world = new EngineWorld({ ledger, policy: { coalesce: false } });
    await world.enqueue(1);
    expect((await world.engine.health(ANCHOR, signal)).facts).not.toHaveProperty('runway_anchors');
    await world.step(4);
    expect(await world.engine.health(ANCHOR, signal)).toMatchObject({
      ready: true,
      facts: { runway_anchors: 21 },
    });
    await world.enqueue(2);
    await world.step(4);
    await world.enqueue(3);
    await world.step(4);
    const low = await world.engine.health(ANCHOR, signal);
    expect(low).toMatchObject({ ready: true, facts: { runway_anchors: 19 } });
    expect(low.detail).toBe('the balance of 1950 grain pays for 19 more anchors');
  });

  it('is that of a ledger that does not answer', async () => {
    const world = new EngineWorld();
    world.ledger.setDown(true);
    expect(await world.engine.health(ANCHOR, signal)).toMatchObject({ live: true, ready: false });
  });
});

describe('a policy', () => {
  it('has defaults, takes amounts of any length, and refuses what it does not know', () => {
    expect(anchorPolicySchema.parse({})).toMatchObject({ finalityDepth: 6, coalesce: true });
    const huge = '123456789012345678901234567890';
    expect(anchorPolicySchema.parse({ maxFeePerDay: huge }).maxFeePerDay).toBe(BigInt(huge));
    expect(anchorPolicySchema.safeParse({ maxFee: 1 }).success).toBe(false);
    expect(anchorPolicySchema.safeParse({ maxFeePerIntent: -1 }).success).toBe(false);
    expect(anchorPolicySchema.safeParse({ maxFeePerIntent: 0.5 }).success).toBe(false);
  });
});

describe('an intent id', () => {
  it('differs by anchor and by commitment, and is the same for the same', () => {
    const { digest } = suiteCommitment(1);
    const ids = [
      anchorIntentId('a', digest),
      anchorIntentId('b', digest),
      anchorIntentId('a', suiteCommitment(2).digest),
    ];
    expect(new Set(ids).size).toBe(3);
    expect(anchorIntentId('a', digest)).toBe(ids[0]);
    expect(() => anchorIntentId('a\n', digest)).toThrow(RangeError);
  });
});
