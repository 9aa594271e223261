import assert from 'node:assert/strict';
import { sampleIntent, sampleAttempt, sampleEvidence } from './sample-intents.js';
import { unique } from './sample-rows.js';
import type { StoreScene, Test } from './store-scene.js';

const LONG_MS = 600_000;
const SHORT_MS = 20;

export function leaseTests(scene: StoreScene, it: Test): void {
  it('lends a lease to one of many holders at once', async () => {
    const { leases } = await scene.store();
    const name = `lease ${unique()}`;
    const got = await Promise.all(
      Array.from({ length: 12 }, (_, i) => leases.acquire(name, `holder ${i}`, LONG_MS)),
    );
    assert.equal(got.filter((lease) => lease !== undefined).length, 1);
  });

  it('gives the same lease again to its holder and to nobody else', async () => {
    const { leases } = await scene.store();
    const name = `lease ${unique()}`;
    const lease = await leases.acquire(name, 'a', LONG_MS);
    assert.ok(lease);
    assert.deepEqual([lease.name, lease.holder], [name, 'a']);
    assert.equal(typeof lease.fence, 'bigint');
    assert.deepEqual(await leases.acquire(name, 'a', LONG_MS), lease);
    assert.equal(await leases.acquire(name, 'b', LONG_MS), undefined);
    assert.equal(await leases.renew(lease, LONG_MS), true);
    assert.equal(await leases.renew({ ...lease, holder: 'b' }, LONG_MS), false);
    assert.equal(await leases.renew({ ...lease, fence: lease.fence - 1n }, LONG_MS), false);
  });

  it('raises the fence with every change of holder, also after a release', async () => {
    const { leases } = await scene.store();
    const name = `lease ${unique()}`;
    const first = await leases.acquire(name, 'a', LONG_MS);
    assert.ok(first);
    await leases.release({ ...first, fence: first.fence + 1n });
    assert.equal(await leases.acquire(name, 'b', LONG_MS), undefined, 'released by a stranger');
    await leases.release(first);
    assert.equal(await leases.renew(first, LONG_MS), false);
    const second = await leases.acquire(name, 'b', LONG_MS);
    assert.ok(second && second.fence > first.fence);
    await leases.release(first);
    assert.equal(await leases.renew(second, LONG_MS), true, 'an old lease releases nothing');
  });

  it('passes an expired lease on, and a renewed one not', async () => {
    const { leases } = await scene.store();
    const [renewed, expired] = [`lease ${unique()}`, `lease ${unique()}`];
    const kept = await leases.acquire(renewed, 'a', SHORT_MS);
    const lost = await leases.acquire(expired, 'a', SHORT_MS);
    assert.ok(kept && lost);
    assert.equal(await leases.renew(kept, LONG_MS), true);
    await scene.storeTimePasses(SHORT_MS);
    assert.equal(await leases.acquire(renewed, 'b', LONG_MS), undefined);
    const next = await leases.acquire(expired, 'b', LONG_MS);
    assert.ok(next && next.fence > lost.fence);
    assert.equal(await leases.renew(lost, LONG_MS), false);
  });

  it('refuses every guarded write under a lease that somebody has taken over', async () => {
    const { leases, anchors } = await scene.store();
    const name = `lease ${unique()}`;
    const stale = await leases.acquire(name, 'a', SHORT_MS);
    assert.ok(stale);
    const intent = sampleIntent();
    await anchors.putIntent(intent);
    await anchors.putAttempt(stale, sampleAttempt(intent.id, 0));
    await scene.storeTimePasses(SHORT_MS);
    const fresh = await leases.acquire(name, 'b', LONG_MS);
    assert.ok(fresh);
    const lost = { name: 'LeaseLost', code: 'lease_lost' };
    const key = { intentId: intent.id, number: 0 };
    await assert.rejects(anchors.putAttempt(stale, sampleAttempt(intent.id, 1)), lost);
    await assert.rejects(anchors.moveAttempt(stale, key, 'signed', 'broadcast'), lost);
    await assert.rejects(anchors.moveIntent(stale, intent.id, 'queued', 'signed'), lost);
    await assert.rejects(anchors.putEvidence(stale, intent.id, sampleEvidence()), lost);
    const stored = await anchors.intent(intent.id);
    assert.equal(stored?.state, 'queued');
    assert.deepEqual(
      stored.attempts.map(({ number, state }) => [number, state]),
      [[0, 'signed']],
    );
    assert.equal(stored.evidence, undefined);
    assert.equal(await anchors.moveAttempt(fresh, key, 'signed', 'broadcast'), true);
    await leases.release(fresh);
    await assert.rejects(anchors.moveIntent(fresh, intent.id, 'queued', 'signed'), lost);
  });
}
