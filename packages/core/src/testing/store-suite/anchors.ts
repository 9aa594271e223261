import assert from 'node:assert/strict';
import type { IntentState, Lease } from '../../anchoring/anchor.store.js';
import type { AnchorIntent } from '../../spi/index.js';
import { sampleAttempt, sampleEvidence, sampleIntent } from './sample-intents.js';
import { unique } from './sample-rows.js';
import { plain, type StoreScene, type Test } from './store-scene.js';

export function anchorTests(scene: StoreScene, it: Test): void {
  const newLease = async (): Promise<Lease> => {
    const lease = await (await scene.store()).leases.acquire(`anchor ${unique()}`, 'a', 600_000);
    assert.ok(lease);
    return lease;
  };
  /** An intent of the anchor, brought into a state. */
  const intentIn = async (
    anchor: string,
    state: IntentState,
    size: bigint,
  ): Promise<AnchorIntent> => {
    const { anchors } = await scene.store();
    const intent = sampleIntent({ anchor, size });
    await anchors.putIntent(intent);
    if (state !== 'queued')
      assert.ok(await anchors.moveIntent(await newLease(), intent.id, 'queued', state));
    return intent;
  };

  it('keeps the first of two intents with one id', async () => {
    const { anchors } = await scene.store();
    const intent = sampleIntent();
    await anchors.putIntent(intent);
    await anchors.putIntent({ ...intent, anchor: 'other' });
    const expected = { ...intent, state: 'queued', attempts: [], bumps: 0 };
    assert.deepEqual(plain(await anchors.intent(intent.id)), plain(expected));
    assert.equal(await anchors.intent('00'.repeat(32)), undefined);
  });

  it('gives back attempts and evidence exactly, beyond 2^53 and with U+0000', async () => {
    const { anchors } = await scene.store();
    const lease = await newLease();
    const intent = sampleIntent({ size: 2n ** 53n + 1n });
    await anchors.putIntent(intent);
    const attempts = [sampleAttempt(intent.id, 0), sampleAttempt(intent.id, 1)];
    for (const attempt of attempts) await anchors.putAttempt(lease, attempt);
    const evidence = [sampleEvidence(), sampleEvidence()];
    for (const one of evidence) await anchors.putEvidence(lease, intent.id, one);
    const stored = await anchors.intent(intent.id);
    assert.deepEqual(plain(stored?.attempts), plain(attempts));
    assert.deepEqual(plain(stored?.evidence), plain(evidence[1]), 'the newest evidence is current');
    assert.equal(stored?.commitment.size, 2n ** 53n + 1n);
    assert.equal((await anchors.bySize(2n ** 53n + 1n)).length, 1);
    assert.equal((await anchors.bySize(2n ** 53n)).length, 0);
  });

  it('never replaces a stored attempt', async () => {
    const { anchors } = await scene.store();
    const lease = await newLease();
    const intent = sampleIntent();
    await anchors.putIntent(intent);
    const attempt = sampleAttempt(intent.id, 0);
    await anchors.putAttempt(lease, attempt);
    await anchors.putAttempt(lease, attempt);
    await assert.rejects(anchors.putAttempt(lease, sampleAttempt(intent.id, 0)), {
      code: 'attempt_taken',
    });
    assert.deepEqual(plain((await anchors.intent(intent.id))?.attempts), plain([attempt]));
    const orphan = sampleAttempt(sampleIntent().id, 0);
    await assert.rejects(anchors.putAttempt(lease, orphan), { code: 'intent_unknown' });
  });

  it('moves an attempt by compare-and-set, once among many at once', async () => {
    const { anchors } = await scene.store();
    const lease = await newLease();
    const intent = sampleIntent();
    await anchors.putIntent(intent);
    await anchors.putAttempt(lease, sampleAttempt(intent.id, 0));
    const key = { intentId: intent.id, number: 0 };
    const moves = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        anchors.moveAttempt(lease, key, 'signed', 'broadcast', { broadcastAtMs: 1_000 + i }),
      ),
    );
    assert.equal(moves.filter(Boolean).length, 1);
    const inclusion = { height: 5, blockHash: 'ff', blockTimeMs: 9, depth: 1 };
    assert.equal(await anchors.moveAttempt(lease, key, 'signed', 'seen'), false);
    assert.equal(
      await anchors.moveAttempt(lease, key, 'broadcast', 'included', { inclusion }),
      true,
    );
    const deeper = { ...inclusion, depth: 2 };
    assert.ok(await anchors.moveAttempt(lease, key, 'included', 'included', { inclusion: deeper }));
    const [attempt] = (await anchors.intent(intent.id))?.attempts ?? [];
    assert.deepEqual(attempt?.inclusion, deeper);
    assert.equal(attempt?.broadcastAtMs, 1_000 + moves.indexOf(true), 'what is left out stays');
    const unknown = { intentId: intent.id, number: 9 };
    assert.equal(await anchors.moveAttempt(lease, unknown, 'signed', 'seen'), false);
  });

  it('moves an intent by compare-and-set with its reason, retry time and bumps', async () => {
    const { anchors } = await scene.store();
    const lease = await newLease();
    const intent = sampleIntent();
    await anchors.putIntent(intent);
    const move = { reason: 'fee cap reached', retryAtMs: 99, bumps: 2 };
    const moves = await Promise.all(
      Array.from({ length: 8 }, () =>
        anchors.moveIntent(lease, intent.id, 'queued', 'capped', move),
      ),
    );
    assert.equal(moves.filter(Boolean).length, 1);
    const capped = await anchors.intent(intent.id);
    assert.deepEqual(
      [capped?.state, capped?.reason, capped?.retryAtMs, capped?.bumps],
      ['capped', 'fee cap reached', 99, 2],
    );
    assert.ok(await anchors.moveIntent(lease, intent.id, 'capped', 'prepared', { bumps: 3 }));
    const kept = await anchors.intent(intent.id);
    assert.deepEqual([kept?.reason, kept?.retryAtMs, kept?.bumps], ['fee cap reached', 99, 3]);
    const clear = { reason: '', retryAtMs: 0 };
    assert.ok(await anchors.moveIntent(lease, intent.id, 'prepared', 'signed', clear));
    const cleared = await anchors.intent(intent.id);
    assert.ok(cleared && !('reason' in cleared) && !('retryAtMs' in cleared));
  });

  it('lists open intents of one anchor, oldest first', async () => {
    const { anchors } = await scene.store();
    const anchor = `anchor-${unique()}`;
    const queued = await intentIn(anchor, 'queued', 1n);
    const reorged = await intentIn(anchor, 'reorged', 2n);
    const included = await intentIn(anchor, 'included', 3n);
    for (const closed of ['final', 'superseded', 'failed'] as const)
      await intentIn(anchor, closed, 4n);
    await intentIn(`anchor-${unique()}`, 'queued', 5n);
    const open = (await anchors.open(anchor, 10)).map(({ id }) => id);
    assert.deepEqual(open, [queued.id, reorged.id, included.id]);
    assert.deepEqual(
      (await anchors.open(anchor, 2)).map(({ id }) => id),
      [queued.id, reorged.id],
    );
  });

  it('hands out all open intents, oldest first, when there are few', async () => {
    const { anchors } = await scene.store();
    const anchor = `anchor-${unique()}`;
    const ids: string[] = [];
    for (const state of ['stalled', 'queued', 'included', 'queued'] as const)
      ids.push((await intentIn(anchor, state, 1n)).id);
    for (const closed of ['final', 'superseded', 'failed'] as const)
      await intentIn(anchor, closed, 4n);
    await intentIn(`anchor-${unique()}`, 'queued', 5n);
    assert.deepEqual(
      (await anchors.due(anchor, 4)).map(({ id }) => id),
      ids,
    );
  });

  it('hands out of many open intents the newest, those under way, and each in its turn', async () => {
    const { anchors } = await scene.store();
    const anchor = `anchor-${unique()}`;
    const lease = await newLease();
    const queued: string[] = [];
    for (let place = 0; place < 5; place += 1)
      queued.push((await intentIn(anchor, 'queued', 1n)).id);
    const underWay: string[] = [];
    for (const state of ['broadcast', 'stalled', 'seen'] as const)
      underWay.push((await intentIn(anchor, state, 2n)).id);
    const newest = (await intentIn(anchor, 'queued', 3n)).id;
    await intentIn(anchor, 'superseded', 4n);
    await intentIn(`anchor-${unique()}`, 'queued', 5n);
    const due = async (): Promise<readonly string[]> =>
      (await anchors.due(anchor, 4)).map(({ id }) => id);

    const first = await due();
    assert.deepEqual(first, [queued[0], queued[1], underWay[0], underWay[1], newest]);
    assert.deepEqual(await due(), first, 'asking moves nobody');
    await anchors.touch(lease, first);
    const second = await due();
    assert.deepEqual(second, [queued[2], queued[3], underWay[2], underWay[0], newest].sort(byAge));
    await anchors.touch(lease, second);
    const [third, stored] = [await due(), await anchors.intent(newest)];
    assert.ok(third.includes(queued[4] ?? '') && third.includes(newest));
    assert.deepEqual([stored?.state, stored?.attempts], ['queued', []]);
    await anchors.touch(lease, ['00'.repeat(32)]);
    await (await scene.store()).leases.release(lease);
    await assert.rejects(anchors.touch(lease, first), { code: 'lease_lost' });

    function byAge(a: string | undefined, b: string | undefined): number {
      const all = [...queued, ...underWay, newest];
      return all.indexOf(a ?? '') - all.indexOf(b ?? '');
    }
  });

  it('hands out with an intent whoever holds a conflict key together with it', async () => {
    const { anchors } = await scene.store();
    const anchor = `anchor-${unique()}`;
    const lease = await newLease();
    const ids: string[] = [];
    for (let place = 0; place < 8; place += 1) {
      const { id } = await intentIn(anchor, place < 4 ? 'queued' : 'broadcast', 1n);
      ids.push(id);
    }
    const conflictKey = `utxo-${unique()}`;
    const closed = (await intentIn(anchor, 'superseded', 1n)).id;
    for (const id of [ids[4], ids[6], closed])
      await anchors.putAttempt(lease, { ...sampleAttempt(id ?? '', 0), conflictKey });
    await anchors.touch(
      lease,
      ids.filter((id) => id !== ids[0] && id !== ids[4]),
    );
    const due = (await anchors.due(anchor, 2)).map(({ id }) => id);
    assert.deepEqual(due, [ids[0], ids[4], ids[6], ids[7]]);
  });

  it('finds the smallest and the largest commitment that stands on the ledger', async () => {
    const { anchors } = await scene.store();
    const anchor = `anchor-${unique()}`;
    await intentIn(anchor, 'queued', 2n ** 53n);
    const included = await intentIn(anchor, 'included', 2n ** 53n + 1n);
    const final = await intentIn(anchor, 'final', 2n ** 53n + 3n);
    await intentIn(anchor, 'failed', 2n ** 53n + 4n);
    const covering = async (size: bigint): Promise<string | undefined> =>
      (await anchors.covering(anchor, size))?.id;
    assert.equal(await covering(1n), included.id);
    assert.equal(await covering(2n ** 53n + 1n), included.id);
    assert.equal(await covering(2n ** 53n + 2n), final.id);
    assert.equal(await covering(2n ** 53n + 4n), undefined);
    assert.equal((await anchors.latest(anchor))?.id, final.id);
    assert.equal(await anchors.latest(`anchor-${unique()}`), undefined);
  });

  it('shows the newest evidence of the smallest commitment that stands, and none that was taken back', async () => {
    const { anchors } = await scene.store();
    const anchor = `anchor-${unique()}`;
    const small = await intentIn(anchor, 'included', 2n ** 53n + 1n);
    const large = await intentIn(anchor, 'final', 2n ** 53n + 3n);
    const [first, newest, other] = [sampleEvidence(), sampleEvidence(), sampleEvidence()];
    const shown = async (size: bigint): Promise<unknown> =>
      plain(await anchors.evidence(anchor, size));
    const lease = await newLease();
    await anchors.putEvidence(lease, large.id, other);
    assert.equal(await shown(1n), undefined, 'the smallest has none yet');
    for (const one of [first, newest]) await anchors.putEvidence(lease, small.id, one);
    const ofSmall = plain({ size: 2n ** 53n + 1n, evidence: newest });
    const ofLarge = plain({ size: 2n ** 53n + 3n, evidence: other });
    const sizes = [1n, 2n ** 53n + 1n, 2n ** 53n + 2n, 2n ** 53n + 4n];
    assert.deepEqual(await Promise.all(sizes.map(shown)), [ofSmall, ofSmall, ofLarge, undefined]);
    assert.equal(await anchors.evidence(`anchor-${unique()}`, 1n), undefined);
    assert.ok(await anchors.moveIntent(lease, small.id, 'included', 'reorged'));
    assert.deepEqual(await shown(1n), ofLarge);
  });

  it('hands out final intents by their oldest check', async () => {
    const { anchors } = await scene.store();
    const anchor = `anchor-${unique()}`;
    const ids = [];
    for (const size of [1n, 2n, 3n]) ids.push((await intentIn(anchor, 'final', size)).id);
    const [first, second, third] = ids;
    assert.ok(first && second && third);
    const finals = async (limit: number): Promise<readonly string[]> =>
      (await anchors.finals(anchor, limit)).map(({ id }) => id);
    assert.deepEqual(await finals(10), [first, second, third]);
    assert.ok(await anchors.moveIntent(await newLease(), first, 'final', 'final'));
    assert.deepEqual(await finals(10), [second, third, first]);
    assert.deepEqual(await finals(1), [second]);
  });

  it('lists the attempts of one anchor since an instant', async () => {
    const { anchors } = await scene.store();
    const lease = await newLease();
    const anchor = `anchor-${unique()}`;
    const intent = sampleIntent({ anchor });
    await anchors.putIntent(intent);
    const times = [100, 200, 300];
    for (const [number, createdAtMs] of times.entries())
      await anchors.putAttempt(lease, { ...sampleAttempt(intent.id, number), createdAtMs });
    const since = await anchors.attemptsSince(anchor, 200);
    assert.deepEqual(since.map(({ createdAtMs }) => createdAtMs).sort(), [200, 300]);
  });

  it('counts what one anchor has in every state, what it paid, and since when it is late', async () => {
    const { anchors } = await scene.store();
    const lease = await newLease();
    const anchor = `anchor-${unique()}`;
    const none = await anchors.totals(anchor);
    assert.deepEqual([none.intents.size, none.attempts.size, none.feesSpent.size], [0, 0, 0]);
    assert.equal(none.oldestOpenAtMs, undefined);
    const states = ['final', 'final', 'stalled', 'queued'] as const;
    for (const [place, state] of states.entries()) {
      const intent = sampleIntent({ anchor, createdAtMs: 1000 + place });
      await anchors.putIntent(intent);
      for (const [number, reached] of (['replaced', 'final'] as const).entries()) {
        await anchors.putAttempt(lease, sampleAttempt(intent.id, number));
        if (state === 'final')
          await anchors.moveAttempt(lease, { intentId: intent.id, number }, 'signed', reached);
      }
      if (state !== 'queued') await anchors.moveIntent(lease, intent.id, 'queued', state);
    }
    const { intents, attempts, feesSpent, oldestOpenAtMs } = await anchors.totals(anchor);
    assert.deepEqual(Object.fromEntries(intents), { final: 2, stalled: 1, queued: 1 });
    assert.deepEqual(Object.fromEntries(attempts), { replaced: 2, final: 2, signed: 4 });
    assert.deepEqual(Object.fromEntries(feesSpent), { wei: 2n * (2n ** 60n + 1n) });
    assert.equal(oldestOpenAtMs, 1002);
  });

  it('knows how far an anchor reaches, included and final, whatever came later', async () => {
    const { anchors } = await scene.store();
    const anchor = `anchor-${unique()}`;
    const reach = async () => {
      const { includedSize, finalSize } = await anchors.totals(anchor);
      return [includedSize, finalSize];
    };
    await intentIn(anchor, 'queued', 9n);
    assert.deepEqual(await reach(), [undefined, undefined]);
    await intentIn(anchor, 'included', 2n ** 53n + 1n);
    assert.deepEqual(await reach(), [2n ** 53n + 1n, undefined]);
    await intentIn(anchor, 'final', 5n);
    await intentIn(anchor, 'reorged', 2n ** 60n);
    assert.deepEqual(await reach(), [2n ** 53n + 1n, 5n]);
    await intentIn(anchor, 'final', 2n ** 53n + 2n);
    assert.deepEqual(await reach(), [2n ** 53n + 2n, 2n ** 53n + 2n]);
  });

  it('lists what failed, oldest first, of one anchor', async () => {
    const { anchors } = await scene.store();
    const anchor = `anchor-${unique()}`;
    const first = await intentIn(anchor, 'failed', 1n);
    const second = await intentIn(anchor, 'failed', 2n);
    await intentIn(anchor, 'stalled', 3n);
    await intentIn(`${anchor}-other`, 'failed', 4n);
    const ids = (await anchors.failed(anchor, 10)).map(({ id }) => id);
    assert.deepEqual(ids, [first.id, second.id]);
    assert.equal((await anchors.failed(anchor, 1)).length, 1);
  });

  it('adds up by day what stands on the ledger has cost, by the word of the ledger where there is one', async () => {
    const { anchors } = await scene.store();
    const lease = await newLease();
    const anchor = `anchor-${unique()}`;
    const intent = sampleIntent({ anchor });
    await anchors.putIntent(intent);
    const dayMs = 86_400_000;
    const states = ['included', 'final', 'final', 'replaced'] as const;
    for (const [number, state] of states.entries()) {
      const createdAtMs = number === 0 ? dayMs - 1 : dayMs + number;
      await anchors.putAttempt(lease, { ...sampleAttempt(intent.id, number), createdAtMs });
      const inclusion = { height: 1, blockHash: 'aa', blockTimeMs: 2, depth: 3, feePaid: '7' };
      await anchors.moveAttempt(
        lease,
        { intentId: intent.id, number },
        'signed',
        state,
        number === 1 ? { inclusion } : {},
      );
    }
    const whole = 2n ** 60n + 1n;
    const today = { dayMs, unit: 'wei', amount: whole + 7n, transactions: 2 };
    assert.deepEqual(await anchors.costs(anchor, dayMs), [today]);
    assert.deepEqual(await anchors.costs(anchor, 0), [
      today,
      { dayMs: 0, unit: 'wei', amount: whole, transactions: 1 },
    ]);
    const { feesSpent } = await anchors.totals(anchor);
    assert.deepEqual(Object.fromEntries(feesSpent), { wei: 2n * whole + 7n });
  });

  it('announces inclusion and finality in the outbox, each once', async () => {
    const { anchors, outbox } = await scene.store();
    const lease = await newLease();
    const intent = sampleIntent();
    await anchors.putIntent(intent);
    assert.ok(await anchors.moveIntent(lease, intent.id, 'queued', 'included'));
    assert.ok(await anchors.moveIntent(lease, intent.id, 'included', 'included', { bumps: 1 }));
    assert.ok(await anchors.moveIntent(lease, intent.id, 'included', 'final'));
    const types = ['anchor.included', 'anchor.final'];
    const events = await outbox.read(`reader ${unique()}`, types, 100_000);
    const mine = events.filter(({ data }) => data['intent'] === intent.id);
    assert.deepEqual(
      mine.map(({ type }) => type),
      types,
    );
  });
}
