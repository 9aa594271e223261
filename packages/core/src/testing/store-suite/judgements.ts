import assert from 'node:assert/strict';
import { sampleReading, sentAgain, unique } from './sample-rows.js';
import type { StoreScene, Test } from './store-scene.js';

export function judgementTests(scene: StoreScene, it: Test): void {
  it('keeps every verdict of an entry with its rules and what they looked at', async () => {
    const { judgements, quarantine } = await scene.store();
    const held = { verdict: 'quarantined', reason: 'meter_pending' } as const;
    const row = sampleReading({ ...held, inputs: '{"at":1,"meter":null}' });
    await scene.commit(row, sampleReading());
    const review = {
      state: 'released',
      by: 'operator-1',
      atMs: 2,
      reason: 'fine',
      ruleSet: 'rules-2',
      minAssurance: 'device-signature',
    } as const;
    const issue = scene.issue.bind(scene);
    await quarantine.review(row.id, review, () => ({ rows: [], issue }));
    await scene.commit(sentAgain(row));
    assert.deepEqual(
      (await judgements.of(row.id)).map(({ verdict, reason, ruleSet, inputs }) => [
        verdict,
        reason,
        ruleSet,
        inputs,
      ]),
      [
        ['quarantined', 'meter_pending', 'rules-1', '{"at":1,"meter":null}'],
        ['accepted', 'released', 'rules-2', undefined],
      ],
    );
    assert.deepEqual(await judgements.of(`log_${'0'.repeat(32)}`), []);
    assert.deepEqual(await judgements.of('nothing'), []);
  });

  it('keeps the text of rules as it was first said', async () => {
    const { judgements } = await scene.store();
    const id = `rules ${unique()}`;
    assert.equal(await judgements.rules(id), undefined);
    await judgements.keepRules({ id, text: '{"v":1}' });
    await judgements.keepRules({ id, text: 'something else' });
    assert.equal(await judgements.rules(id), '{"v":1}');
  });
}
