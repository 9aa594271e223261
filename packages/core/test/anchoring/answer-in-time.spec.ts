import { answerInTime, anchorPolicySchema } from '../../src/anchoring/index.js';
import type { Anchor, AnchorIntent, SignedAttempt } from '../../src/spi/index.js';
import { toHex } from '../../src/verify/bytes.js';
import { suiteCommitment } from '../../src/testing/anchor-suite/commitments.js';
import { ANCHOR, EngineWorld, type EngineWorldOptions, TestTimers } from './engine-world.js';

type Asks =
  | 'quote'
  | 'prepare'
  | 'sign'
  | 'broadcast'
  | 'observe'
  | 'evidence'
  | 'findExisting'
  | 'health';
const signalOf = (args: readonly unknown[]): AbortSignal =>
  (args.at(-1) as { signal?: AbortSignal }).signal ?? (args.at(-1) as AbortSignal);

/** The first `times` calls of one method that `who` chooses answer only when told to. */
function hanging(
  method: Asks,
  options: EngineWorldOptions = {},
  who: (args: readonly unknown[]) => boolean = () => true,
  times = 1,
) {
  const held: { answer(): Promise<unknown>; readonly signal: AbortSignal }[] = [];
  let entered = (): void => undefined;
  const world = new EngineWorld({
    ...options,
    change: (anchor) => ({
      [method]: (...args: unknown[]) => {
        const ask = (given = args): Promise<unknown> =>
          Reflect.apply(anchor[method] as (...all: unknown[]) => Promise<unknown>, anchor, given);
        if (held.length >= times || !who(args)) return ask();
        // What hangs was under way before it was told to stop.
        const deaf = args.map((arg) =>
          arg instanceof AbortSignal ? new AbortController().signal : arg,
        );
        return new Promise((resolve) => {
          const answer = async (): Promise<unknown> => {
            const value = await ask(deaf);
            resolve(value);
            return value;
          };
          held.push({ answer, signal: signalOf(args) });
          entered();
        });
      },
    }),
  });
  return {
    world,
    held,
    /** Resolves when a call waits for its answer. */
    waits: () =>
      new Promise<void>((resolve) => {
        entered = resolve;
      }),
  };
}

/** A pass during which one call waits until its time is over. */
async function overdue({ world, waits }: ReturnType<typeof hanging>): Promise<void> {
  const waiting = waits();
  const pass = world.drive();
  await Promise.race([waiting, pass]);
  world.timers.fire();
  await pass;
}

describe('a ledger that does not answer', () => {
  const calls = ['findExisting', 'prepare', 'sign', 'broadcast', 'observe', 'evidence'] as const;
  it.each(calls)('to %s ends the pass in time, and the intent goes on later', async (call) => {
    const scene = hanging(call);
    const { world, held } = scene;
    await world.enqueue(1);
    const passesBefore = { observe: 1, evidence: 1 }[call as string] ?? 0;
    await world.step(passesBefore);
    await overdue(scene);
    expect((await world.intent()).reason).toBe(
      `unavailable: ${call}: no answer within 30000 ms. The ledger is asked again later; if it is only slow, raise callTimeoutMs, and leaseMs to twice of it.`,
    );
    expect(held[0]?.signal.aborted).toBe(true);
    expect(world.timers.pending).toBe(0);
    expect(await world.store.leases.acquire(`anchor/${ANCHOR}`, 'another', 1)).toBeDefined();
    world.clock.ms += 60_000;
    await world.step(6);
    expect((await world.intent()).state).toBe('final');
    expect(world.ledger.confirmed(toHex(suiteCommitment(1).digest))).toHaveLength(1);
  });

  it('to a quote is published on without it', async () => {
    const scene = hanging('quote');
    await scene.world.enqueue(1);
    await overdue(scene);
    expect((await scene.world.intent()).state).toBe('broadcast');
  });

  it('is not ready, and says why', async () => {
    const { world, waits } = hanging('health');
    const waiting = waits();
    const health = world.engine.health(ANCHOR, new AbortController().signal);
    await waiting;
    world.timers.fire();
    expect(await health).toMatchObject({ live: true, ready: false });
    expect((await health).detail).toContain('health: no answer within 30000 ms');
  });

  it.each(['prepare', 'evidence'] as const)(
    'to %s of one intent holds up no other',
    async (call) => {
      const scene = hanging(
        call,
        { policy: { coalesce: false } },
        ([intent]) => (intent as AnchorIntent).commitment.size === 1n,
        Number.POSITIVE_INFINITY,
      );
      const { world } = scene;
      await world.enqueue(1, 2, 3);
      if (call === 'evidence') await world.step();
      await overdue(scene);
      await overdue(scene);
      const reached = call === 'evidence' ? 'included' : 'broadcast';
      expect((await world.intent(1)).state).not.toBe(reached);
      expect((await world.intent(2)).state).toBe(reached);
      expect((await world.intent(3)).state).toBe(reached);
    },
  );
});

