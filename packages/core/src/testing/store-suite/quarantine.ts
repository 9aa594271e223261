import assert from 'node:assert/strict';
import type { IngestRow } from '../../ingestion/ingest.store.js';
import type { Journaled } from '../../logs/journal.js';
import type { QuarantineItem, Review } from '../../quarantine/quarantine.store.js';
import { unjournaled } from '../unjournaled.js';
import {
  logHashOf,
  meterFingerprint,
  type RowChoices,
  sampleEntry,
  sampleReading,
  sentAgain,
  unique,
} from './sample-rows.js';
import { plain, type StoreScene, type Test } from './store-scene.js';

/** A reading that waits for somebody, of a meter of its own. */
function heldReading(choices: RowChoices = {}): IngestRow {
  const fingerprint = choices.reading?.fingerprint ?? meterFingerprint();
  const meterId = `held meter ${unique()}`;
  return sampleReading({
    verdict: 'quarantined',
    reason: 'energy_above_rating',
    ...choices,
    reading: { fingerprint, meterId, occupies: false, ...choices.reading },
  });
}

export function quarantineTests(scene: StoreScene, it: Test): void {
  const say = (item: QuarantineItem): Journaled => ({
    rows: [
      sampleEntry({
        source: 'system',
        bytes: Buffer.from(`${item.entryId} ${item.state} ${unique()}`),
      }),
    ],
    issue: (given) => scene.issue(given),
  });
  const review = async (id: string, state: Review['state'], more: Partial<Review> = {}) =>
    (await scene.store()).quarantine.review(
      id,
      {
        state,
        by: 'operator-1',
        atMs: 1_770_000_000_000,
        reason: 'looked at it',
        ruleSet: 'rules-2',
        minAssurance: 'device-signature',
        ...more,
      },
      say,
    );
  const answer = async (row: IngestRow): Promise<string> => {
    const { outcome } = await scene.commitOne(row);
    return outcome.kind === 'refused' ? outcome.code : outcome.kind;
  };
  const now = async (id: string) => {
    const { entries, quarantine } = await scene.store();
    const [entry, item] = [await entries.get(id), await quarantine.get(id)];
    return [entry?.verdict, entry?.reason, item?.state];
  };
  /** The same place on the same meter, with other bytes. */
  const beside = (row: IngestRow, choices: RowChoices = {}) =>
    sampleReading({ ...choices, reading: { ...row.reading, occupies: true, ...choices.reading } });

  it('keeps what is held until somebody decides, and lists it by state, reason, meter and account', async () => {
    const { quarantine } = await scene.store();
    const meterId = `listed ${unique()}`;
    const reasons = ['meter_pending', 'energy_above_rating', 'meter_pending'];
    const rows = reasons.map((reason, i) =>
      heldReading({ reason, accountId: `account ${i}`, reading: { meterId } }),
    );
    await scene.commit(...rows);
    const all = await quarantine.list({ meterId, limit: 10 });
    assert.deepEqual(
      all.items.map(({ entryId, reason, state }) => [entryId, reason, state]),
      rows.map(({ id, reason }) => [id, reason, 'open']),
    );
    await review(rows[0]!.id, 'rejected');
    const idsOf = async (query: object) =>
      (await quarantine.list({ meterId, limit: 10, ...query })).items.map(({ entryId }) => entryId);
    assert.deepEqual(await idsOf({ state: 'open' }), [rows[1]!.id, rows[2]!.id]);
    assert.deepEqual(await idsOf({ reason: 'meter_pending' }), [rows[0]!.id, rows[2]!.id]);
    assert.deepEqual(await idsOf({ accountId: 'account 1' }), [rows[1]!.id]);
    const first = await quarantine.list({ meterId, limit: 2 });
    assert.equal(first.items.length, 2);
    assert.deepEqual(await idsOf({ cursor: first.cursor }), [rows[2]!.id]);
  });

  it('releases a reading into its interval, with a new verdict, receipt and event', async () => {
    const { entries, outbox, quarantine } = await scene.store();
    const row = heldReading();
    await scene.commit(row);
    const before = await entries.receipt(row.id);
    const item: QuarantineItem = {
      entryId: row.id,
      accountId: row.accountId,
      meterId: row.reading!.meterId,
      reason: 'energy_above_rating',
      state: 'released',
      heldAtMs: row.receivedAtMs,
      others: [],
      decision: { by: 'operator-1', atMs: 1_770_000_000_000, reason: 'looked at it' },
    };
    const outcome = await review(row.id, 'released');
    assert.deepEqual(outcome, { kind: 'decided', existing: false, item });
    assert.deepEqual(await quarantine.get(row.id), item);
    assert.deepEqual(await now(row.id), ['accepted', 'released', 'released']);
    const receipt = await entries.receipt(row.id);
    assert.notDeepEqual(plain(receipt), plain(before));
    assert.deepEqual([receipt?.verdict, receipt?.ruleSet], ['accepted', 'rules-2']);
    assert.equal(await answer(beside(row)), 'interval_overlap');
    assert.equal(await answer(sentAgain(row, { verdict: 'accepted' })), 'duplicate');
    const told = (await outbox.read(`reviews ${unique()}`, ['reading.accepted'], 10_000)).filter(
      ({ data }) => data['entry'] === row.id,
    );
    assert.deepEqual(
      told.map(({ data }) => [data['reason'], data['meter'], data['registers']]),
      [['released', row.reading!.meterId, ['generation']]],
    );
  });

  it('releases nothing for an account whose registration was turned down when another has the meter', async () => {
    const { meters } = await scene.store();
    const row = heldReading({ accountId: 'bob', reason: 'meter_pending' });
    const { meterId, fingerprint } = row.reading!;
    const register = (accountId: string, state: 'pending' | 'active') =>
      meters.register(
        { meterId, fingerprint, accountId, state, keys: [], registeredAtMs: 0 },
        unjournaled,
      );
    await register('bob', 'pending');
    await scene.commit(row);
    await meters.setState(meterId, 'pending', 'retired', unjournaled);
    assert.equal(await register('ada', 'active'), 'registered');
    assert.deepEqual(await review(row.id, 'released'), { kind: 'not_owned' });
    assert.deepEqual(await now(row.id), ['quarantined', 'meter_pending', 'open']);
    assert.equal((await review(row.id, 'rejected')).kind, 'decided');
  });

  it('keeps nobody waiting for what was erased', async () => {
    const { quarantine, erasures } = await scene.store();
    const row = heldReading();
    await scene.commit(row);
    const meterId = row.reading!.meterId;
    assert.equal((await quarantine.list({ meterId, limit: 2 })).items.length, 1);
    await erasures.erase(
      [row.id],
      1_770_000_000_000,
      (hash) => hash,
      () => ({
        rows: [sampleEntry({ source: 'system', type: 'erasure' })],
        issue: (given) => scene.issue(given),
      }),
    );
    assert.deepEqual((await quarantine.list({ meterId, limit: 2 })).items, []);
    assert.equal(await quarantine.get(row.id), undefined);
    assert.deepEqual(await review(row.id, 'released'), { kind: 'erased' });
  });

  it('releases nothing into an interval that somebody holds, and says who', async () => {
    const row = heldReading();
    const holder = beside(row);
    await scene.commit(row, holder);
    const outcome = await review(row.id, 'released');
    assert.deepEqual(
      [outcome.kind, 'code' in outcome && outcome.code],
      ['refused', 'interval_overlap'],
    );
    assert.ok('detail' in outcome && outcome.detail.includes(holder.id));
    assert.deepEqual(await now(row.id), ['quarantined', 'energy_above_rating', 'open']);
    const weak = heldReading({ assurance: 'unsigned', reading: { ...row.reading } });
    await scene.commit(weak);
    assert.equal((await review(weak.id, 'released')).kind, 'refused');
  });

  it('releases what could not be claimed without giving it an interval', async () => {
    const row = heldReading({ assurance: 'unsigned', reason: 'unsigned_review' });
    await scene.commit(row);
    assert.equal((await review(row.id, 'released')).kind, 'decided');
    assert.equal(await answer(beside(row)), 'stored');
  });

  it('lets a released amendment take the place of what it supersedes', async () => {
    const row = sampleReading();
    await scene.commit(row);
    const amended = heldReading({
      reading: { ...row.reading, occupies: false, supersedes: row.logHash },
    });
    await scene.commit(amended);
    assert.equal((await review(amended.id, 'released')).kind, 'decided');
    const again = beside(row, { reading: { supersedes: row.logHash } });
    assert.equal(await answer(again), 'interval_overlap');
    const unknown = heldReading({ reading: { supersedes: logHashOf(Buffer.from('nothing')) } });
    assert.equal(await answer(unknown), 'supersedes_unknown');
  });

  it('rejects for good: the same bytes never count, whatever stands behind them', async () => {
    const row = heldReading({ assurance: 'transport' });
    await scene.commit(row);
    assert.equal((await review(row.id, 'rejected')).kind, 'decided');
    assert.deepEqual(await now(row.id), ['quarantined', 'review_rejected', 'rejected']);
    const stronger = sentAgain(row, {
      verdict: 'accepted',
      assurance: 'device-signature',
      reading: { occupies: true },
    });
    assert.equal(await answer(stronger), 'duplicate');
    assert.deepEqual(await now(row.id), ['quarantined', 'review_rejected', 'rejected']);
    assert.equal(await answer(beside(row)), 'stored');
  });

  it('decides once, whoever asks at the same time', async () => {
    const row = heldReading();
    await scene.commit(row);
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        review(row.id, i % 2 === 0 ? 'released' : 'rejected', { by: `operator ${i}` }),
      ),
    );
    const done = outcomes.filter((one) => one.kind === 'decided');
    assert.equal(done.length, 4);
    assert.equal(done.filter((one) => 'existing' in one && !one.existing).length, 1);
    assert.equal(outcomes.filter((one) => one.kind === 'conflict').length, 4);
    const by = new Set(
      outcomes.map((one) => ('item' in one ? `${one.item.state} ${one.item.decision?.by}` : '')),
    );
    assert.equal(by.size, 1, 'all are told the one decision');
  });

  it('lets go of what comes again and is accepted', async () => {
    const row = heldReading({ reason: 'meter_pending' });
    await scene.commit(row);
    await scene.commit(sentAgain(row, { verdict: 'accepted', reading: { occupies: true } }));
    assert.equal((await now(row.id))[2], 'accepted');
    assert.equal((await review(row.id, 'released')).kind, 'conflict');
  });

  it('knows the reading an equivocation stands against', async () => {
    const { quarantine } = await scene.store();
    const sequence = { device: `key-${unique()}`, epoch: 1, number: 7n };
    const [first, second] = [
      sampleReading({ reading: { sequence } }),
      sampleReading({ reading: { sequence } }),
    ];
    await scene.commit(first);
    await scene.commit(second);
    const item = await quarantine.get(second.id);
    assert.deepEqual([item?.reason, item?.others], ['sequence_equivocation', [first.id]]);
  });

  it('has nothing to decide about entries that were never held', async () => {
    const { quarantine } = await scene.store();
    const row = sampleReading();
    await scene.commit(row);
    for (const id of [row.id, `log_${'0'.repeat(32)}`, 'nothing']) {
      assert.equal(await quarantine.get(id), undefined);
      assert.equal((await review(id, 'released')).kind, 'unknown');
    }
  });

  it('changes nothing when the log cannot say so', async () => {
    const row = heldReading();
    await scene.commit(row);
    const { quarantine } = await scene.store();
    const failing: Journaled = {
      rows: [sampleEntry({ source: 'system', bytes: Buffer.from(`never ${unique()}`) })],
      issue: () => {
        throw new Error('the key is away');
      },
    };
    await assert.rejects(
      quarantine.review(
        row.id,
        {
          state: 'released',
          by: 'operator-1',
          atMs: 1,
          reason: 'x',
          ruleSet: 'rules-2',
          minAssurance: 'device-signature',
        },
        () => failing,
      ),
      /the key is away/,
    );
    assert.deepEqual(await now(row.id), ['quarantined', 'energy_above_rating', 'open']);
    assert.equal(await answer(beside(row)), 'stored');
  });
}
