import assert from 'node:assert/strict';
import type { IngestRow } from '../../ingestion/ingest.store.js';
import { meterFingerprint, QUARTER_MS, sampleEntry, sampleReading, unique } from './sample-rows.js';
import type { StoreScene, Test } from './store-scene.js';

const NOON_MS = 1_750_000_000_000;
const OWNERS = 20;

/** A point reading that an account says is of its own meter. */
function claimOf(
  fingerprint: Uint8Array,
  accountId: string,
  atMs: number,
  more: Partial<IngestRow> = {},
): IngestRow {
  return sampleReading({
    accountId,
    assurance: 'unsigned',
    ...more,
    reading: {
      fingerprint,
      startsMs: atMs,
      endsMs: atMs,
      claimant: `account ${accountId}`,
      occupies: more.assurance === 'transport',
      energies: [{ register: 'consumption', energyUWh: BigInt(unique()) }],
    },
  });
}

export function contestTests(scene: StoreScene, it: Test): void {
  const answer = async (row: IngestRow): Promise<string> => {
    const { outcome } = await scene.commitOne(row);
    return outcome.kind === 'stored' ? (outcome.reason ?? outcome.verdict) : outcome.kind;
  };

  it('holds the later of two owners’ readings of one meter within 15 minutes, exact to the millisecond', async () => {
    for (const [byMs, expected] of [
      [QUARTER_MS, 'accepted'],
      [-QUARTER_MS, 'accepted'],
      [QUARTER_MS - 1, 'cross_owner_duplicate'],
      [1 - QUARTER_MS, 'cross_owner_duplicate'],
      [0, 'cross_owner_duplicate'],
    ] as const) {
      const meter = meterFingerprint();
      assert.equal(await answer(claimOf(meter, 'ada', NOON_MS)), 'accepted');
      assert.equal(await answer(claimOf(meter, 'bob', NOON_MS + byMs)), expected);
      assert.equal(await answer(claimOf(meter, 'ada', NOON_MS)), 'accepted');
      assert.equal(await answer(claimOf(meterFingerprint(), 'bob', NOON_MS)), 'accepted');
    }
  });

  it('holds an interval that reaches into another owner’s, however long both are', async () => {
    const meter = meterFingerprint();
    const hour = (accountId: string, startsMs: number) => {
      const row = claimOf(meter, accountId, startsMs);
      return { ...row, reading: { ...row.reading!, endsMs: startsMs + 4 * QUARTER_MS } };
    };
    assert.equal(await answer(hour('ada', NOON_MS)), 'accepted');
    assert.equal(await answer(hour('bob', NOON_MS + 3 * QUARTER_MS)), 'cross_owner_duplicate');
    assert.equal(await answer(hour('bob', NOON_MS + 4 * QUARTER_MS)), 'accepted');
  });

  it('lets one of twenty owners win who read one meter around the 15 minute boundary at once', async () => {
    const meter = meterFingerprint();
    const rows = Array.from({ length: OWNERS * 2 }, (_, i) =>
      claimOf(
        meter,
        `owner ${i % OWNERS}`,
        NOON_MS + (i % 4) * (QUARTER_MS - 1) + Math.floor(i / OWNERS) + (i % 3),
      ),
    );
    const answers = await Promise.all(
      rows.map(async (row) => ({ row, verdict: await answer(row) })),
    );
    const won = answers.filter(({ verdict }) => verdict === 'accepted');
    const apart = (a: IngestRow, b: IngestRow) =>
      a.accountId === b.accountId || Math.abs(a.reading!.endsMs - b.reading!.endsMs) >= QUARTER_MS;
    assert.ok(won.every(({ row }) => won.every((other) => apart(row, other.row))));
    for (const { row, verdict } of answers)
      if (verdict !== 'accepted') {
        assert.equal(verdict, 'cross_owner_duplicate');
        assert.ok(won.some((other) => !apart(row, other.row)));
      }
    assert.ok(won.length > 0);
  });

  it('hears the readings of one group in their order', async () => {
    const meter = meterFingerprint();
    const rows = [2, 0, 1, 3].map((n) => claimOf(meter, `owner ${n}`, NOON_MS + n * 1000));
    const answers = await scene.commit(...rows, claimOf(meter, 'owner 2', NOON_MS));
    assert.deepEqual(
      answers.map(({ outcome }) => (outcome.kind === 'stored' ? outcome.verdict : outcome.kind)),
      ['accepted', 'quarantined', 'quarantined', 'quarantined', 'accepted'],
    );
  });

  it('never lets what cannot be claimed hold back what can', async () => {
    const meter = meterFingerprint();
    const strong = { assurance: 'transport' } as const;
    assert.equal(await answer(claimOf(meter, 'ada', NOON_MS)), 'accepted');
    assert.equal(await answer(claimOf(meter, 'bob', NOON_MS, strong)), 'accepted');
    assert.equal(await answer(claimOf(meter, 'eve', NOON_MS + 1, strong)), 'cross_owner_duplicate');
    assert.equal(await answer(claimOf(meter, 'ada', NOON_MS + 2)), 'cross_owner_duplicate');
  });

  it('leaves nothing of a refused reading to hold back others', async () => {
    const meter = meterFingerprint();
    const strong = { assurance: 'transport' } as const;
    await scene.commit(claimOf(meter, 'ada', NOON_MS, strong));
    const taken = claimOf(meter, 'ada', NOON_MS, strong);
    const wide = { ...taken.reading!, startsMs: NOON_MS - 1, endsMs: NOON_MS + QUARTER_MS };
    assert.equal(await answer({ ...taken, reading: wide }), 'refused');
    assert.equal(await answer(claimOf(meter, 'bob', NOON_MS + QUARTER_MS, strong)), 'accepted');
  });

  it('tells both owners, and neither who the other is', async () => {
    const { outbox } = await scene.store();
    const meter = meterFingerprint();
    const [first, later] = [claimOf(meter, 'ada', NOON_MS), claimOf(meter, 'bob', NOON_MS)];
    await scene.commit(first);
    await scene.commit(later);
    const told = (await outbox.read(`contests ${unique()}`, ['reading.contested'], 10_000)).filter(
      ({ data }) => [first.id, later.id].includes(String(data['entry'])),
    );
    assert.deepEqual(
      told.map(({ data }) => [data['entry'], data['account'], data['held']]),
      [
        [later.id, 'bob', true],
        [first.id, 'ada', false],
      ],
    );
    assert.ok(told.every(({ data }) => !('other' in data)));
  });

  const release = async (entryId: string): Promise<string> => {
    const { quarantine } = await scene.store();
    const review = {
      state: 'released',
      by: 'operator-1',
      atMs: NOON_MS,
      reason: 'it is theirs',
      ruleSet: 'rules-2',
      minAssurance: 'transport',
    } as const;
    const say = () => ({
      rows: [sampleEntry({ source: 'system' })],
      issue: (given: Parameters<StoreScene['issue']>[0]) => scene.issue(given),
    });
    return (await quarantine.review(entryId, review, say)).kind;
  };

  it('judges what comes later against a reading that was released, and no more against what it was held for', async () => {
    for (const assurance of ['unsigned', 'transport'] as const) {
      const meter = meterFingerprint();
      const at = (accountId: string, byMs: number) =>
        claimOf(meter, accountId, NOON_MS + byMs, { assurance });
      assert.equal(await answer(at('ada', 0)), 'accepted');
      const held = at('bob', 1000);
      assert.equal(await answer(held), 'cross_owner_duplicate');
      assert.equal(await release(held.id), 'decided');
      assert.equal(await answer(at('ada', QUARTER_MS)), 'cross_owner_duplicate');
      assert.equal(await answer(at('bob', QUARTER_MS - 1000)), 'accepted');
      assert.equal(await answer(at('ada', 2 * QUARTER_MS - 1001)), 'cross_owner_duplicate');
      assert.equal(await answer(at('ada', 2 * QUARTER_MS)), 'accepted');
      assert.equal(await answer(at('eve', 1000 - QUARTER_MS)), 'accepted');
    }
  });

  it('lets one claim stand of many that race a release', async () => {
    const meter = meterFingerprint();
    await scene.commit(claimOf(meter, 'ada', NOON_MS));
    const held = claimOf(meter, 'bob', NOON_MS + 1000);
    await scene.commit(held);
    const rows = Array.from({ length: 16 }, (_, i) =>
      claimOf(meter, i % 2 === 0 ? 'ada' : `eve ${i}`, NOON_MS + QUARTER_MS + i),
    );
    const [kind] = await Promise.all([release(held.id), ...rows.map((row) => answer(row))]);
    assert.equal(kind, 'decided');
    for (const row of rows)
      assert.equal(
        await answer({ ...claimOf(meter, row.accountId, row.reading!.startsMs - 500) }),
        'cross_owner_duplicate',
      );
    assert.equal(await answer(claimOf(meter, 'bob', NOON_MS + 2000)), 'accepted');
  });
}
