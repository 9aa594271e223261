import assert from 'node:assert/strict';
import {
  meterFingerprint,
  sampleEntry,
  sampleReading,
  sampleSignature,
  sentAgain,
  unique,
} from './sample-rows.js';
import { plain, type StoreScene, type Test } from './store-scene.js';

const STORM = 32;

export function duplicateTests(scene: StoreScene, it: Test): void {
  it('keeps the same bytes sent many times at once as one entry with one receipt', async () => {
    const row = sampleReading();
    const answers = await Promise.all(
      Array.from({ length: STORM }, () => scene.commitOne(sentAgain(row))),
    );
    const stored = answers.filter(({ outcome }) => outcome.kind === 'stored');
    const duplicates = answers.filter(({ outcome }) => outcome.kind === 'duplicate');
    assert.equal(stored.length, 1, 'exactly one of the senders must have stored the entry');
    assert.equal(duplicates.length, STORM - 1);
    const [first] = stored;
    assert.ok(first?.receipt);
    for (const { outcome, receipt } of duplicates) {
      assert.ok(first.outcome.kind === 'stored' && outcome.kind === 'duplicate');
      assert.equal(outcome.id, first.outcome.id);
      assert.deepEqual(plain(receipt), plain(first.receipt));
    }
  });

  it('answers the second of two equal rows in one group as a duplicate of the first', async () => {
    const row = sampleEntry();
    const [first, second, other] = await scene.commit(row, sentAgain(row), sampleEntry());
    assert.equal(first?.outcome.kind, 'stored');
    assert.deepEqual(second?.outcome, { kind: 'duplicate', id: row.id });
    assert.deepEqual(plain(second?.receipt), plain(first?.receipt));
    assert.equal(other?.outcome.kind, 'stored');
    assert.deepEqual([first?.receipt?.index, other?.receipt?.index], [0, 1]);
  });

  it('takes weaker assurance for the same bytes as a duplicate', async () => {
    const row = sampleReading({ assurance: 'transport', reading: { occupies: true } });
    await scene.commit(row);
    const again = sentAgain(row, { assurance: 'unsigned', reading: { occupies: false } });
    assert.deepEqual((await scene.commitOne(again)).outcome, { kind: 'duplicate', id: row.id });
  });

  it('upgrades an entry when its bytes come again with stronger assurance', async () => {
    const store = await scene.store();
    const unsigned = sampleReading({ assurance: 'unsigned' });
    const before = await scene.commitOne(unsigned);
    const { outcome, receipt } = await scene.commitOne(
      sentAgain(unsigned, { assurance: 'device-signature', reading: { occupies: true } }),
    );
    assert.deepEqual(outcome, { kind: 'upgraded', id: unsigned.id, verdict: 'accepted' });
    assert.notDeepEqual(plain(receipt), plain(before.receipt));
    assert.deepEqual(plain(await store.entries.receipt(unsigned.id)), plain(receipt));
    const entry = await store.entries.get(unsigned.id);
    assert.equal(entry?.assurance, 'device-signature');
    assert.deepEqual(plain(entry?.salt), plain(unsigned.salt), 'the entry itself stays');

    const third = await scene.commitOne(sentAgain(unsigned, { assurance: 'device-signature' }));
    assert.deepEqual(third.outcome, { kind: 'duplicate', id: unsigned.id });
    assert.deepEqual(plain(third.receipt), plain(receipt));
  });

  it('gives an entry to the account and the meter whose signature came later', async () => {
    const { entries } = await scene.store();
    const before = sampleReading({ assurance: 'unsigned', accountId: 'a stranger' });
    await scene.commit(before);
    const fingerprint = meterFingerprint();
    const signature = sampleSignature();
    const owned = { assurance: 'device-signature', accountId: 'the owner', signature } as const;
    const signed = sentAgain(before, { ...owned, reading: { fingerprint, occupies: true } });
    assert.equal((await scene.commitOne(signed)).outcome.kind, 'upgraded');
    assert.equal((await entries.get(before.id))?.accountId, 'the owner');
    const reading = { fingerprint, supersedes: before.logHash };
    const amended = await scene.commitOne(sampleReading({ ...owned, reading }));
    assert.equal(amended.outcome.kind, 'stored', 'and it can be superseded like any other');
  });

  it('takes nothing back for a copy that has to wait for somebody', async () => {
    const { entries } = await scene.store();
    const accepted = sampleReading({ assurance: 'unsigned', accountId: 'a sender' });
    await scene.commit(accepted);
    const waiting = sentAgain(accepted, {
      assurance: 'device-signature',
      signature: sampleSignature(),
      accountId: 'a squatter',
      verdict: 'quarantined',
      reason: 'meter_pending',
      reading: { occupies: false },
    });
    assert.deepEqual((await scene.commitOne(waiting)).outcome, {
      kind: 'duplicate',
      id: accepted.id,
    });
    const entry = await entries.get(accepted.id);
    assert.deepEqual([entry?.verdict, entry?.accountId], ['accepted', 'a sender']);
  });

  it('upgrades once when stronger copies arrive at once', async () => {
    const unsigned = sampleReading({ assurance: 'unsigned' });
    await scene.commit(unsigned);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        scene.commitOne(
          sentAgain(unsigned, { assurance: 'device-signature', reading: { occupies: true } }),
        ),
      ),
    );
    const kinds = answers.map(({ outcome }) => outcome.kind).sort();
    assert.deepEqual(kinds, [...Array<string>(7).fill('duplicate'), 'upgraded']);
  });

  it('judges the bytes of a quarantined entry again', async () => {
    const held = sampleReading({ verdict: 'quarantined', reason: 'meter_pending' });
    const before = await scene.commitOne(held);
    assert.deepEqual(before.outcome, {
      kind: 'stored',
      id: held.id,
      verdict: 'quarantined',
      reason: 'meter_pending',
    });
    const { reason: _, ...released } = sentAgain(held, { verdict: 'accepted' });
    const { outcome } = await scene.commitOne({
      ...released,
      ...(released.reading === undefined
        ? {}
        : { reading: { ...released.reading, occupies: true } }),
    });
    assert.deepEqual(outcome, { kind: 'upgraded', id: held.id, verdict: 'accepted' });
    const entry = await (await scene.store()).entries.get(held.id);
    assert.equal(entry?.verdict, 'accepted');
    assert.equal(entry.reason, undefined);
  });

  it('answers what is quarantined again for the same reason with the stored receipt', async () => {
    const { outbox } = await scene.store();
    const held = sampleReading({ verdict: 'quarantined', reason: 'meter_pending' });
    const before = await scene.commitOne(held);
    for (const assurance of [held.assurance, 'unsigned'] as const) {
      const { outcome, receipt } = await scene.commitOne(sentAgain(held, { assurance }));
      assert.deepEqual(outcome, { kind: 'duplicate', id: held.id });
      assert.deepEqual(plain(receipt), plain(before.receipt));
    }
    const other = await scene.commitOne(sentAgain(held, { reason: 'meter_suspended' }));
    assert.equal(other.outcome.kind, 'upgraded', 'another reason is news');
    const events = await outbox.read(held.id, ['reading.quarantined'], 100_000);
    assert.equal(events.filter(({ data }) => data['entry'] === held.id).length, 2);
  });

  it('keeps one verdict of an equivocation however often it is sent again', async () => {
    const sequence = { device: `device ${unique()}`, epoch: 1, number: 1n };
    await scene.commit(sampleReading({ reading: { sequence } }));
    const lie = sampleReading({ reading: { sequence } });
    const before = await scene.commitOne(lie);
    assert.ok(before.outcome.kind === 'stored' && before.outcome.verdict === 'quarantined');
    const again = await scene.commitOne(sentAgain(lie));
    assert.deepEqual(again.outcome, { kind: 'duplicate', id: lie.id });
    assert.deepEqual(plain(again.receipt), plain(before.receipt));
  });

  it('takes rows of one group in the order they arrived, as if each had come alone', async () => {
    const weak = { assurance: 'unsigned', reading: { occupies: false } } as const;
    const unsigned = sampleReading(weak);
    const strong = { assurance: 'device-signature', reading: { occupies: true } } as const;
    const [first, second, third] = await scene.commit(
      unsigned,
      sentAgain(unsigned),
      sentAgain(unsigned, strong),
    );
    assert.deepEqual(
      [first, second, third].map((answer) => answer?.outcome.kind),
      ['stored', 'duplicate', 'upgraded'],
    );
    assert.deepEqual(plain(second?.receipt), plain(first?.receipt));
    assert.notDeepEqual(plain(third?.receipt), plain(first?.receipt));
    const { entries } = await scene.store();
    assert.deepEqual(plain(await entries.receipt(unsigned.id)), plain(third?.receipt));

    for (const weakFirst of [true, false]) {
      const fingerprint = meterFingerprint();
      const pair = [
        sampleReading({ assurance: 'unsigned', reading: { fingerprint, occupies: false } }),
        sampleReading({ reading: { fingerprint } }),
      ];
      const answers = await scene.commit(...(weakFirst ? pair : pair.toReversed()));
      assert.deepEqual(
        answers.map(({ outcome }) => outcome.kind),
        weakFirst ? ['stored', 'stored'] : ['stored', 'refused'],
      );
    }
  });
}
