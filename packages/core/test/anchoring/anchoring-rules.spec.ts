import { readFileSync } from 'node:fs';
import { AnchorError, type Attempt, type AttemptState } from '../../src/spi/index.js';
import { worstCaseFee } from '../../src/anchoring/fee-budget.js';
import { anchorStatusOf, newestOnLedgers } from '../../src/anchoring/index.js';
import { suiteCommitment, suiteIntent } from '../../src/testing/anchor-suite/commitments.js';
import {
  decodeFake,
  encodeFake,
  fakeHeaders,
  fakeVerifier,
} from '../../src/testing/fake-ledger/index.js';
import { toHex } from '../../src/verify/bytes.js';
import { ANCHOR, EngineWorld, silent } from './engine-world.js';

describe('rule 1: what makes an attempt unique is durable before the first byte leaves', () => {
  it('has stored id and bytes when the anchor is asked to send them', async () => {
    const storedAtSend: string[] = [];
    const world: EngineWorld = new EngineWorld({
      change: (anchor) => ({
        broadcast: async (attempt, signal) => {
          const [stored] = (await world.intent()).attempts;
          storedAtSend.push(`${stored?.txId} ${toHex(stored?.signed ?? new Uint8Array())}`);
          expect(storedAtSend).toEqual([`${attempt.txId} ${toHex(attempt.signed)}`]);
          return anchor.broadcast(attempt, signal);
        },
      }),
    });
    await world.enqueue(1);
    await world.drive();
    expect(storedAtSend).toHaveLength(1);
  });

  it('sends nothing when the attempt cannot be stored', async () => {
    const world = new EngineWorld();
    await world.enqueue(1);
    world.store.anchors.putAttempt = async () => {
      throw new Error('the disk is full');
    };
    await expect(world.drive()).rejects.toThrow('the disk is full');
    expect(world.sent).toEqual([]);
  });
});

describe('rule 2: attempts that could both win share a conflict key or are excluded by proven expiry', () => {
  it('neither stores nor sends a bump under another conflict key', async () => {
    const world = new EngineWorld({
      change: (anchor) => ({
        prepare: (intent, _prior, options) => anchor.prepare(intent, [], options),
      }),
    });
    await world.enqueue(1);
    await world.drive();
    world.clock.ms += 6 * 60_000;
    await world.drive();
    const { attempts, state, reason } = await world.intent();
    expect(attempts).toHaveLength(1);
    expect(state).toBe('stalled');
    expect(reason).toContain('conflict');
  });

  it('signs nothing new on an expiring ledger until the old bytes are provably dead', async () => {
    const world = new EngineWorld({ exclusion: 'expiry' });
    await world.enqueue(1);
    await world.drive();
    world.ledger.evictAll();
    world.ledger.setFeeFloor(1_000_000n);
    let steps = 0;
    while ((await world.intent()).attempts.length === 1 && steps < 40) {
      const [first] = (await world.intent()).attempts;
      expect(world.ledger.height).toBeLessThanOrEqual((first?.validUntil ?? 0) + 7);
      await world.step();
      steps += 1;
    }
    const [first, second] = (await world.intent()).attempts;
    expect(first?.state).toBe('expired');
    expect(second?.conflictKey).not.toBe(first?.conflictKey);
    expect(world.ledger.height).toBeGreaterThanOrEqual((first?.validUntil ?? Infinity) + 6);
  });

  it('bumps under the same conflict key with a higher fee, and one of the two is included', async () => {
    const world = new EngineWorld();
    await world.enqueue(1);
    await world.drive();
    world.ledger.setFeeFloor(120n);
    await world.step(8);
    const { attempts, state } = await world.intent();
    expect(attempts.length).toBeGreaterThan(1);
    expect(new Set(attempts.map(({ conflictKey }) => conflictKey)).size).toBe(1);
    await world.step(6);
    expect((await world.intent()).state).toBe('final');
    expect(state).not.toBe('failed');
    expect(world.ledger.confirmed(toHex(suiteCommitment(1).digest))).toHaveLength(1);
  });
});

