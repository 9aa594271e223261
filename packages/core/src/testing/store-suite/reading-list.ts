import assert from 'node:assert/strict';
import { MeteredHouse, NOON_MS } from './metered-house.js';
import { QUARTER_MS, sampleReading } from './sample-rows.js';
import type { StoreScene, Test } from './store-scene.js';

export function readingListTests(scene: StoreScene, it: Test): void {
  const metered = async () => {
    const house = new MeteredHouse(scene, await scene.store());
    await house.register();
    return house;
  };

  it('lists readings beside what was made of their energy, each once across pages', async () => {
    const house = await metered();
    const rows = house.readings(4);
    const [first, second, third, held] = rows as [
      (typeof rows)[0],
      (typeof rows)[0],
      (typeof rows)[0],
      (typeof rows)[0],
    ];
    await house.credit(first, second, third, {
      ...held,
      verdict: 'quarantined',
      reason: 'meter_pending',
      reading: { ...held.reading!, occupies: false },
    });
    await house.ask(
      house.claim(`mint ${first.id}`, 250_000_000n),
      house.claim(`sale ${second.id}`, 250_000_000n, { purpose: 'sale' }, [1]),
      house.claim(`mint ${third.id}`, 100_000_000n, { purpose: 'token-with-origin' }, [2]),
    );
    const { readingList } = await scene.store();
    const { accountId, meterId } = house;
    assert.deepEqual(await readingList.get(third.id, [third.format]), {
      entryId: third.id,
      accountId,
      meterId,
      format: third.format,
      register: 'generation',
      energyUWh: 250_000_000n,
      endsMs: NOON_MS + 3 * QUARTER_MS,
      receivedAtMs: third.receivedAtMs,
      verdict: 'accepted',
      creditedUWh: 250_000_000n,
      claimedUWh: 100_000_000n,
      mintedUWh: 100_000_000n,
      mintKey: `mint ${third.id}`,
      bytes: (await readingList.get(third.id, [third.format]))?.bytes,
    });
    assert.deepEqual(
      Buffer.from((await readingList.get(third.id, [third.format]))!.bytes!),
      Buffer.from(third.bytes),
    );
    assert.equal((await readingList.get(third.id))?.bytes, undefined);
    assert.equal((await readingList.get(held.id))?.reason, 'meter_pending');
    assert.equal(await readingList.get('log_unknown'), undefined);
    const ids = async (more: object, order: 'newest' | 'oldest' = 'oldest') => {
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await readingList.list({
          accountId,
          order,
          limit: 1,
          ...more,
          ...(cursor === undefined ? {} : { cursor }),
        });
        found.push(...page.items.map(({ entryId }) => entryId));
        cursor = page.cursor;
      } while (cursor !== undefined && found.length < 100);
      return found;
    };
    const all = rows.map(({ id }) => id);
    assert.deepEqual(await ids({}), all);
    assert.deepEqual(await ids({}, 'newest'), all.toReversed());
    assert.deepEqual(await ids({ only: 'minted' }), [first.id, third.id]);
    assert.deepEqual(await ids({ only: 'unminted' }), [second.id, held.id]);
    assert.deepEqual(await ids({ only: 'mintable' }), [third.id]);
    assert.deepEqual(await ids({ meterId, fromMs: NOON_MS + 2 * QUARTER_MS }), all.slice(1));
    assert.deepEqual(await ids({ meterId, toMs: NOON_MS + 2 * QUARTER_MS }), [first.id]);
    assert.deepEqual(await ids({ meterId: 'another' }), []);
    const sorted = async (more: object) =>
      (await readingList.list({ accountId, order: 'newest', limit: 9, ...more })).items.map(
        ({ entryId }) => entryId,
      );
    assert.deepEqual(await sorted({ sortBy: 'ends', order: 'oldest' }), all);
    assert.deepEqual(await sorted({ sortBy: 'ends', skip: 1, limit: 2 }), [third.id, second.id]);
    assert.deepEqual(await sorted({ sortBy: 'energy', only: 'minted' }), [third.id, first.id]);
    assert.deepEqual(await sorted({ skip: 3 }), [first.id]);
    assert.deepEqual(await readingList.counts(accountId), {
      counted: 3,
      quarantined: 1,
      mintedUWh: 350_000_000n,
    });
    assert.deepEqual(await readingList.counts('nobody'), {
      counted: 0,
      quarantined: 0,
      mintedUWh: 0n,
    });
  });

  it('lists what was minted of an interval under the reading that counts there now', async () => {
    const house = await metered();
    const [row] = house.readings(1);
    await house.credit(row!);
    await house.ask(
      house.claim(`sale ${row!.id}`, 1n, { purpose: 'sale' }),
      house.claim(`mint ${row!.id}`, 100_000_000n),
      house.claim(`mint again ${row!.id}`, 1n),
    );
    const corrected = sampleReading({
      accountId: house.accountId,
      reading: {
        ...row!.reading!,
        energies: [{ register: 'generation', energyUWh: 200_000_000n }],
        supersedes: row!.logHash,
      },
    });
    const { readingList } = await scene.store();
    const { accountId } = house;
    const ids = async (only: 'minted' | 'unminted' | 'mintable') =>
      (await readingList.list({ accountId, only, order: 'oldest', limit: 9 })).items.map(
        ({ entryId }) => entryId,
      );
    assert.deepEqual(await ids('minted'), [row!.id]);
    await house.credit(corrected);
    assert.deepEqual(await ids('minted'), [corrected.id]);
    assert.deepEqual(await ids('unminted'), [row!.id]);
    assert.deepEqual(await ids('mintable'), [corrected.id]);
    await house.ask(house.claim(`rest ${row!.id}`, 99_999_998n, { purpose: 'sale' }));
    assert.deepEqual(await ids('mintable'), []);
  });

  it('offers nothing for minting while its meter is suspended', async () => {
    const house = await metered();
    const [row] = house.readings(1);
    await house.credit(row!);
    const { readingList, meters } = await scene.store();
    const { accountId, meterId } = house;
    const mintable = async () =>
      (await readingList.list({ accountId, only: 'mintable', order: 'oldest', limit: 9 })).items
        .length;
    assert.equal(await mintable(), 1);
    await meters.setState(meterId, 'active', 'suspended', house.say([]));
    assert.equal(await mintable(), 0);
  });

  it('finds the active meters of an owner by name and by account', async () => {
    const [named, other] = [await metered(), await metered()];
    const { readingList } = await scene.store();
    const found = (name: string, ...accountIds: string[]) =>
      readingList.activeMetersOf({ name, accountIds }, 2);
    assert.deepEqual(await found('nobody'), []);
    assert.deepEqual(await found('nobody', named.accountId), [named.meterId]);
    assert.deepEqual(
      await found('nobody', named.accountId, other.accountId),
      [named.meterId, other.meterId].sort(),
    );
  });
}
