import {
  anchorStatusOf,
  batchAnchoring,
  batchRuleOf,
  batchRuleProblems,
  batchRuleSchema,
  type IntentState,
  sizeUnderRule,
} from '../../src/anchoring/index.js';
import { gatewayConfigSchema } from '../../src/plugins/index.js';
import { EngineWorld } from './engine-world.js';

const ANCHORS = ['local', 'bitcoin', 'evm'];
const rule = (written: object) => batchRuleOf(batchRuleSchema.parse(written), ANCHORS);

describe('a batch over several anchors', () => {
  const all = { require: 'all' };
  const two = { require: { atLeast: 2 } };
  const outside = { require: 'all', of: ['evm', 'bitcoin'] };
  it.each<[object, readonly IntentState[], string]>([
    [{}, ['queued', 'broadcast', 'seen'], 'pending'],
    [{}, ['included', 'queued', 'queued'], 'anchored'],
    [{}, ['queued', 'final', 'included'], 'final'],
    [all, ['final', 'final', 'seen'], 'pending'],
    [all, ['final', 'included', 'final'], 'anchored'],
    [all, ['final', 'final', 'final'], 'final'],
    [two, ['final', 'queued', 'failed'], 'pending'],
    [two, ['final', 'stalled', 'included'], 'anchored'],
    [two, ['final', 'final', 'capped'], 'final'],
    [two, ['final', 'reorged', 'queued'], 'pending'],
    [outside, ['final', 'included', 'queued'], 'pending'],
    [outside, ['queued', 'final', 'included'], 'anchored'],
    [outside, ['queued', 'final', 'final'], 'final'],
    [{ of: ['bitcoin'] }, ['final', 'reorged', 'final'], 'pending'],
  ])('%j of %j is %s', (written, states, state) => {
    const statuses = states.map((of, index) => ({ anchor: ANCHORS[index] ?? '', state: of }));
    expect(batchAnchoring(statuses, rule(written)).state).toBe(state);
  });

  it('is held by nothing when there are no anchors, whatever is required', () => {
    const none = batchRuleOf(batchRuleSchema.parse(all), []);
    expect(none).toEqual({ of: [], required: 1 });
    expect(batchAnchoring([], none)).toEqual({ state: 'pending', included: [], final: [] });
  });

  it('says which anchors hold it', () => {
    const statuses = [
      { anchor: 'local', state: 'final' },
      { anchor: 'bitcoin', state: 'included' },
      { anchor: 'evm', state: 'capped' },
    ] as const;
    expect(batchAnchoring(statuses, rule(two))).toEqual({
      state: 'anchored',
      included: ['local', 'bitcoin'],
      final: ['local'],
    });
  });

  it.each<[object, bigint]>([
    [{}, 9n],
    [all, 0n],
    [two, 7n],
    [{ require: 'all', of: ['local', 'bitcoin'] }, 7n],
  ])(
    '%j reaches from the first to batch %s when the anchors hold 9, 7 and none',
    (written, size) => {
      const sizes = new Map([
        ['local', 9n],
        ['bitcoin', 7n],
      ]);
      expect(sizeUnderRule(sizes, rule(written))).toBe(size);
    },
  );

  it('counts by a later checkpoint that covers it, and not while that is reorganised away', async () => {
    const world = new EngineWorld();
    await world.enqueue(1, 2);
    const state = async () => {
      const statuses = await anchorStatusOf(1n, { ...world, store: world.store.anchors });
      return batchAnchoring(statuses, { of: [...world.anchors.keys()], required: 1 }).state;
    };
    const states = [await state()];
    await world.step();
    await world.drive();
    states.push(await state());
    world.ledger.reorg(2, { forget: true });
    await world.drive();
    states.push(await state());
    await world.step(6);
    states.push(await state());
    expect(states).toEqual(['pending', 'anchored', 'pending', 'final']);
    expect((await world.intent(1)).attempts).toEqual([]);
  });

  it('is final when a larger checkpoint is, though a smaller one that covers it may still fall', async () => {
    const world = new EngineWorld();
    await world.enqueue(2, 3);
    const { anchors, leases } = world.store;
    const lease = await leases.acquire('anchor/test', 'a', 60_000);
    if (!lease) throw new Error('no lease');
    await anchors.moveIntent(lease, (await world.intent(2)).id, 'queued', 'included');
    await anchors.moveIntent(lease, (await world.intent(3)).id, 'queued', 'final');
    const [status] = await anchorStatusOf(1n, { ...world, store: anchors });
    expect(status).toMatchObject({ state: 'final', coveredBySize: 3n });
  });
});

describe('a rule that can never be met', () => {
  it.each<[object, string]>([
    [{ of: ['bitcoin', 'nowhere'] }, 'of.1'],
    [{ of: ['evm', 'evm'], require: 'all' }, 'of.1'],
    [{ require: { atLeast: 4 } }, 'require.atLeast'],
    [{ require: { atLeast: 2 }, of: ['evm'] }, 'require.atLeast'],
  ])('is refused with its path: %j', (written, path) => {
    const problems = batchRuleProblems(batchRuleSchema.parse(written), ANCHORS);
    expect(problems.map((problem) => problem.path.join('.'))).toEqual([path]);
  });

  it('is refused when the configuration is read', () => {
    const anchors = { local: { use: 'x' } };
    const read = (anchoring: object) =>
      gatewayConfigSchema.safeParse({ origin: 'rule.test/log', anchors, anchoring });
    expect(read({ require: 'all', of: ['local'] }).success).toBe(true);
    expect(read({ of: ['bitcoin'] }).error?.issues).toMatchObject([
      { path: ['anchoring', 'of', 0], message: 'there is no anchor "bitcoin"; configured: local' },
    ]);
    expect(read({ require: 'most' }).success).toBe(false);
    expect(read({ require: { atLeast: 0 } }).success).toBe(false);
  });
});