describe('rule 2: a place taken by somebody else', () => {
  it('is given up only when the winner is final', async () => {
    const world = new EngineWorld({ policy: { finalityDepth: 4 } });
    await world.enqueue(1);
    await world.drive();
    const [first] = (await world.intent()).attempts;
    if (!first) throw new Error('no attempt');
    const rival = { ...decodeFake(first.signed), digest: 'ff'.repeat(32), intent: 'x', fee: '500' };
    await world.ledger.submit(encodeFake(rival));
    for (let depth = 1; depth < 4; depth += 1) {
      world.ledger.mine();
      world.clock.ms += 60_000;
      await world.drive();
      expect(await world.intent()).toMatchObject({ state: 'stalled', attempts: [{ number: 0 }] });
    }
    world.ledger.mine();
    world.clock.ms += 60_000;
    await world.drive();
    const { attempts } = await world.intent();
    expect(attempts.map(({ state }) => state)).toEqual(['replaced', 'broadcast']);
    expect(attempts[1]?.conflictKey).not.toBe(first.conflictKey);
    await world.step(6);
    expect((await world.intent()).state).toBe('final');
  });
});

describe('rule 3: observation is a pure fold; a cold start reaches the same state', () => {
  it('gives the same history when the process is new at every pass', async () => {
    const histories: string[][] = [];
    for (const cold of [false, true]) {
      const world = new EngineWorld({ policy: { coalesce: false } });
      await world.enqueue(1, 2);
      const history: string[] = [];
      for (let step = 0; step < 14; step += 1) {
        if (cold) world.restart(`process ${step}`);
        if (step === 2) world.ledger.reorg(1, { forget: true });
        if (step === 5) world.ledger.setDown(true);
        if (step === 7) world.ledger.setDown(false);
        await world.step();
        for (const size of [1, 2]) {
          const { state, attempts } = await world.intent(size);
          history.push(`${state} ${attempts.map((attempt) => attempt.state).join()}`);
        }
      }
      histories.push(history);
    }
    expect(histories[1]).toEqual(histories[0]);
    expect(histories[0]?.at(-1)).toBe('final final');
  });

  it('takes over a transaction that the ledger knows and a lost store does not', async () => {
    const before = new EngineWorld();
    await before.enqueue(1);
    await before.step(2);
    const after = new EngineWorld({ ledger: before.ledger });
    await after.enqueue(1);
    await after.step(6);
    expect((await after.intent()).state).toBe('final');
    expect(after.sent).toEqual([]);
    expect((await after.intent()).attempts[0]?.txId).toBe(
      (await before.intent()).attempts[0]?.txId,
    );
  });
});

describe('rule 4: an inclusion carries its block hash, and a reorganisation sends the same bytes first', () => {
  it('says reorged, sends what it sent before, and is included again elsewhere', async () => {
    const world = new EngineWorld();
    await world.enqueue(1);
    await world.step();
    await world.drive();
    const first = await world.intent();
    expect(first.state).toBe('included');
    world.ledger.reorg(2, { forget: true });
    world.sent.length = 0;
    await world.drive();
    const fallen = await world.intent();
    expect(fallen.state).toBe('reorged');
    expect(world.sent).toEqual([first.attempts[0]?.txId]);
    await world.step(5);
    const again = await world.intent();
    expect(again.state).toBe('final');
    expect(again.attempts).toHaveLength(1);
    expect(again.attempts[0]?.inclusion?.blockHash).not.toBe(
      first.attempts[0]?.inclusion?.blockHash,
    );
  });

  it('announces included, reorged, included, final', async () => {
    const world = new EngineWorld();
    await world.enqueue(1);
    await world.step();
    await world.drive();
    world.ledger.reorg(2, { forget: true });
    await world.step(6);
    const events = await world.store.outbox.read('test', 'all', 100);
    expect(events.map(({ type }) => type)).toEqual([
      'anchor.included',
      'anchor.reorged',
      'anchor.included',
      'anchor.final',
    ]);
  });

  it('reopens a final intent when a deeper reorganisation took its block', async () => {
    const world = new EngineWorld();
    await world.enqueue(1);
    await world.step(6);
    expect((await world.intent()).state).toBe('final');
    await world.engine.recheckFinals(ANCHOR, 10, new AbortController().signal);
    expect((await world.intent()).state).toBe('final');
    world.ledger.reorg(7, { forget: true });
    await world.engine.recheckFinals(ANCHOR, 10, new AbortController().signal);
    expect((await world.intent()).state).toBe('reorged');
    await world.step(6);
    expect((await world.intent()).state).toBe('final');
    expect(world.ledger.confirmed(toHex(suiteCommitment(1).digest))).toHaveLength(1);
  });
});

