import assert from 'node:assert/strict';
import { unjournaled } from '../unjournaled.js';
import { sampleCommand } from './device-commands.js';
import { ALERT_LIMITS, sampleAlert } from './device-desk.js';
import { sealAll } from './sample-batches.js';
import { sampleAttempt, sampleEvidence, sampleIntent } from './sample-intents.js';
import { quarterHours, sampleReading, sentAgain, unique } from './sample-rows.js';
import { plain, type StoreScene, type Test } from './store-scene.js';

export function durabilityTests(scene: StoreScene, it: Test): void {
  it('has everything it confirmed when it is opened again', async () => {
    const before = await scene.store();
    const sequence = { device: `key-${unique()}`, epoch: 1, number: 1n };
    const rows = [...quarterHours(10), sampleReading({ reading: { sequence } })];
    const answers = await scene.commit(...rows);
    const [batch] = await sealAll(before);
    assert.ok(batch);
    const { number } = batch;
    await before.batches.putCheckpoint(number, 'signed note\n');
    const waiting = sampleReading();
    await scene.commit(waiting);
    const lease = await before.leases.acquire(`lease ${unique()}`, 'a', 600_000);
    assert.ok(lease);
    const intent = sampleIntent();
    await before.anchors.putIntent(intent);
    await before.anchors.putAttempt(lease, sampleAttempt(intent.id, 0));
    await before.anchors.moveIntent(lease, intent.id, 'queued', 'included');
    await before.anchors.putEvidence(lease, intent.id, sampleEvidence());
    const cursor = `reader ${unique()}`;
    const events = await before.outbox.read(cursor, 'all', 100_000);
    await before.outbox.advance(cursor, events.at(-3)!.id);
    const declaration = { name: 'kept', version: 1, indexes: ['n'] };
    const instance = `plugin-${unique()}`;
    const documents = await before.collections(instance, [declaration]);
    await documents.put('kept', 'a', { n: 1 });
    const nonce = `nonce-${unique()}`;
    await before.meters.putChallenge(nonce, 600_000);
    await before.meters.useChallenge(nonce);
    const command = sampleCommand();
    await before.commands.put(command, { open: 1_000_000, openOfMeter: 1 });
    await before.commands.markSent(command.id, 1, 2);
    const alert = sampleAlert(`device ${unique()}`);
    await before.desk.putAlert(alert, ALERT_LIMITS, unjournaled);
    const entries = await Promise.all(rows.map(({ id }) => before.entries.get(id)));
    const stored = plain([
      entries,
      await before.batches.byNumber(number),
      await before.batches.tile(number, 0, 0),
      await before.anchors.intent(intent.id),
      await documents.get('kept', 'a'),
      await before.outbox.read(cursor, 'all', 10),
      await before.commands.get(command.id),
      await before.desk.get(alert.device),
      await before.desk.alert(alert.id),
    ]);

    const after = await scene.reopen();
    const again = await after.collections(instance, [declaration]);
    const found = plain([
      await Promise.all(rows.map(({ id }) => after.entries.get(id))),
      await after.batches.byNumber(number),
      await after.batches.tile(number, 0, 0),
      await after.anchors.intent(intent.id),
      await again.get('kept', 'a'),
      await after.outbox.read(cursor, 'all', 10),
      await after.commands.get(command.id),
      await after.desk.get(alert.device),
      await after.desk.alert(alert.id),
    ]);
    assert.deepEqual(found, stored);
    for (const [i, answer] of answers.entries())
      assert.deepEqual(plain(await after.entries.receipt(rows[i]!.id)), plain(answer.receipt));

    assert.equal((await scene.commitOne(sentAgain(rows[0]!))).outcome.kind, 'duplicate');
    const { fingerprint } = rows[0]!.reading!;
    const overlapping = await scene.commitOne(sampleReading({ reading: { fingerprint } }));
    assert.ok(overlapping.outcome.kind === 'refused');
    assert.equal(overlapping.outcome.code, 'interval_overlap');
    const { outcome } = await scene.commitOne(sampleReading({ reading: { sequence } }));
    assert.ok(outcome.kind === 'stored' && outcome.verdict === 'quarantined');
    await assert.rejects(after.batches.putCheckpoint(number, 'another note\n'), {
      code: 'checkpoint_conflict',
    });
    assert.equal(await after.leases.acquire(lease.name, 'b', 600_000), undefined);
    assert.equal(await after.leases.renew(lease, 600_000), true);
    assert.equal(await after.meters.useChallenge(nonce), false);
    const [next] = await sealAll(after);
    assert.equal(next?.number, number + 1);
    assert.equal(next.first, batch.first + BigInt(batch.count));
    assert.equal((await after.entries.get(waiting.id))?.batch?.number, next.number);
  });

  it('closes twice without complaint', async () => {
    const store = await scene.store();
    await store.close();
    await store.close();
  });
}
