import assert from 'node:assert/strict';
import type { IngestRow } from '../../ingestion/ingest.store.js';
import {
  logHashOf,
  meterFingerprint,
  quarterHours,
  QUARTER_MS,
  type RowChoices,
  sampleReading,
  sentAgain,
  text,
} from './sample-rows.js';
import type { StoreScene, Test } from './store-scene.js';

/** A reading of the same meter, its interval moved by so many ms. */
function moved(
  row: IngestRow,
  startByMs: number,
  endByMs: number,
  choices: RowChoices = {},
): IngestRow {
  const reading = row.reading;
  assert.ok(reading);
  return sampleReading({
    ...choices,
    reading: {
      fingerprint: reading.fingerprint,
      startsMs: reading.startsMs + startByMs,
      endsMs: reading.endsMs + endByMs,
      ...choices.reading,
    },
  });
}

export function intervalTests(scene: StoreScene, it: Test): void {
  const answer = async (row: IngestRow): Promise<string> => {
    const { outcome } = await scene.commitOne(row);
    return outcome.kind === 'refused' ? outcome.code : outcome.kind;
  };

  it('refuses a reading that overlaps another of the same register by one millisecond', async () => {
    const row = sampleReading();
    await scene.commit(row);
    assert.equal(await answer(moved(row, QUARTER_MS - 1, QUARTER_MS)), 'interval_overlap');
    assert.equal(await answer(moved(row, -QUARTER_MS, 1 - QUARTER_MS)), 'interval_overlap');
    assert.equal(await answer(moved(row, 60_000, -60_000)), 'interval_overlap');
    assert.equal(await answer(moved(row, -60_000, 60_000)), 'interval_overlap');
  });

  it('accepts intervals that only touch, other registers and other meters', async () => {
    const row = sampleReading();
    await scene.commit(row);
    assert.equal(await answer(moved(row, QUARTER_MS, QUARTER_MS)), 'stored');
    assert.equal(await answer(moved(row, -QUARTER_MS, -QUARTER_MS)), 'stored');
    const energies = [{ register: 'consumption', energyUWh: 1n }];
    assert.equal(await answer(moved(row, 0, 0, { reading: { energies } })), 'stored');
    assert.equal(
      await answer(moved(row, 0, 0, { reading: { fingerprint: meterFingerprint() } })),
      'stored',
    );
  });

  it('holds a refused reading back entirely when only one of its registers overlaps', async () => {
    const row = sampleReading();
    await scene.commit(row);
    const both = moved(row, 0, 0, {
      reading: {
        energies: [
          { register: 'export', energyUWh: 1n },
          { register: 'generation', energyUWh: 1n },
        ],
      },
    });
    assert.equal(await answer(both), 'interval_overlap');
    assert.equal(await (await scene.store()).entries.get(both.id), undefined);
    const energies = [{ register: 'export', energyUWh: 1n }];
    assert.equal(await answer(moved(row, 0, 0, { reading: { energies } })), 'stored');
  });

  it('lets one of two overlapping readings win, in one group and from many writers', async () => {
    const row = sampleReading();
    const inGroup = await scene.commit(row, moved(row, 1000, 1000), ...quarterHours(3));
    const won = inGroup.slice(0, 2).map(({ outcome }) => outcome.kind);
    assert.deepEqual(won.sort(), ['refused', 'stored']);
    assert.ok(inGroup.slice(2).every(({ outcome }) => outcome.kind === 'stored'));

    const contested = sampleReading();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => answer(moved(contested, i * 1000, i * 1000))),
    );
    assert.deepEqual(answers.sort(), [...Array<string>(7).fill('interval_overlap'), 'stored']);
  });

  it('keeps one point reading per register and timestamp', async () => {
    const point = sampleReading({ reading: { startsMs: 5_000, endsMs: 5_000 } });
    assert.equal(await answer(point), 'stored');
    assert.equal(await answer(moved(point, 0, 0)), 'timestamp_taken');
    assert.equal(await answer(moved(point, 1, 1)), 'stored');
    assert.equal(await answer(sentAgain(point)), 'duplicate');
  });

  it('never lets a reading that may not occupy its interval block one that may', async () => {
    const unsigned = sampleReading({ assurance: 'unsigned' });
    assert.equal(await answer(unsigned), 'stored');
    assert.equal(await answer(moved(unsigned, 0, 0)), 'stored');
    const held = sampleReading({ verdict: 'quarantined', reason: 'meter_pending' });
    assert.equal(await answer(held), 'stored');
    assert.equal(await answer(moved(held, 0, 0)), 'stored');
  });

  it('refuses a reading that may not occupy an interval where another does', async () => {
    const row = sampleReading();
    await scene.commit(row);
    assert.equal(await answer(moved(row, 1, 1, { assurance: 'unsigned' })), 'interval_overlap');
    const held = { verdict: 'quarantined', reason: 'owner_mismatch' } as const;
    assert.equal(await answer(moved(row, 1, 1, held)), 'stored');
  });

  it('checks the interval of an upgraded entry', async () => {
    const unsigned = sampleReading({ assurance: 'unsigned' });
    await scene.commit(unsigned);
    await scene.commit(moved(unsigned, 1000, 1000));
    const signed = sentAgain(unsigned, {
      assurance: 'device-signature',
      reading: { occupies: true },
    });
    assert.equal(await answer(signed), 'interval_overlap');
    const entry = await (await scene.store()).entries.get(unsigned.id);
    assert.equal(entry?.assurance, 'unsigned', 'a refused upgrade changes nothing');
  });

  it('frees the interval of what a reading explicitly supersedes', async () => {
    const row = sampleReading();
    await scene.commit(row);
    const amended = moved(row, 0, 60_000, { reading: { supersedes: row.logHash } });
    assert.equal(await answer(amended), 'stored');
    assert.equal(await answer(moved(row, QUARTER_MS, QUARTER_MS)), 'interval_overlap');
    assert.ok(await (await scene.store()).entries.get(row.id), 'the superseded entry stays');
  });

  it('answers readings of one group as if each had come alone, whatever those before it replace', async () => {
    const first = sampleReading();
    const bare = { assurance: 'unsigned' } as const;
    const away = moved(first, 100 * QUARTER_MS, 100 * QUARTER_MS, {
      reading: { supersedes: first.logHash },
    });
    const half = QUARTER_MS / 2;
    await scene.commit(first);
    const answers = await scene.commit(
      moved(first, 0, -half),
      moved(first, 0, 0, bare),
      away,
      moved(first, 0, -half),
      moved(first, 0, -half),
      moved(first, half, 0),
      moved(away, 0, 0),
      moved(first, 2 * QUARTER_MS, 2 * QUARTER_MS),
    );
    assert.deepEqual(
      answers.map(({ outcome }) => outcome.kind),
      ['refused', 'refused', 'stored', 'stored', 'refused', 'stored', 'refused', 'stored'],
    );
    const [one, two] = quarterHours(2) as [IngestRow, IngestRow];
    const after = (row: IngestRow, before: IngestRow) =>
      moved(row, 0, 0, { reading: { supersedes: before.logHash } });
    const lost = moved(one, 0, 0);
    const chain = await scene.commit(after(two, two), one, lost, after(two, lost), after(one, one));
    assert.deepEqual(
      chain.map(({ outcome }) => (outcome.kind === 'refused' ? outcome.code : outcome.kind)),
      ['supersedes_unknown', 'stored', 'interval_overlap', 'supersedes_unknown', 'stored'],
      'only what stands already can be replaced',
    );
  });

  it('lets one of two amendments of the same reading win', async () => {
    const row = sampleReading();
    await scene.commit(row);
    const answers = await Promise.all(
      [1, 2, 3, 4].map((i) => answer(moved(row, 0, i, { reading: { supersedes: row.logHash } }))),
    );
    assert.equal(answers.filter((kind) => kind === 'stored').length, 1);
  });

  it('refuses to supersede what is unknown or belongs to another meter', async () => {
    const row = sampleReading();
    await scene.commit(row);
    const unknown = moved(row, 0, 0, { reading: { supersedes: logHashOf(text('nothing')) } });
    assert.equal(await answer(unknown), 'supersedes_unknown');
    const foreign = sampleReading({ reading: { supersedes: row.logHash } });
    assert.equal(await answer(foreign), 'supersedes_unknown');
    assert.equal(await answer(moved(row, 0, 0)), 'interval_overlap');
  });

  it('lets nobody supersede what counts for another account, and anybody what holds nothing', async () => {
    const row = sampleReading({ accountId: 'ada' });
    await scene.commit(row);
    const foreign = { accountId: 'bob', reading: { supersedes: row.logHash } };
    assert.equal(await answer(moved(row, 0, 0, foreign)), 'supersedes_unknown');
    const sold = sampleReading({ accountId: 'ada' });
    const buyers = { accountId: 'bob', reading: { supersedes: sold.logHash } };
    const together = await scene.commit(sold, moved(sold, -QUARTER_MS, -QUARTER_MS, buyers));
    assert.deepEqual(
      together.map(({ outcome }) => (outcome.kind === 'refused' ? outcome.code : outcome.kind)),
      ['stored', 'supersedes_unknown'],
      'nor when both come together',
    );
    const held = sampleReading({ verdict: 'quarantined', reason: 'meter_pending' });
    await scene.commit(held);
    const over = { accountId: 'bob', reading: { supersedes: held.logHash } };
    assert.equal(await answer(moved(held, 0, 0, over)), 'stored');
  });

  it('frees nothing for a reading that may not occupy an interval itself', async () => {
    const row = sampleReading();
    await scene.commit(row);
    await scene.commit(
      moved(row, 0, 0, { assurance: 'unsigned', reading: { supersedes: row.logHash } }),
    );
    assert.equal(await answer(moved(row, 0, 0)), 'interval_overlap');
  });
}