describe('rule 4: the check of a final commitment', () => {
  it('is still due when the ledger did not answer', async () => {
    const world = new EngineWorld({ policy: { coalesce: false } });
    await world.enqueue(1, 2);
    await world.step(8);
    const recheck = () => world.engine.recheckFinals(ANCHOR, 1, new AbortController().signal);
    const due = async () => (await world.store.anchors.finals(ANCHOR, 1))[0]?.commitment.size;
    const first = await due();
    world.ledger.setDown(true);
    await recheck();
    expect(await due()).toBe(first);
    expect(await world.intent(Number(first))).not.toHaveProperty('reason');
    world.ledger.setDown(false);
    await recheck();
    expect(await due()).not.toBe(first);
  });
});

describe('rule 5: fees follow a bounded, capped schedule, and a reached cap is a visible state', () => {
  it('shows capped when an intent may not pay more, and goes on when the ledger gets cheaper', async () => {
    const world = new EngineWorld({ policy: { maxFeePerIntent: 220 } });
    await world.enqueue(1);
    world.ledger.setFeeFloor(210n);
    await world.drive();
    world.ledger.setFeeFloor(1_000n);
    await world.step(12);
    const capped = await world.intent();
    expect(capped.state).toBe('capped');
    expect(capped.reason).toContain('may pay 220');
    expect(capped.attempts.every(({ fee }) => fee.amount <= 220n)).toBe(true);
    world.ledger.setFeeFloor(0n);
    await world.step(12);
    expect((await world.intent()).state).toBe('final');
  });

  it('sends its last bytes again at the cap when the ledger has dropped them', async () => {
    const world = new EngineWorld({ policy: { maxFeePerIntent: 120 } });
    await world.enqueue(1);
    await world.drive();
    world.clock.ms += 10 * 60_000;
    await world.drive();
    expect((await world.intent()).state).toBe('capped');
    world.ledger.evictAll();
    world.clock.ms += 10 * 60_000;
    await world.step(6);
    expect(await world.intent()).toMatchObject({ state: 'final', attempts: [{ number: 0 }] });
    expect((await world.intent()).attempts).toHaveLength(1);
  });

  it('stops at the number of bumps', async () => {
    const world = new EngineWorld({ policy: { maxBumps: 2 } });
    await world.enqueue(1);
    await world.drive();
    for (let minute = 0; minute < 40; minute += 1) {
      world.clock.ms += 60_000;
      await world.drive();
    }
    expect(await world.intent()).toMatchObject({ state: 'capped', bumps: 2 });
    expect((await world.intent()).attempts).toHaveLength(3);
    await world.step(5);
    expect((await world.intent()).state).toBe('final');
  });

  it('counts every intent of the last 24 hours against the cap of the day', async () => {
    const world = new EngineWorld({ policy: { maxFeePerDay: '250', coalesce: false } });
    await world.enqueue(1, 2, 3);
    await world.step(6);
    expect((await world.intent(1)).state).toBe('final');
    expect((await world.intent(2)).state).toBe('final');
    expect((await world.intent(3)).state).toBe('capped');
    world.clock.ms += 86_400_000;
    await world.step(6);
    expect((await world.intent(3)).state).toBe('final');
  });

  it('counts children on top of their parent against the cap of an intent', async () => {
    const world = new EngineWorld({ bump: ['child'], policy: { maxFeePerIntent: 260 } });
    await world.enqueue(1);
    await world.drive();
    world.ledger.setFeeFloor(1_000n);
    world.ledger.evictAll();
    for (let minute = 0; minute < 12; minute += 1) {
      world.clock.ms += 60_000;
      await world.drive();
    }
    const capped = await world.intent();
    expect(capped.state).toBe('capped');
    expect(capped.reason).toContain('may pay 160');
    expect(capped.attempts).toHaveLength(1);
  });

  it('does not trust an anchor that ignores the cap it was given', async () => {
    const world = new EngineWorld({
      policy: { maxFeePerIntent: 50 },
      change: (anchor) => ({
        prepare: (intent, prior, { bump, signal }) =>
          anchor.prepare(intent, prior, { bump, signal }),
      }),
    });
    await world.enqueue(1);
    await world.step();
    expect(await world.intent()).toMatchObject({ state: 'capped', attempts: [] });
    expect(world.sent).toEqual([]);
  });
});

