import assert from 'node:assert/strict';
import { gapsBetween } from '../../devices/meter-gaps.js';
import { ownerAt } from '../../devices/meter-ownership.js';
import type { MeterTransfer } from '../../devices/meter-transfer.js';
import type { MeterStore, StoredMeter } from '../../devices/meter.store.js';
import type { Journaled } from '../../logs/journal.js';
import { unjournaled } from '../unjournaled.js';
import { NOON_MS } from './metered-house.js';
import { meterFingerprint, QUARTER_MS, sampleReading, unique } from './sample-rows.js';
import { plain, type StoreScene, type Test } from './store-scene.js';

const NOW = NOON_MS;
const silent = () => unjournaled;
/** Nothing can be said: whatever is tried must leave no trace. */
const unsayable: Journaled = {
  rows: [sampleReading()],
  issue: () => Promise.reject(new Error('no signer')),
};

function ownedMeter(choices: Partial<StoredMeter> = {}): StoredMeter {
  const seed = unique();
  return {
    meterId: `owned-${seed}`,
    accountId: `ada-${seed}`,
    fingerprint: meterFingerprint(`owned ${seed}`),
    state: 'active',
    admitted: true,
    keys: [],
    registeredAtMs: NOW,
    ...choices,
  };
}

function offerOf(meter: StoredMeter, choices: Partial<MeterTransfer> = {}): MeterTransfer {
  return {
    id: `transfer_${unique()}`,
    meterId: meter.meterId,
    fromAccount: meter.accountId,
    toAccount: `bob-${meter.meterId}`,
    state: 'offered',
    expiresAtMs: NOW + 1000,
    offeredAtMs: NOW,
    ...choices,
  };
}

async function register(meters: MeterStore, choices: Partial<StoredMeter> = {}) {
  const meter = ownedMeter(choices);
  assert.equal(await meters.register(meter, unjournaled), 'registered');
  return meter;
}

