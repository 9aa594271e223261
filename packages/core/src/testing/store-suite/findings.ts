import assert from 'node:assert/strict';
import type { Finding } from '../../detectors/finding.store.js';
import type { IngestRow } from '../../ingestion/ingest.store.js';
import type { Journaled } from '../../logs/journal.js';
import {
  QUARTER_MS,
  quarterHours,
  meterFingerprint,
  sampleEntry,
  sentAgain,
  text,
  unique,
} from './sample-rows.js';
import type { StoreScene, Test } from './store-scene.js';

const RULES = 'rules and findings';

export function findingTests(scene: StoreScene, it: Test): void {
  const say = (fresh: readonly Finding[]): Journaled => ({
    rows: fresh.map(({ hash }) =>
      sampleEntry({ source: 'system', type: 'finding', bytes: text(`{"finding":"${hash}"}`) }),
    ),
    issue: (given) => scene.issue(given),
  });
  const findingIn = ({ id }: IngestRow, choices: Partial<Finding> = {}): Finding => ({
    entryId: id,
    register: 'generation',
    detector: 'test',
    code: 'odd',
    action: 'flag',
    hash: unique().toString(16).padStart(64, '0'),
    document: text('{"a":1}'),
    ...choices,
  });
  const flagOf = ({ id }: IngestRow) => ({ entryId: id, reason: 'odd', ruleSet: RULES });

  it('tells readings with their registers and newest verdict, and nothing of other entries', async () => {
    const { findings } = await scene.store();
    const energies = [
      { register: 'generation', energyUWh: 2n ** 53n + 1n },
      { register: 'import', energyUWh: 0n },
    ];
    const [row] = quarterHours(1, { reading: { energies } }) as [IngestRow];
    const other = sampleEntry();
    await scene.commit(row, other);
    const told = await findings.readings([row.id, other.id, `log_${'0'.repeat(32)}`, 'no id']);
    assert.equal(told.length, 1);
    const {
      entryId,
      energies: registers,
      verdict,
      assurance,
      logHash,
      startsMs,
      endsMs,
    } = told[0]!;
    assert.deepEqual(
      { entryId, registers, verdict, assurance, length: endsMs - startsMs },
      {
        entryId: row.id,
        registers: energies,
        verdict: 'accepted',
        assurance: 'device-signature',
        length: QUARTER_MS,
      },
    );
    assert.deepEqual(Buffer.from(logHash), Buffer.from(row.logHash));
  });

  it('tells the history of a register: what holds its interval and was measured, oldest first', async () => {
    const { findings } = await scene.store();
    const fingerprint = meterFingerprint();
    const rows = quarterHours(6, { reading: { fingerprint } });
    const [, estimated, replaced, unsigned] = rows as [IngestRow, IngestRow, IngestRow, IngestRow];
    const { startsMs: firstMs } = rows[0]!.reading!;
    const energies = [{ register: 'generation', energyUWh: 7n }];
    const better = quarterHours(3, {
      reading: { fingerprint, energies, supersedes: replaced.logHash },
    })[2]!;
    rows[1] = { ...estimated, reading: { ...estimated.reading!, estimated: true } };
    rows[3] = {
      ...unsigned,
      assurance: 'unsigned',
      reading: { ...unsigned.reading!, occupies: false },
    };
    await scene.commit(...rows.toReversed());
    await scene.commit(better);
    const window = { fingerprint, register: 'generation', fromMs: firstMs };
    const [all, some, none] = await findings.history([
      { ...window, untilMs: firstMs + 6 * QUARTER_MS },
      { ...window, fromMs: firstMs + 1, untilMs: firstMs + 4 * QUARTER_MS + 1 },
      { ...window, register: 'import', untilMs: firstMs + 6 * QUARTER_MS },
    ]);
    const quarter = (i: number, energyUWh = 250_000_000n) => ({
      startsMs: firstMs + i * QUARTER_MS,
      endsMs: firstMs + (i + 1) * QUARTER_MS,
      energyUWh,
    });
    assert.deepEqual(all, [quarter(0), quarter(2, 7n), quarter(4), quarter(5)]);
    assert.deepEqual(some, [quarter(2, 7n), quarter(4)]);
    assert.deepEqual(none, []);
    assert.deepEqual(await findings.history([]), []);
  });

  it('flags an accepted reading once, with a receipt, an event and what the log says of it', async () => {
    const { findings, entries } = await scene.store();
    const [row] = quarterHours(1) as [IngestRow];
    const first = await scene.commitOne(row);
    const found = [findingIn(row), findingIn(row, { detector: 'another' })];
    await findings.keep(found, [flagOf(row)], say);
    const flagged = await entries.get(row.id);
    assert.deepEqual([flagged?.verdict, flagged?.reason], ['flagged', 'odd']);
    const receipt = await entries.receipt(row.id);
    assert.deepEqual([receipt?.verdict, receipt?.ruleSet], ['flagged', RULES]);
    assert.notDeepEqual(receipt, first.receipt);
    const kept = await findings.of(row.id);
    assert.deepEqual(
      kept.map(({ detector, hash, action }) => [detector, hash, action]),
      [
        ['another', found[1]!.hash, 'flag'],
        ['test', found[0]!.hash, 'flag'],
      ],
    );
    assert.deepEqual(Buffer.from(kept[0]!.document), Buffer.from(found[1]!.document));
    for (const { statedBy } of kept) assert.equal((await entries.get(statedBy))?.type, 'finding');
    await findings.keep(found, [flagOf(row)], (fresh) => {
      assert.deepEqual(fresh, []);
      return say(fresh);
    });
    assert.deepEqual(await entries.receipt(row.id), receipt);
    // The same bytes again are a duplicate of a flagged reading, and answered with its newest receipt.
    const again = await scene.commitOne(sentAgain(row));
    assert.equal(again.outcome.kind, 'duplicate');
    assert.deepEqual(again.receipt, receipt);
  });

  it('forgets with a reading what was found in it, and in later ones of its meter', async () => {
    const { findings, erasures } = await scene.store();
    const meterId = `findings-${unique()}`;
    const [before, erased, after] = quarterHours(3, { reading: { meterId } }) as [
      IngestRow,
      IngestRow,
      IngestRow,
    ];
    const [other] = quarterHours(1) as [IngestRow];
    const rows = [before, erased, after, other];
    await scene.commit(...rows);
    await findings.keep(
      rows.map((row) => findingIn(row)),
      [],
      say,
    );
    const keyOf = (hash: Uint8Array): Uint8Array => hash.toReversed();
    await erasures.erase([erased.id], 1_760_000_000_000, keyOf, () => say([]));
    const left = await Promise.all(rows.map(async ({ id }) => (await findings.of(id)).length));
    assert.deepEqual(left, [1, 0, 0, 1]);
  });

  it('keeps why a reading is held without judging it, and nothing when the log cannot say it', async () => {
    const { findings, entries } = await scene.store();
    const [held, other] = quarterHours(2) as [IngestRow, IngestRow];
    const quarantined = {
      ...held,
      verdict: 'quarantined',
      reason: 'odd',
      reading: { ...held.reading!, occupies: false },
    } as const;
    await scene.commit(quarantined, other);
    await findings.keep([findingIn(held, { action: 'quarantine' })], [flagOf(held)], say);
    assert.equal((await entries.get(held.id))?.verdict, 'quarantined');
    assert.equal((await findings.of(held.id)).length, 1);
    const failing = (fresh: readonly Finding[]): Journaled => ({
      ...say(fresh),
      issue: () => Promise.reject(new Error('no key')),
    });
    await assert.rejects(findings.keep([findingIn(other)], [flagOf(other)], failing), /no key/);
    assert.equal((await entries.get(other.id))?.verdict, 'accepted');
    assert.deepEqual(await findings.of(other.id), []);
    assert.deepEqual(await findings.of('no id'), []);
  });
}