describe('rule 5: the worst that attempts can cost', () => {
  const attempt = (conflictKey: string, fee: bigint, state: AttemptState = 'seen'): Attempt => ({
    intentId: `of ${fee}`,
    number: 0,
    txId: `${conflictKey}-${fee}`,
    signed: new Uint8Array(),
    createdAtMs: 0,
    conflictKey,
    state,
    fee: { amount: fee, unit: 'grain' },
  });

  it.each([
    ['of one conflict key is its dearest', [attempt('a', 100n), attempt('a', 150n)], 150n],
    ['of different keys is their sum', [attempt('a', 100n), attempt('b', 150n)], 250n],
    ['leaves out the expired', [attempt('a', 300n, 'expired'), attempt('b', 100n)], 100n],
    ['leaves out who lost', [attempt('a', 100n, 'final'), attempt('a', 150n, 'replaced')], 100n],
    [
      'of a child counts with its parent',
      [
        attempt('a', 100n),
        { ...attempt('b', 70n), childOf: 'a-100' },
        attempt('a', 160n, 'failed'),
      ],
      170n,
    ],
    ['holds the refused', [attempt('a', 100n, 'failed'), attempt('a', 90n)], 100n],
  ])('%s', (_what, attempts, worst) => {
    expect(worstCaseFee(attempts)).toBe(worst);
  });

  it('is what two intents on one key may cost a day: the key once', async () => {
    const world = new EngineWorld({ policy: { maxFeePerDay: 200, coalesce: false } });
    await world.enqueue(1, 2);
    world.ledger.setDown(true);
    await world.drive();
    world.ledger.failNext('submit', 'unavailable', 2);
    world.ledger.setDown(false);
    world.clock.ms += 2_000;
    await world.drive();
    const keys = await Promise.all([1, 2].map(async (size) => (await world.intent(size)).attempts));
    expect(new Set(keys.flat().map(({ conflictKey }) => conflictKey)).size).toBe(1);
    const since = await world.store.anchors.attemptsSince(ANCHOR, 0);
    expect([since.length, worstCaseFee(since)]).toEqual([2, 100n]);
  });
});

describe('a stuck attempt that only a child can make dearer', () => {
  it('is included, with its own evidence, because the child pays for both', async () => {
    const world = new EngineWorld({ bump: ['child'] });
    await world.enqueue(1);
    await world.drive();
    world.ledger.setFeeFloor(160n);
    await world.step(9);
    const { attempts, state, evidence, commitment } = await world.intent();
    expect(state).toBe('final');
    expect(attempts.map((attempt) => [attempt.childOf, attempt.state])).toEqual([
      [undefined, 'final'],
      [attempts[0]?.txId, 'final'],
    ]);
    expect(world.ledger.confirmed(toHex(suiteCommitment(1).digest))).toEqual([attempts[0]?.txId]);
    const headers = fakeHeaders(world.ledger);
    const verdict =
      evidence && (await fakeVerifier.verify(commitment, evidence, { trustedKeys: [], headers }));
    expect(verdict?.ok).toBe(true);
    const [status] = await anchorStatusOf(1n, { ...world, store: world.store.anchors });
    expect(status?.txId).toBe(attempts[0]?.txId);
    expect(status?.fee?.amount).toBe(1_000_000n - world.ledger.balance);
  });

  it('comes back through its child when the ledger has dropped it for its fee', async () => {
    const world = new EngineWorld({ bump: ['child'] });
    await world.enqueue(1);
    await world.drive();
    world.ledger.setFeeFloor(160n);
    world.ledger.evictAll();
    await world.step(6);
    const { attempts, state } = await world.intent();
    expect(state).toBe('final');
    expect(attempts).toHaveLength(2);
    expect(world.sent.at(-1)).toBe(attempts[1]?.txId);
  });

  it('keeps its inclusion through a reorganisation, parent first', async () => {
    const world = new EngineWorld({ bump: ['child'] });
    await world.enqueue(1);
    await world.drive();
    world.ledger.setFeeFloor(160n);
    await world.step(7);
    expect((await world.intent()).state).toBe('included');
    world.ledger.reorg(4, { forget: true });
    world.ledger.setFeeFloor(0n);
    world.sent.length = 0;
    await world.step(6);
    const { attempts, state } = await world.intent();
    expect(world.sent[0]).toBe(attempts[0]?.txId);
    expect(state).toBe('final');
  });

  it('is not replaced by what the anchor calls a child', async () => {
    const world = new EngineWorld({
      bump: ['child'],
      change: (anchor) => ({
        prepare: (intent, prior, { parent: _parent, ...options }) =>
          anchor.prepare(intent, prior, options),
      }),
    });
    await world.enqueue(1);
    await world.drive();
    world.clock.ms += 6 * 60_000;
    await world.drive();
    const { attempts, state, reason } = await world.intent();
    expect(attempts).toHaveLength(1);
    expect(state).toBe('stalled');
    expect(reason).toContain('would replace');
  });
});