export function meterOwnerTests(scene: StoreScene, it: Test): void {
  it('gives back what a meter is: nameplate, registers, place and owners', async () => {
    const { meters } = await scene.store();
    const meter = await register(meters, {
      nameplate: { vendor: 'V', model: 'Mü', serial: '1' },
      registers: [
        { name: 'export', direction: 'generation' },
        { name: 'battery', direction: 'storage', credits: [] },
      ],
      location: { latitude: 45.5, longitude: -9.2 },
      owner: 'Carl',
      formerOwners: [
        { accountId: 'ada', owner: 'Ada', untilMs: 5 },
        { accountId: 'bob', untilMs: 9 },
      ],
    });
    assert.deepEqual(plain(await meters.get(meter.meterId)), plain(meter));
    assert.deepEqual(
      [4, 5, 8, 9].map((ms) => ownerAt(meter, ms).accountId),
      ['ada', 'bob', 'bob', meter.accountId],
    );
    const found = await meters.list({ everOwnedBy: 'bob', limit: 1000 });
    assert.ok(found.items.some(({ meterId }) => meterId === meter.meterId));
    const newest = await meters.list({ accountId: 'bob', limit: 1000 });
    assert.ok(newest.items.every(({ meterId }) => meterId !== meter.meterId));
    assert.deepEqual(
      (await meters.holders({ meterId: '?', fingerprint: meter.fingerprint })).length,
      1,
    );
  });

  it('keeps the id and the fingerprint of a meter that was let in, retired or not', async () => {
    const { meters } = await scene.store();
    const pending = await register(meters, { state: 'pending', admitted: false });
    const { meterId, fingerprint } = pending;
    await meters.setState(meterId, 'pending', 'active', unjournaled);
    assert.equal((await meters.get(meterId))?.admitted, true);
    await meters.setState(meterId, 'active', 'retired', unjournaled);
    const again = ownedMeter({ meterId });
    assert.equal(await meters.register(again, unjournaled), 'meter_taken');
    const other = ownedMeter({ fingerprint });
    assert.equal(await meters.register(other, unjournaled), 'meter_taken');
    assert.equal((await meters.holders(other))[0]?.meterId, meterId);
  });

  it('hands a meter over at one millisecond, and lists the offer for both', async () => {
    const { meters } = await scene.store();
    const meter = await register(meters, { owner: 'Ada' });
    const offer = offerOf(meter, { effectiveAtMs: NOW + 10 });
    assert.deepEqual(await meters.offerTransfer(offer, unjournaled), {
      kind: 'done',
      transfer: offer,
    });
    const before = await meters.revision();
    const acceptance = { transferId: offer.id, accountId: offer.toAccount, owner: 'Bob' };
    const done = await meters.acceptTransfer({ ...acceptance, atMs: NOW + 5 }, silent);
    const accepted = { ...offer, state: 'accepted', closedAtMs: NOW + 5 };
    assert.deepEqual(done, { kind: 'done', transfer: accepted });
    assert.ok((await meters.revision()) > before);
    const after = await meters.get(meter.meterId);
    assert.deepEqual(after?.formerOwners, [
      { accountId: meter.accountId, owner: 'Ada', untilMs: NOW + 10 },
    ]);
    assert.deepEqual(ownerAt(after, NOW + 9), after.formerOwners[0]);
    assert.equal(ownerAt(after, NOW + 10).accountId, offer.toAccount);
    assert.equal(after.owner, 'Bob');
    // Within the millisecond in which it became theirs it is not another's yet.
    const onward = offerOf(after, { offeredAtMs: NOW + 10, toAccount: `carl-${meter.meterId}` });
    await meters.offerTransfer(onward, unjournaled);
    const next = { transferId: onward.id, accountId: onward.toAccount, atMs: NOW + 10 };
    const handed = await meters.acceptTransfer(next, silent);
    assert.equal(handed.kind === 'done' && handed.transfer.effectiveAtMs, NOW + 11);
    const retire = (owner: string) =>
      meters.setState(meter.meterId, 'active', 'retired', unjournaled, owner);
    assert.deepEqual(
      [await retire(offer.toAccount), await retire(onward.toAccount)],
      [false, true],
    );
    for (const accountId of [offer.fromAccount, offer.toAccount]) {
      const { items } = await meters.transfers({ accountId, limit: 10 });
      assert.deepEqual(
        items.filter(({ id }) => id === offer.id),
        [accepted],
      );
    }
    assert.deepEqual(await meters.transfer(offer.id), accepted);
    assert.equal(await meters.transfer('transfer_unknown'), undefined);
  });

  it('has one open offer per meter, and an expired one makes room', async () => {
    const { meters } = await scene.store();
    const meter = await register(meters);
    const offers = Array.from({ length: 6 }, (_, i) =>
      offerOf(meter, { toAccount: `to-${i}-${meter.meterId}` }),
    );
    const answers = await Promise.all(
      offers.map((offer) => meters.offerTransfer(offer, unjournaled)),
    );
    assert.equal(answers.filter(({ kind }) => kind === 'done').length, 1);
    const late = offerOf(meter, { offeredAtMs: NOW + 1000, expiresAtMs: NOW + 2000 });
    assert.equal((await meters.offerTransfer(late, unjournaled)).kind, 'done');
    const { items } = await meters.transfers({ meterId: meter.meterId, limit: 10 });
    assert.deepEqual(
      items.map(({ state }) => state),
      ['offered', 'expired'],
    );
    const pages: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await meters.transfers({
        meterId: meter.meterId,
        limit: 1,
        ...(cursor === undefined ? {} : { cursor }),
      });
      pages.push(...page.items.map(({ id }) => id));
      cursor = page.cursor;
    } while (cursor !== undefined && pages.length < 10);
    assert.deepEqual(
      pages,
      items.map(({ id }) => id),
    );
  });

  it('accepts or withdraws an offer once, whoever is at it', async () => {
    const { meters } = await scene.store();
    const meter = await register(meters);
    const offer = offerOf(meter);
    await meters.offerTransfer(offer, unjournaled);
    const accept = () =>
      meters.acceptTransfer(
        { transferId: offer.id, accountId: offer.toAccount, atMs: NOW + 1 },
        silent,
      );
    const withdraw = () => meters.withdrawTransfer(offer.id, NOW + 1, unjournaled);
    const outcomes = await Promise.all([accept(), withdraw(), accept(), withdraw(), accept()]);
    const won = outcomes.filter((one) => one !== undefined && !('code' in one));
    assert.equal(won.length, 1);
    const { formerOwners = [] } = (await meters.get(meter.meterId))!;
    const { state } = (await meters.transfer(offer.id))!;
    assert.equal(formerOwners.length, state === 'accepted' ? 1 : 0);
  });

  it('does not hand over a meter that was suspended meanwhile, nor what is measured already', async () => {
    const { meters } = await scene.store();
    const meter = await register(meters);
    const { meterId, fingerprint, accountId } = meter;
    const offer = offerOf(meter, { effectiveAtMs: NOW + 10 });
    await meters.offerTransfer(offer, unjournaled);
    const acceptance = { transferId: offer.id, accountId: offer.toAccount, atMs: NOW };
    await meters.setState(meterId, 'active', 'suspended', unjournaled);
    const suspended = await meters.acceptTransfer(acceptance, silent);
    assert.equal(suspended.kind === 'refused' && suspended.code, 'meter_state_conflict');
    await meters.setState(meterId, 'suspended', 'active', unjournaled);
    const reading = { meterId, fingerprint, startsMs: NOW + 10, endsMs: NOW + 20 };
    await scene.commitOne(sampleReading({ accountId, reading }));
    const refused = await meters.acceptTransfer(acceptance, silent);
    assert.equal(refused.kind === 'refused' && refused.code, 'transfer_conflict');
    await meters.withdrawTransfer(offer.id, NOW, unjournaled);
    // Without a time of its own it is the first millisecond that is free.
    const open = offerOf(meter);
    await meters.offerTransfer(open, unjournaled);
    const done = await meters.acceptTransfer({ ...acceptance, transferId: open.id }, silent);
    assert.equal(done.kind === 'done' && done.transfer.effectiveAtMs, NOW + 11);
  });

  it('changes nothing of which nothing can be said', async () => {
    const { meters } = await scene.store();
    const meter = await register(meters);
    const { meterId } = meter;
    const offer = offerOf(meter);
    await meters.offerTransfer(offer, unjournaled);
    const before = plain([await meters.get(meterId), await meters.transfer(offer.id)]);
    const to = [{ name: 'x', direction: 'storage' }] as const;
    const fresh = ownedMeter();
    const tries = [
      () => meters.register(fresh, unsayable),
      () => meters.noteClaim(unsayable),
      () => meters.setState(meterId, 'active', 'suspended', unsayable),
      () => meters.setRegisters(meterId, { from: undefined, to }, unsayable),
      () =>
        meters.acceptTransfer(
          { transferId: offer.id, accountId: offer.toAccount, atMs: NOW },
          () => unsayable,
        ),
      () => meters.withdrawTransfer(offer.id, NOW, unsayable),
      () => meters.setAllowed([fresh.meterId], true, { principal: 'o', atMs: NOW }, unsayable),
    ];
    for (const attempt of tries) await assert.rejects(attempt, /no signer/);
    await meters.withdrawTransfer(offer.id, NOW, unjournaled);
    await assert.rejects(meters.offerTransfer(offerOf(meter), unsayable), /no signer/);
    const withdrawn = { ...offer, state: 'withdrawn', closedAtMs: NOW };
    assert.deepEqual(plain([await meters.get(meterId), offer]), before, 'the meter is as it was');
    const { items } = await meters.transfers({ meterId, limit: 10 });
    assert.deepEqual(items, [withdrawn]);
    assert.equal(await meters.get(fresh.meterId), undefined);
    assert.equal(await meters.isAllowed(fresh.meterId), false);
  });

  it('changes registers that have no readings, and only from what they are', async () => {
    const { meters } = await scene.store();
    const meter = await register(meters);
    const { meterId, fingerprint } = meter;
    const solar = { name: 'generation', direction: 'generation' } as const;
    const change = (from: StoredMeter['registers'], to: NonNullable<StoredMeter['registers']>) =>
      meters.setRegisters(meterId, { from, to }, unjournaled);
    assert.equal(await change(undefined, [{ ...solar, credits: [] }]), 'changed');
    assert.equal(await change(undefined, [solar]), 'changed_meanwhile');
    assert.equal(await change([{ ...solar, credits: [] }], [solar]), 'changed');
    await scene.commitOne(sampleReading({ reading: { meterId, fingerprint } }));
    assert.equal(await change([solar], [{ ...solar, credits: ['energy'] }]), 'in_use');
    const more = [solar, { name: 'import', direction: 'consumption' } as const];
    assert.equal(await change([solar], more), 'changed');
    assert.deepEqual((await meters.get(meterId))?.registers, more);
  });

  it('finds the gaps between readings, of intervals and of points', async () => {
    const { meters } = await scene.store();
    const fingerprint = meterFingerprint();
    const other = meterFingerprint();
    const of = (starts: number, ends: number, register: string) => {
      const energies = [{ register, energyUWh: 1n }];
      return [fingerprint, other].map((own) =>
        sampleReading({
          reading: { fingerprint: own, startsMs: starts, endsMs: ends, energies },
        }),
      );
    };
    // Every fourth and every tenth are missing; some intervals end a second early, points are up to three late.
    const quarters = Array.from({ length: 60 }, (_, i) => i).filter((i) => i % 4 > 0 && i % 10 > 0);
    const intervals = quarters.map((i) => ({
      startsMs: NOW + i * QUARTER_MS,
      endsMs: NOW + (i + 1) * QUARTER_MS - (i % 5 === 0 ? 1000 : 0),
    }));
    const points = quarters.map((i) => {
      const at = NOW + i * QUARTER_MS + (i % 4) * 1000;
      return { startsMs: at, endsMs: at };
    });
    await scene.commit(
      ...intervals.flatMap(({ startsMs, endsMs }) => of(startsMs, endsMs, 'generation')),
      ...points.flatMap(({ startsMs, endsMs }) => of(startsMs, endsMs, 'import')),
    );
    const whole = { fromMs: NOW, toMs: NOW + 100 * QUARTER_MS, limit: 1000 };
    for (const [register, covered] of [
      ['generation', intervals],
      ['import', points],
    ] as const) {
      const query = { fingerprint, register, ...whole };
      const gaps = gapsBetween(covered);
      assert.ok(gaps.length > 10);
      assert.deepEqual(await meters.gaps(query), gaps);
      const behindMs = gaps[3]!.startsMs;
      assert.deepEqual(await meters.gaps({ ...query, behindMs, limit: 2 }), gaps.slice(4, 6));
      const toMs = covered[20]!.startsMs + 1;
      assert.deepEqual(await meters.gaps({ ...query, toMs }), gapsBetween(covered.slice(0, 21)));
    }
    assert.deepEqual(await meters.gaps({ fingerprint, register: 'none', ...whole }), []);
  });

  it('counts what was received by its newest verdict, of whom it is', async () => {
    const { meters } = await scene.store();
    const meterId = `counted-${unique()}`;
    const fingerprint = meterFingerprint();
    const rows = (['accepted', 'flagged', 'quarantined', 'accepted', 'flagged'] as const).map(
      (verdict, i) =>
        sampleReading({
          verdict,
          accountId: i < 3 ? 'ada' : 'bob',
          receivedAtMs: NOW + i,
          ...(verdict === 'accepted' ? {} : { reason: 'sample' }),
          reading: {
            meterId,
            fingerprint,
            startsMs: NOW + i * QUARTER_MS,
            endsMs: NOW + (i + 1) * QUARTER_MS,
          },
        }),
    );
    await scene.commit(...rows);
    const query = { meterId, fromMs: NOW, toMs: NOW + 4 * QUARTER_MS };
    assert.deepEqual(await meters.received(query), {
      lastReceivedAtMs: NOW + 4,
      lastEndsMs: NOW + 4 * QUARTER_MS,
      accepted: 2,
      flagged: 1,
      quarantined: 1,
    });
    // The quarantined one was released.
    const { reason: _, ...released } = rows[2]!;
    await scene.commitOne({ ...released, verdict: 'accepted' });
    assert.deepEqual(await meters.received({ ...query, accountId: 'ada' }), {
      lastReceivedAtMs: NOW + 2,
      lastEndsMs: NOW + 3 * QUARTER_MS,
      accepted: 2,
      flagged: 1,
      quarantined: 0,
    });
    assert.deepEqual(await meters.received({ ...query, meterId: 'counted-none' }), {
      accepted: 0,
      flagged: 0,
      quarantined: 0,
    });
  });

  it('credits a reading that was judged before its meter changed hands to whose it is', async () => {
    const store = await scene.store();
    const { meters, energy } = store;
    const meter = await register(meters);
    const { meterId, fingerprint, accountId } = meter;
    const offer = offerOf(meter, { effectiveAtMs: NOW + QUARTER_MS });
    await meters.offerTransfer(offer, unjournaled);
    const { toAccount } = offer;
    await meters.acceptTransfer({ transferId: offer.id, accountId: toAccount, atMs: NOW }, silent);
    // Both name the former owner, as whoever has not heard of the hand-over would.
    const rows = [0, 1].map((i) =>
      sampleReading({
        accountId,
        reading: {
          meterId,
          fingerprint,
          startsMs: NOW + i * QUARTER_MS,
          endsMs: NOW + (i + 1) * QUARTER_MS,
        },
      }),
    );
    // What credits nothing is settled, too.
    const point = {
      meterId,
      fingerprint,
      startsMs: NOW + 2 * QUARTER_MS,
      endsMs: NOW + 2 * QUARTER_MS,
    };
    const energies = [{ register: 'import', energyUWh: 1n }];
    const consumed = sampleReading({ accountId, reading: { ...point, energies } });
    const stranger = sampleReading({ accountId: 'x', reading: { ...point, occupies: false } });
    await scene.commit(...rows, consumed, stranger);
    await energy.credit(
      rows.map(({ id }) => ({ entryId: id })),
      () => ['energy'],
      () => unjournaled,
    );
    const { items } = await energy.statements({ meterId, limit: 10 });
    assert.deepEqual(
      items.map((one) => one.accountId),
      [accountId, toAccount],
    );
    for (const one of [accountId, toAccount]) {
      const own = await energy.statements({ meterId, accountId: one, limit: 1 });
      assert.deepEqual([own.items.map((item) => item.accountId), own.cursor], [[one], undefined]);
    }
    const entries = await Promise.all(rows.map(({ id }) => store.entries.get(id)));
    assert.deepEqual(
      entries.map((entry) => entry?.accountId),
      [accountId, toAccount],
    );
    assert.equal(await meters.settleOwners(NOW + 1), 0);
    assert.equal(await meters.settleOwners(NOW), 1);
    assert.equal(await meters.settleOwners(NOW), 0);
    assert.equal((await store.entries.get(consumed.id))?.accountId, toAccount);
    assert.equal((await store.entries.get(stranger.id))?.accountId, 'x');
    // Nor can the former owner promise what is the other's, or anybody what is half of each.
    await meters.setState(meterId, 'active', 'suspended', unjournaled);
    const hold = (startsMs: number, endsMs: number, owner: string) =>
      energy.hold(
        {
          key: `hold-${unique()}`,
          meterId,
          class: 'energy',
          startsMs,
          endsMs,
          energyUWh: 1n,
          accountId: owner,
        },
        1,
      );
    const later = NOW + QUARTER_MS;
    for (const [outcome, code] of [
      [await hold(later, later + 1, accountId), 'not_owner'],
      [await hold(later - 1, later + 1, toAccount), 'not_owner'],
      [await hold(later, later + 1, toAccount), 'frozen'],
    ] as const)
      assert.equal(outcome.kind === 'refused' && outcome.code, code);
  });
}
