import { anchorPolicySchema, fold, type FoldResult } from '../../src/anchoring/index.js';
import type { Attempt, AttemptState, Observation } from '../../src/spi/index.js';
import { suiteCommitment, suiteIntent } from '../../src/testing/anchor-suite/commitments.js';
import { fakeAnchor } from '../../src/testing/fake-ledger/index.js';

const inclusion = (depth: number) => ({ height: 9, blockHash: 'aa', blockTimeMs: 0, depth });

/** A parent and its child in these states, seen so by the ledger. */
function foldFamily(
  states: readonly [AttemptState, AttemptState],
  seen: readonly [Omit<Observation, 'txId'>, Omit<Observation, 'txId'>],
): FoldResult {
  const attempt = (number: number): Attempt => ({
    intentId: 'an intent',
    number,
    txId: `tx-${number}`,
    conflictKey: `key-${number}`,
    signed: new Uint8Array(),
    fee: { amount: 100n, unit: 'grain' },
    state: states[number] as AttemptState,
    createdAtMs: 1_700_000_000_000,
    broadcastAtMs: 1_700_000_000_000,
    ...(number === 0 ? {} : { childOf: 'tx-0' }),
  });
  return fold({
    intent: {
      ...suiteIntent(suiteCommitment(1)),
      state: 'broadcast',
      attempts: [attempt(0), attempt(1)],
      bumps: 1,
    },
    observations: seen.map((observation, number) => ({ ...observation, txId: `tx-${number}` })),
    policy: anchorPolicySchema.parse({}),
    capabilities: fakeAnchor('ledger', false, ['child']).capabilities,
    nowMs: 1_700_000_001_000,
    coveredByFinal: false,
    coveredByWaiting: false,
  });
}

describe('a place that another transaction took', () => {
  it.each<[string, boolean | undefined, number, AttemptState[]]>([
    ['only by its depth when the ledger says nothing of finality', undefined, 6, ['replaced']],
    ['not before that depth', undefined, 5, []],
    ['when the ledger says that the winner is final', true, 1, ['replaced']],
    ['not while the ledger says that the winner can still fall, however deep', false, 60, []],
  ])('is given up %s', (_when, settled, depth, moved) => {
    const { moves } = foldFamily(
      ['broadcast', 'broadcast'],
      [
        {
          status: 'conflicted',
          inclusion: inclusion(depth),
          ...(settled === undefined ? {} : { settled }),
        },
        { status: 'missing' },
      ],
    );
    expect(moves.filter(({ number }) => number === 0).map(({ to }) => to)).toEqual(moved);
  });
});

describe('a child', () => {
  it('never stands for the commitment, however deep it lies', () => {
    const { state, action } = foldFamily(
      ['seen', 'seen'],
      [
        { status: 'included', inclusion: inclusion(1) },
        { status: 'included', inclusion: inclusion(7) },
      ],
    );
    expect(state).toBe('included');
    expect(action).toMatchObject({ kind: 'evidence', attempt: { number: 0 } });
  });

  it('is no inclusion while its parent is in no block', () => {
    const { state, moves, action } = foldFamily(
      ['seen', 'seen'],
      [{ status: 'seen' }, { status: 'included', inclusion: inclusion(7) }],
    );
    expect([state, moves, action.kind]).toEqual(['broadcast', [], 'wait']);
  });

  it('dies with its parent', () => {
    const { moves, action } = foldFamily(
      ['broadcast', 'broadcast'],
      [{ status: 'conflicted', inclusion: inclusion(6) }, { status: 'missing' }],
    );
    expect(moves.map(({ number, to }) => [number, to])).toEqual([
      [0, 'replaced'],
      [1, 'replaced'],
    ]);
    expect(action).toEqual({ kind: 'attempt', bump: 0 });
  });

  it('is not sent again when its parent was refused: another parent takes the place', () => {
    const { action } = foldFamily(
      ['failed', 'broadcast'],
      [{ status: 'missing' }, { status: 'missing' }],
    );
    expect(action).toMatchObject({ kind: 'attempt', conflictKey: 'key-0' });
  });

  it('is sent again when only it is missing, and brings its parent along', () => {
    const { action } = foldFamily(
      ['broadcast', 'broadcast'],
      [{ status: 'missing' }, { status: 'missing' }],
    );
    expect(action).toMatchObject({ kind: 'rebroadcast', attempt: { number: 1 } });
  });
});