describe('a stuck attempt that a replacement or a child can make dearer', () => {
  const both = ['replace', 'child'] as const;

  it('is replaced as long as the ledger replaces', async () => {
    const world = new EngineWorld({ bump: both });
    await world.enqueue(1);
    await world.drive();
    world.ledger.setFeeFloor(140n);
    await world.step(9);
    const { attempts } = await world.intent();
    expect(attempts.map(({ childOf, state }) => [childOf, state])).toEqual([
      [undefined, 'replaced'],
      [undefined, 'final'],
    ]);
  });

  it('is paid for by a child where the ledger keeps it, under one cap with it', async () => {
    const world = new EngineWorld({ bump: both, policy: { maxFeePerIntent: 320 } });
    await world.enqueue(1);
    await world.drive();
    world.ledger.setKeepsFirst(true);
    world.ledger.setFeeFloor(160n);
    await world.step(9);
    const { attempts, state } = await world.intent();
    expect(state).toBe('final');
    expect(attempts.map((attempt) => [attempt.childOf, attempt.state])).toEqual([
      [undefined, 'final'],
      [undefined, 'replaced'],
      [attempts[0]?.txId, 'final'],
    ]);
    // The refused one offered 160, which would have left 160 for a child beside it: it comes instead of the two.
    expect(attempts.map(({ fee }) => fee.amount)).toEqual([100n, 160n, 220n]);
    expect(1_000_000n - world.ledger.balance).toBe(320n);
  });

  it('gets a child at once when the anchor itself says that it is irreplaceable', async () => {
    const world = new EngineWorld({
      bump: both,
      change: (anchor) => ({
        prepare: async (intent, prior, options) => {
          if (prior.length > 0 && !options.parent)
            throw new AnchorError('irreplaceable', 'it has too many descendants');
          return anchor.prepare(intent, prior, options);
        },
      }),
    });
    await world.enqueue(1);
    await world.drive();
    world.ledger.setFeeFloor(160n);
    await world.step(9);
    const { attempts, state } = await world.intent();
    expect(state).toBe('final');
    expect(attempts.map(({ childOf }) => childOf)).toEqual([undefined, attempts[0]?.txId]);
  });

  it('waits with the same bytes where what the ledger keeps is not its own', async () => {
    let kept = true;
    const world = new EngineWorld({
      bump: both,
      change: (anchor) => ({
        broadcast: async (attempt, signal) => {
          if (kept) throw new AnchorError('irreplaceable', 'another one waits');
          return anchor.broadcast(attempt, signal);
        },
      }),
    });
    await world.enqueue(1);
    await world.step(2);
    expect(await world.intent()).toMatchObject({
      state: 'stalled',
      attempts: [{ state: 'signed' }],
    });
    kept = false;
    await world.step(5);
    expect(await world.intent()).toMatchObject({ state: 'final', attempts: [{ state: 'final' }] });
  });
});

