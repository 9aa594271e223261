import assert from 'node:assert/strict';
import { sampleReading, sentAgain, unique } from './sample-rows.js';
import type { StoreScene, Test } from './store-scene.js';

export function sequenceTests(scene: StoreScene, it: Test): void {
  it('keeps both readings of one sequence number and quarantines the second', async () => {
    const sequence = { device: `key-${unique()}`, epoch: 1, number: 7n };
    const first = sampleReading({ reading: { sequence } });
    const second = sampleReading({ reading: { sequence } });
    assert.equal((await scene.commitOne(first)).outcome.kind, 'stored');
    const { outcome, receipt } = await scene.commitOne(second);
    assert.deepEqual(outcome, {
      kind: 'stored',
      id: second.id,
      verdict: 'quarantined',
      reason: 'sequence_equivocation',
    });
    assert.equal(receipt?.verdict, 'quarantined', 'the receipt must state the verdict it got');
    assert.equal(receipt.reason, 'sequence_equivocation');
    const { entries } = await scene.store();
    assert.equal((await entries.get(first.id))?.verdict, 'accepted');
    assert.equal((await entries.get(second.id))?.verdict, 'quarantined');
  });

  it('has the receipt of an equivocating reading signed over its quarantine', async () => {
    const sequence = { device: `key-${unique()}`, epoch: 1, number: 1n };
    await scene.commit(sampleReading({ reading: { sequence } }));
    const verdicts: string[] = [];
    const store = await scene.store();
    await store.ingest.commit([sampleReading({ reading: { sequence } })], (rows) => {
      verdicts.push(...rows.map(({ row }) => `${row.verdict} ${row.reason ?? ''}`));
      return scene.issue(rows);
    });
    assert.ok(verdicts.length > 0);
    assert.ok(verdicts.every((verdict) => verdict === 'quarantined sequence_equivocation'));
  });

  it('lets an equivocating reading occupy nothing', async () => {
    const sequence = { device: `key-${unique()}`, epoch: 1, number: 1n };
    await scene.commit(sampleReading({ reading: { sequence } }));
    const second = sampleReading({ reading: { sequence } });
    await scene.commit(second);
    assert.ok(second.reading);
    const { fingerprint } = second.reading;
    const { outcome } = await scene.commitOne(sampleReading({ reading: { fingerprint } }));
    assert.equal(outcome.kind, 'stored');
    assert.ok(outcome.kind === 'stored' && outcome.verdict === 'accepted');
  });

  it('does not take the same bytes, another epoch or another device for equivocation', async () => {
    const sequence = { device: `key-${unique()}`, epoch: 1, number: 7n };
    const first = sampleReading({ reading: { sequence } });
    await scene.commit(first);
    assert.equal((await scene.commitOne(sentAgain(first))).outcome.kind, 'duplicate');
    for (const other of [
      { ...sequence, epoch: 2 },
      { ...sequence, device: `key-${unique()}` },
    ]) {
      const { outcome } = await scene.commitOne(sampleReading({ reading: { sequence: other } }));
      assert.ok(outcome.kind === 'stored' && outcome.verdict === 'accepted');
    }
  });

  it('tells sequence numbers beyond 2^53 apart', async () => {
    const device = `key-${unique()}`;
    const numbers = [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 2n, 2n ** 63n - 1n];
    for (const number of numbers) {
      const sequence = { device, epoch: 1, number };
      const { outcome } = await scene.commitOne(sampleReading({ reading: { sequence } }));
      assert.ok(outcome.kind === 'stored' && outcome.verdict === 'accepted', `${number}`);
    }
    const sequence = { device, epoch: 1, number: 2n ** 63n - 1n };
    const { outcome } = await scene.commitOne(sampleReading({ reading: { sequence } }));
    assert.ok(outcome.kind === 'stored' && outcome.verdict === 'quarantined');
  });

  it('finds one equivocation when two readings claim a number at once', async () => {
    const sequence = { device: `key-${unique()}`, epoch: 1, number: 3n };
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => scene.commitOne(sampleReading({ reading: { sequence } }))),
    );
    const verdicts = answers.map(({ outcome }) =>
      outcome.kind === 'stored' ? outcome.verdict : outcome.kind,
    );
    assert.deepEqual(verdicts.sort(), ['accepted', ...Array<string>(5).fill('quarantined')]);
  });
}
