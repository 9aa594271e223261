import assert from 'node:assert/strict';
import type { Equivocation } from '../../ingestion/equivocation.js';
import type { IngestRow } from '../../ingestion/ingest.store.js';
import type { Journaled } from '../../logs/journal.js';
import { unjournaled } from '../unjournaled.js';
import { MeteredHouse } from './metered-house.js';
import { QUARTER_MS, sampleEntry, sampleReading, unique } from './sample-rows.js';
import type { StoreScene, Test } from './store-scene.js';

export function equivocationTests(scene: StoreScene, it: Test): void {
  const started = async (): Promise<MeteredHouse> => {
    const house = new MeteredHouse(scene, await scene.store());
    await house.register();
    return house;
  };
  /** The reading of a quarter hour, and another of a later one under the same number. */
  const twice = (house: MeteredHouse): readonly [IngestRow, IngestRow] => {
    const sequence = { device: `key-${unique()}`, epoch: 0, number: 1n };
    const [row] = house.readings(1);
    const reading = { ...row!.reading!, sequence };
    const startsMs = reading.startsMs + 8 * QUARTER_MS;
    const later = sampleReading({
      accountId: house.accountId,
      reading: { ...reading, startsMs, endsMs: startsMs + QUARTER_MS },
    });
    return [{ ...row!, reading }, later];
  };
  const commit = async (rows: readonly IngestRow[], told: Equivocation[] = []) =>
    (await scene.store()).ingest.commit(
      rows,
      (given) => scene.issue(given),
      undefined,
      (found): Journaled => {
        told.push(...found);
        const said = found.map(({ meter }) =>
          sampleEntry({ source: 'system', bytes: Buffer.from(`${meter.meterId} ${unique()}`) }),
        );
        const events = found.map(({ meter }) => ({
          type: 'meter.minting_suspended',
          atMs: 1,
          data: { meter: meter.meterId, account: meter.accountId },
        }));
        return { rows: said, issue: (given) => scene.issue(given), events };
      },
    );

  it('freezes what a meter measured whose device signed two readings under one number, and takes its readings still', async () => {
    const house = await started();
    const [first, second] = twice(house);
    await house.credit(first);
    const told: Equivocation[] = [];
    const [answer] = await commit([second], told);
    assert.ok(answer?.outcome.kind === 'stored' && answer.outcome.verdict === 'quarantined');
    assert.deepEqual(
      told.map(({ meter, entryId, rivalId }) => [meter.meterId, entryId, rivalId]),
      [[house.meterId, second.id, first.id]],
    );
    const meter = await house.store.meters.get(house.meterId);
    assert.deepEqual(meter?.mintingSuspended, {
      reason: 'sequence_equivocation',
      entryId: second.id,
      atMs: second.receivedAtMs,
    });
    assert.equal(meter?.state, 'active');
    const [refused] = await house.ask(house.claim('mint-1', 1n));
    assert.ok(refused?.kind === 'refused' && refused.lines[0]?.code === 'frozen');

    const more = house.readings(2)[1]!;
    await house.credit(more);
    assert.deepEqual(
      (await house.statements()).map(({ frozen, creditedUWh }) => [frozen, creditedUWh]),
      [
        [true, 250_000_000n],
        [true, 250_000_000n],
      ],
    );
    const { outbox } = house.store;
    const events = await outbox.read(`frozen ${unique()}`, ['meter.minting_suspended'], 10_000);
    assert.equal(events.filter(({ data }) => data['meter'] === house.meterId).length, 1);
  });

  it('says so once, and lets an operator end it', async () => {
    const house = await started();
    const [first, second] = twice(house);
    await house.credit(first);
    const told: Equivocation[] = [];
    const third = { ...second.reading!, startsMs: 1, endsMs: 2 };
    await commit([second, sampleReading({ reading: third })], told);
    await commit([sampleReading({ reading: { ...third, startsMs: 5, endsMs: 6 } })], told);
    assert.equal(told.length, 1);
    const { meters } = house.store;
    await meters.setState(house.meterId, 'active', 'suspended', unjournaled);
    await meters.setState(house.meterId, 'suspended', 'active', unjournaled);
    assert.deepEqual((await house.statements())[0]?.frozen, true, 'approving it is not enough');
    const before = await meters.revision();
    assert.equal(await meters.resumeMinting(house.meterId, unjournaled), true);
    assert.ok((await meters.revision()) > before);
    assert.equal(await meters.resumeMinting(house.meterId, unjournaled), false);
    assert.equal((await meters.get(house.meterId))?.mintingSuspended, undefined);
    assert.deepEqual((await house.ask(house.claim('mint-1', 1n)))[0]?.kind, 'claimed');
  });

  it('suspends a meter that stays suspended when minting is resumed', async () => {
    const house = await started();
    const [first, second] = twice(house);
    await house.credit(first);
    await commit([second]);
    const { meters } = house.store;
    await meters.setState(house.meterId, 'active', 'suspended', unjournaled);
    await meters.resumeMinting(house.meterId, unjournaled);
    assert.equal((await house.statements())[0]?.frozen, true);
    await meters.setState(house.meterId, 'suspended', 'active', unjournaled);
    assert.equal((await house.statements())[0]?.frozen, false);
  });

  it('keeps neither the reading nor the suspension when the log cannot say so', async () => {
    const house = await started();
    const [first, second] = twice(house);
    await house.credit(first);
    const { ingest, meters, entries } = house.store;
    await assert.rejects(
      ingest.commit(
        [second],
        (given) => scene.issue(given),
        undefined,
        () => ({
          rows: [sampleEntry({ source: 'system', bytes: Buffer.from(`never ${unique()}`) })],
          issue: () => {
            throw new Error('the key is away');
          },
        }),
      ),
      /the key is away/,
    );
    assert.equal(await entries.get(second.id), undefined);
    assert.equal((await meters.get(house.meterId))?.mintingSuspended, undefined);
    assert.equal((await house.statements())[0]?.frozen, false);
  });

  it('promises nothing of a meter whose minting is suspended', async () => {
    const house = await started();
    await commit(twice(house));
    const startsMs = 1_900_000_000_000;
    const outcome = await house.store.energy.hold(
      {
        key: `hold ${unique()}`,
        meterId: house.meterId,
        class: 'energy',
        startsMs,
        endsMs: startsMs + QUARTER_MS,
        energyUWh: 1n,
      },
      1,
    );
    assert.ok(outcome.kind === 'refused' && outcome.code === 'frozen');
  });
}