describe('rule 6: every piece of evidence states its trust level', () => {
  it('stores evidence when included, renews it when final, and shows its trust', async () => {
    const world = new EngineWorld();
    let stored = 0;
    const putEvidence = world.store.anchors.putEvidence.bind(world.store.anchors);
    world.store.anchors.putEvidence = async (...args) => {
      stored += 1;
      return putEvidence(...args);
    };
    await world.enqueue(1);
    await world.step();
    await world.drive();
    expect(stored).toBe(1);
    await world.step(3);
    expect(stored).toBe(2);
    const [status] = await anchorStatusOf(1n, { ...world, store: world.store.anchors });
    expect(status).toMatchObject({ anchor: ANCHOR, state: 'final', trust: 'rpc-quorum' });
    expect(status?.inclusion?.depth).toBeGreaterThanOrEqual(3);
    expect(status?.fee).toEqual({ amount: 100n, unit: 'grain' });
  });

  it('is not included before its evidence is stored', async () => {
    const world = new EngineWorld({
      change: () => ({
        evidence: async () => {
          throw new AnchorError('unavailable', 'no proof yet');
        },
      }),
    });
    await world.enqueue(1);
    await world.step(4);
    expect(await world.intent()).toMatchObject({
      state: 'broadcast',
      reason: 'unavailable: no proof yet',
    });
  });
});

describe('rule 7: verification takes a header source and knows no network', () => {
  it('refuses without headers what it accepts with them', async () => {
    const world = new EngineWorld();
    await world.enqueue(1);
    await world.step(5);
    const { commitment, evidence } = await world.intent();
    if (!evidence) throw new Error('no evidence');
    const headers = fakeHeaders(world.ledger);
    const blind = await fakeVerifier.verify(commitment, evidence, { trustedKeys: [] });
    const seeing = await fakeVerifier.verify(commitment, evidence, { trustedKeys: [], headers });
    expect([blind.ok, seeing.ok]).toEqual([false, true]);
  });

  // The contract of `/spi` is types and errors: it knows no network either.
  it.each(['verify', 'chain', 'block', 'anchor-record', 'holdings', 'operation'])(
    'keeps the local ledger’s %s free of anything that does more than compute',
    (file) => {
      const url = new URL(`../../src/anchoring/local-ledger/${file}.ts`, import.meta.url);
      const imports = [...readFileSync(url, 'utf8').matchAll(/from '([^']+)'/g)].map(
        ([, name]) => name,
      );
      const allowed =
        /^(\.\.\/\.\.\/verify\/|\.\.\/\.\.\/spi\/index\.js$|\.\/(block|anchor-record|holdings|operation)\.js$)/;
      expect(imports.filter((name) => !allowed.test(name ?? ''))).toEqual([]);
    },
  );
});

describe('rule 8: no ledger ever sees two checkpoints of one size', () => {
  it('refuses to publish another root of a size it knows', async () => {
    const world = new EngineWorld();
    await world.enqueue(1);
    await world.enqueue(1);
    await expect(world.engine.enqueue(suiteCommitment(1, 1))).rejects.toMatchObject({
      code: 'checkpoint_conflict',
    });
    expect(await world.store.anchors.bySize(1n)).toHaveLength(1);
  });

  it('sends nothing of a checkpoint whose intent is not stored', async () => {
    const world = new EngineWorld();
    world.store.anchors.putIntent = async () => {
      throw new Error('not committed');
    };
    await expect(world.enqueue(1)).rejects.toThrow('not committed');
    await world.step();
    expect(world.sent).toEqual([]);
  });

  it('learns from the ledgers that a store was restored from an older copy', async () => {
    const world = new EngineWorld();
    await world.enqueue(1, 2);
    await world.step(2);
    const { origin, digest } = suiteCommitment(2);
    const signal = new AbortController().signal;
    const asked = await newestOnLedgers(origin, world.anchors, silent, signal);
    expect(asked).toEqual({ newest: { anchor: ANCHOR, size: 2n, digest }, unreachable: [] });
    world.ledger.setDown(true);
    const unasked = await newestOnLedgers(origin, world.anchors, silent, signal);
    expect(unasked).toEqual({ unreachable: [ANCHOR] });
    expect(suiteIntent(suiteCommitment(2)).id).toMatch(/^[0-9a-f]{64}$/);
  });
});