describe('an answer that comes too late', () => {
  it('of a signature is stored nowhere and sent nowhere', async () => {
    const scene = hanging('sign');
    const { world, held } = scene;
    await world.enqueue(1);
    await overdue(scene);
    const late = (await held[0]?.answer()) as SignedAttempt;
    expect(late.txId).toBeDefined();
    await world.drive();
    expect((await world.intent()).attempts).toEqual([]);
    expect(world.sent).toEqual([]);
  });

  it('of a broadcast is found by the next look, and nothing is sent or paid again', async () => {
    const scene = hanging('broadcast');
    const { world, held } = scene;
    await world.enqueue(1);
    await overdue(scene);
    expect(await world.intent()).toMatchObject({ state: 'signed', attempts: [{ number: 0 }] });
    await held[0]?.answer();
    await world.step(6);
    expect(await world.intent()).toMatchObject({ state: 'final', attempts: [{ number: 0 }] });
    expect(world.sent).toHaveLength(1);
    expect(world.ledger.balance).toBe(1_000_000n - 100n);
  });

  it('of an observation moves nothing', async () => {
    const scene = hanging('observe');
    const { world, held } = scene;
    await world.enqueue(1);
    await world.step();
    await overdue(scene);
    await held[0]?.answer();
    expect(await world.intent()).toMatchObject({ state: 'broadcast' });
    expect((await world.intent()).evidence).toBeUndefined();
  });
});

describe('a stop', () => {
  it.each(['prepare', 'broadcast', 'observe'] as const)(
    'does not wait for a %s that is not answered, and puts nothing off',
    async (call) => {
      const { world, waits } = hanging(call);
      await world.enqueue(1);
      if (call === 'observe') await world.step();
      const waiting = waits();
      const stop = new AbortController();
      const pass = world.engine.drive(ANCHOR, stop.signal);
      await waiting;
      stop.abort();
      expect((await pass).driven).toBe(true);
      expect(world.timers.pending).toBe(0);
      expect(await world.intent()).not.toHaveProperty('retryAtMs');
      expect(await world.intent()).not.toHaveProperty('reason');
      await world.restart('two').drive(ANCHOR, new AbortController().signal);
      await world.step(6);
      expect((await world.intent()).state).toBe('final');
      expect(world.ledger.confirmed(toHex(suiteCommitment(1).digest))).toHaveLength(1);
    },
  );
});

describe('the lease of a pass', () => {
  it('outlasts any number of slow answers', async () => {
    const world: EngineWorld = new EngineWorld({
      change: (anchor) => {
        const slow =
          <Args extends unknown[], Answer>(ask: (...args: Args) => Promise<Answer>) =>
          async (...args: Args): Promise<Answer> => {
            world.clock.ms += 29_000;
            taken.push(await world.store.leases.acquire(`anchor/${ANCHOR}`, 'another', 1));
            return Reflect.apply(ask, anchor, args) as Promise<Answer>;
          };
        return {
          quote: slow(anchor.quote.bind(anchor)),
          prepare: slow(anchor.prepare.bind(anchor)),
          sign: slow(anchor.sign.bind(anchor)),
          broadcast: slow(anchor.broadcast.bind(anchor)),
        };
      },
    });
    const taken: unknown[] = [];
    await world.enqueue(1);
    await world.drive();
    expect(taken).toEqual([undefined, undefined, undefined, undefined]);
    expect((await world.intent()).state).toBe('broadcast');
  });
});

describe('an anchor that answers in time', () => {
  const policy = anchorPolicySchema.parse({ callTimeoutMs: 600_000, leaseMs: 10_000 });
  const asked: string[] = [];
  const late: { reject(error: Error): void }[] = [];
  const bare = {
    health: () => {
      asked.push('health');
      return new Promise((_resolve, reject) => {
        late.push({ reject });
      });
    },
    close: async () => {},
  } as unknown as Anchor;

  it('is not asked once the work was told to stop', async () => {
    const anchor = answerInTime(bare, policy, new TestTimers().timer);
    await expect(anchor.health(AbortSignal.abort())).rejects.toMatchObject({
      reason: 'unavailable',
    });
    expect(asked).toEqual([]);
  });

  it('has half of a lease at most, and what it throws later is nobody’s', async () => {
    const given: number[] = [];
    const anchor = answerInTime(bare, policy, (ms, fire) => {
      given.push(ms);
      queueMicrotask(fire);
      return () => undefined;
    });
    await expect(anchor.health(new AbortController().signal)).rejects.toThrow('within 5000 ms');
    expect(given).toEqual([5_000]);
    const unheard: unknown[] = [];
    const hear = (error: unknown): void => {
      unheard.push(error);
    };
    process.on('unhandledRejection', hear);
    late[0]?.reject(new Error('socket closed'));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    process.off('unhandledRejection', hear);
    expect(unheard).toEqual([]);
  });

  it('has no method that the one behind it lacks', () => {
    const anchor = answerInTime(bare, policy, new TestTimers().timer);
    for (const optional of ['findExisting', 'latest', 'exportProof', 'ports'])
      expect(optional in anchor).toBe(false);
  });
});
