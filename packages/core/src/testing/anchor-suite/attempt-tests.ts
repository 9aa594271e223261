import assert from 'node:assert/strict';
import { suiteCommitment, suiteIntent, suitePluginContext } from './commitments.js';
import type { SuiteContext } from './suite-context.js';
import {
  attemptOf,
  bump,
  childOf,
  included,
  rejectsWith,
  signal,
  waitIncluded,
} from './suite-kit.js';

/** From draft to block: what makes an attempt safe to repeat. */
export function attemptTests<World>({ options, it, withAnchor }: SuiteContext<World>): void {
  const { capabilities } = options.plugin;
  const ways: readonly string[] = capabilities.bump;

  it(
    'signs one draft to one transaction, also after the draft went through JSON',
    withAnchor(async (anchor, world) => {
      const intent = suiteIntent(suiteCommitment(1));
      const draft = await anchor.prepare(intent, [], bump(0));
      const first = await anchor.sign(intent, draft, signal());
      const payload = JSON.parse(JSON.stringify(draft.payload)) as typeof draft.payload;
      const second = await anchor.sign(intent, { ...draft, payload }, signal());
      assert.equal(second.txId, first.txId);
      assert.deepEqual(second.signed, first.signed);
      assert.equal(first.conflictKey, draft.conflictKey);
      await options.settle(world);
      const [seen] = await anchor.observe(
        [{ ...first, intentId: intent.id, number: 0, state: 'signed', createdAtMs: 0 }],
        signal(),
      );
      assert.equal(seen?.status, 'missing', 'preparing and signing tell the ledger nothing');
    }),
  );

  it(
    'sends the same bytes any number of times as one transaction',
    withAnchor(async (anchor, world) => {
      const intent = suiteIntent(suiteCommitment(1));
      const attempt = await attemptOf(anchor, intent);
      assert.equal(await anchor.broadcast(attempt, signal()), 'accepted');
      assert.equal(await anchor.broadcast(attempt, signal()), 'known');
      await waitIncluded(options, world, anchor, attempt);
      assert.equal(await anchor.broadcast(attempt, signal()), 'known');
      assert.deepEqual(await options.confirmed(world, intent.commitment), [attempt.txId]);
    }),
  );

  it(
    'observes attempts in the order asked, whether the ledger has them or not',
    withAnchor(async (anchor, world) => {
      const sent = await included(options, world, anchor, suiteIntent(suiteCommitment(1)));
      const unsent = await attemptOf(anchor, suiteIntent(suiteCommitment(2)));
      const answers = await anchor.observe([unsent, sent], signal());
      assert.deepEqual(
        answers.map(({ txId }) => txId),
        [unsent.txId, sent.txId],
      );
      assert.equal(answers[0]?.status, 'missing');
      assert.match(answers[1]?.status ?? '', /^(included|final)$/);
    }),
  );

  it(
    'asks the ledger and not its memory where a transaction stands',
    withAnchor(async (anchor, world) => {
      const attempt = await attemptOf(anchor, suiteIntent(suiteCommitment(1)));
      await anchor.broadcast(attempt, signal());
      const restarted = options.create(world, suitePluginContext());
      await waitIncluded(options, world, restarted, attempt);
      assert.equal(await restarted.broadcast(attempt, signal()), 'known');
      await restarted.close();
    }),
  );

  it(
    'counts depth from the including block and names its hash',
    withAnchor(async (anchor, world) => {
      const attempt = await included(options, world, anchor, suiteIntent(suiteCommitment(1)));
      assert.ok(attempt.inclusion && attempt.inclusion.depth >= 1);
      assert.ok(attempt.inclusion.blockHash.length > 0);
      assert.ok(Number.isInteger(attempt.inclusion.blockTimeMs));
      await options.settle(world);
      const [later] = await anchor.observe([attempt], signal());
      assert.equal(later?.inclusion?.blockHash, attempt.inclusion.blockHash);
      assert.ok((later?.inclusion?.depth ?? 0) >= attempt.inclusion.depth);
    }),
  );

  if (capabilities.exclusion === 'ledger')
    it(
      'reuses the conflict key while an attempt can still win, and at most one wins',
      withAnchor(async (anchor, world) => {
        const intent = suiteIntent(suiteCommitment(1));
        const first = await attemptOf(anchor, intent);
        const sent = { ...first, state: 'broadcast' } as const;
        await anchor.broadcast(first, signal());
        const second = await attemptOf(anchor, intent, [sent]);
        assert.equal(second.conflictKey, first.conflictKey);
        if (ways.includes('replace')) {
          assert.ok(second.fee.amount > first.fee.amount, 'a replacement pays more');
          await anchor.broadcast(second, signal());
        }
        await options.settle(world);
        await options.settle(world);
        const confirmed = await options.confirmed(world, intent.commitment);
        assert.equal(confirmed.length, 1);
        if (ways.includes('replace')) {
          const [loser] = await anchor.observe([sent], signal());
          assert.equal(loser?.status, 'conflicted');
          assert.ok(loser.inclusion, 'a conflict comes with the inclusion of the winner');
        }
      }),
    );

  if (capabilities.exclusion === 'ledger')
    it(
      'names the winner and its block to an attempt whose place another of ours took',
      withAnchor(async (anchor, world) => {
        const first = await attemptOf(anchor, suiteIntent(suiteCommitment(1)));
        const loser = await attemptOf(anchor, suiteIntent(suiteCommitment(2)), [first]);
        // Keys of each commitment's own: no other commitment can take the place.
        if (loser.conflictKey !== first.conflictKey) return;
        await anchor.broadcast(first, signal());
        const winner = await waitIncluded(options, world, anchor, first);
        const [seen] = await anchor.observe([loser], signal());
        assert.equal(seen?.status, 'conflicted');
        assert.equal(seen.conflictsWith, winner.txId);
        assert.equal(seen.inclusion?.blockHash, winner.inclusion?.blockHash);
        assert.ok((seen.inclusion?.depth ?? 0) >= 1, 'without it nobody knows when to give up');
      }),
    );

  if (ways.includes('child'))
    it(
      'pays for a stuck attempt by a child that brings its parent along and holds no commitment',
      withAnchor(async (anchor, world) => {
        const intent = suiteIntent(suiteCommitment(1));
        const parent = await attemptOf(anchor, intent);
        const child = await childOf(anchor, intent, parent, [parent]);
        assert.notEqual(child.conflictKey, parent.conflictKey);
        const second = await childOf(anchor, intent, parent, [parent, child]);
        assert.notEqual(second.txId, child.txId);
        if (second.conflictKey === child.conflictKey)
          assert.ok(second.fee.amount > child.fee.amount, 'a replacement pays more');
        assert.equal(await anchor.broadcast(child, signal()), 'accepted');
        assert.equal(await anchor.broadcast(parent, signal()), 'known', 'the child brought it');
        await waitIncluded(options, world, anchor, parent);
        await waitIncluded(options, world, anchor, child);
        assert.deepEqual(await options.confirmed(world, intent.commitment), [parent.txId]);
      }),
    );

  if (ways.length > 1)
    it(
      'says irreplaceable of a replacement where the ledger keeps what waits, and a child pays for that',
      withAnchor(async (anchor, world) => {
        const intent = suiteIntent(suiteCommitment(1));
        const parent = { ...(await attemptOf(anchor, intent)), state: 'broadcast' } as const;
        await anchor.broadcast(parent, signal());
        await options.keepFirst?.(world, true);
        await rejectsWith('irreplaceable', async () =>
          anchor.broadcast(await attemptOf(anchor, intent, [parent]), signal()),
        );
        const child = await childOf(anchor, intent, parent, [parent]);
        assert.equal(await anchor.broadcast(child, signal()), 'accepted');
        await waitIncluded(options, world, anchor, parent);
        await waitIncluded(options, world, anchor, child);
        await options.keepFirst?.(world, false);
        assert.deepEqual(await options.confirmed(world, intent.commitment), [parent.txId]);
      }),
    );

  if (capabilities.exclusion === 'expiry')
    it(
      'proves that bytes have expired, and they are never included afterwards',
      withAnchor(async (anchor, world) => {
        const intent = suiteIntent(suiteCommitment(1));
        const attempt = await attemptOf(anchor, intent);
        assert.ok(
          attempt.validUntil !== undefined,
          'an expiring attempt says until when it is valid',
        );
        await options.expire?.(world);
        const [seen] = await anchor.observe([attempt], signal());
        assert.equal(seen?.status, 'expired');
        await rejectsWith('expired', () => anchor.broadcast(attempt, signal()));
        await options.settle(world);
        assert.deepEqual(await options.confirmed(world, intent.commitment), []);
      }),
    );

  if (capabilities.cost === 'paid')
    it(
      'refuses to prepare above the fee cap',
      withAnchor(async (anchor) => {
        const intent = suiteIntent(suiteCommitment(1));
        await rejectsWith('capped', () => anchor.prepare(intent, [], { ...bump(0), maxFee: 0n }));
      }),
    );

  it(
    'finds what it published when the store has lost it',
    withAnchor(async (anchor, world) => {
      if (!anchor.findExisting) return;
      const intent = suiteIntent(suiteCommitment(1));
      const attempt = await included(options, world, anchor, intent);
      const restarted = options.create(world, suitePluginContext());
      const found = await restarted.findExisting?.(intent, signal());
      assert.equal(found?.txId, attempt.txId);
      assert.deepEqual(found?.signed, attempt.signed);
      const unknown = suiteIntent(suiteCommitment(2));
      assert.equal(await restarted.findExisting?.(unknown, signal()), undefined);
      await restarted.close();
    }),
  );

  it(
    'names the newest commitment the ledger holds',
    withAnchor(async (anchor, world) => {
      if (!anchor.latest) return;
      const { origin } = suiteCommitment(1);
      assert.equal(await anchor.latest(origin, signal()), undefined);
      for (const size of [1, 2])
        await included(options, world, anchor, suiteIntent(suiteCommitment(size)));
      const latest = await options.create(world, suitePluginContext()).latest?.(origin, signal());
      assert.equal(latest?.size, 2n);
      assert.deepEqual(latest?.digest, suiteCommitment(2).digest);
    }),
  );

  if (capabilities.reorgs)
    it(
      'tells a reorganised transaction from an included one, and the same bytes bring it back',
      withAnchor(async (anchor, world) => {
        const intent = suiteIntent(suiteCommitment(1));
        const attempt = await included(options, world, anchor, intent);
        await options.reorg?.(world, attempt.inclusion?.depth ?? 1);
        const [seen] = await anchor.observe([attempt], signal());
        assert.match(seen?.status ?? '', /^(missing|seen)$/);
        await anchor.broadcast(attempt, signal());
        const again = await waitIncluded(options, world, anchor, attempt);
        assert.notEqual(again.inclusion?.blockHash, attempt.inclusion?.blockHash);
        assert.deepEqual(await options.confirmed(world, intent.commitment), [attempt.txId]);
      }),
    );
}
