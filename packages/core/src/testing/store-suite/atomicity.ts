import assert from 'node:assert/strict';
import { quarterHours, sampleEntry, sampleReading } from './sample-rows.js';
import { type StoreScene, type Test, plain } from './store-scene.js';

export function atomicityTests(scene: StoreScene, it: Test): void {
  it('leaves nothing of a group whose receipts could not be issued', async () => {
    const store = await scene.store();
    const rows = quarterHours(3);
    const before = await store.entries.unsealed();
    const events = (await store.outbox.read('atomicity', 'all', 100_000)).length;
    const failure = new Error('the signer is gone');
    await assert.rejects(
      store.ingest.commit(rows, async () => {
        await Promise.resolve();
        throw failure;
      }),
      { message: failure.message },
    );
    for (const { id } of rows) {
      assert.equal(await store.entries.get(id), undefined);
      assert.equal(await store.entries.receipt(id), undefined);
    }
    assert.deepEqual(await store.entries.unsealed(), before);
    assert.equal((await store.outbox.read('atomicity', 'all', 100_000)).length, events);
    const again = await scene.commit(...rows);
    assert.ok(again.every(({ outcome }) => outcome.kind === 'stored'));
  });

  it('answers rows in the order they were given and signs only what it stores', async () => {
    const [first, second, third] = quarterHours(3);
    assert.ok(first && second && third);
    await scene.commit(second);
    const given: string[] = [];
    const store = await scene.store();
    const answers = await store.ingest.commit([third, second, first], (rows) => {
      given.splice(0, given.length, ...rows.map(({ entryId }) => entryId));
      return scene.issue(rows);
    });
    assert.deepEqual(
      answers.map(({ outcome }) => [outcome.kind, outcome.kind === 'refused' ? '' : outcome.id]),
      [
        ['stored', third.id],
        ['duplicate', second.id],
        ['stored', first.id],
      ],
    );
    assert.deepEqual(given, [third.id, first.id]);
    assert.deepEqual([answers[0]?.receipt?.index, answers[2]?.receipt?.index], [0, 1]);
  });

  it('issues nothing when nothing is stored', async () => {
    const row = sampleEntry();
    const before = await scene.commitOne(row);
    const store = await scene.store();
    const [answer] = await store.ingest.commit([row], () => {
      throw new Error('nothing was to be signed');
    });
    assert.equal(answer?.outcome.kind, 'duplicate');
    assert.deepEqual(plain(answer.receipt), plain(before.receipt));
    assert.deepEqual(await store.ingest.commit([], () => scene.issue([])), []);
  });

  it('refuses the one row no store can keep and stores its neighbours', async () => {
    const good = quarterHours(2);
    const tooMuch = sampleReading({
      reading: { energies: [{ register: 'generation', energyUWh: 2n ** 63n }] },
    });
    const nul = sampleReading({ reading: { siteId: 'a\0b' } });
    const [a, b, c, d] = await scene.commit(good[0]!, tooMuch, nul, good[1]!);
    assert.equal(a?.outcome.kind, 'stored');
    assert.equal(d?.outcome.kind, 'stored');
    for (const answer of [b, c]) {
      assert.ok(answer?.outcome.kind === 'refused');
      assert.equal(answer.outcome.code, 'not_storable');
      assert.equal(answer.receipt, undefined);
    }
    const { entries } = await scene.store();
    assert.equal(await entries.get(tooMuch.id), undefined);
    assert.equal(await entries.get(nul.id), undefined);
    assert.ok(await entries.get(good[0]!.id));
  });

  it('finishes groups that touch the same meters in opposite orders', async () => {
    const meters = Array.from({ length: 6 }, () => quarterHours(12));
    const groups = Array.from({ length: 12 }, (_, quarter) => {
      const rows = meters.map((readings) => readings[quarter]!);
      return quarter % 2 === 0 ? rows : rows.reverse();
    });
    const all = await Promise.all([...groups, ...groups].map((rows) => scene.commit(...rows)));
    const kinds = all.flat().map(({ outcome }) => outcome.kind);
    assert.equal(kinds.filter((kind) => kind === 'stored').length, 72);
    assert.equal(kinds.filter((kind) => kind === 'duplicate').length, 72);
  });
}
