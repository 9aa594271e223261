import assert from 'node:assert/strict';
import type { StoredMeter } from '../../devices/meter.store.js';
import { unjournaled } from '../unjournaled.js';
import { meterFingerprint, sampleEntry, sha256, text, unique } from './sample-rows.js';
import { plain, type StoreScene, type Test } from './store-scene.js';

function sampleMeter(choices: Partial<StoredMeter> = {}): StoredMeter {
  const seed = unique();
  return {
    meterId: `meter-${String(seed).padStart(8, '0')}`,
    deviceId: 'device-1',
    siteId: 'site-1',
    accountId: 'account-1',
    owner: 'Ada',
    fingerprint: meterFingerprint(`registered ${seed}`),
    state: 'pending',
    ratingW: 5_000,
    keys: [
      {
        keyId: `key-${seed}`,
        alg: 'Ed25519',
        publicKey: sha256(text(`key ${seed}`)),
        epoch: 1,
        validFromMs: 1_750_000_000_000,
      },
      {
        keyId: `old-${seed}`,
        alg: 'ES256',
        publicKey: sha256(text(`old key ${seed}`)),
        epoch: 0,
        validFromMs: 1_740_000_000_000,
        revokedAtMs: 1_750_000_000_000,
      },
    ],
    registeredAtMs: 1_750_000_000_000,
    ...choices,
  };
}

export function meterTests(scene: StoreScene, it: Test): void {
  it('gives back a registered meter with its keys', async () => {
    const { meters } = await scene.store();
    const meter = sampleMeter();
    assert.equal(await meters.register(meter, unjournaled), 'registered');
    assert.deepEqual(plain(await meters.get(meter.meterId)), plain(meter));
    const {
      deviceId: _,
      siteId: __,
      owner: ___,
      ratingW: ____,
      ...bare
    } = sampleMeter({ keys: [] });
    assert.equal(await meters.register(bare, unjournaled), 'registered');
    assert.deepEqual(plain(await meters.get(bare.meterId)), plain(bare));
    assert.equal(await meters.get('meter-unknown'), undefined);
  });

  it('finds meters by a key they have or had', async () => {
    const { meters } = await scene.store();
    const first = sampleMeter();
    const second = sampleMeter({ keys: first.keys });
    await meters.register(first, unjournaled);
    await meters.register(second, unjournaled);
    for (const key of first.keys) {
      const found = await meters.find({ meterIds: [], keyIds: [key.keyId] });
      assert.deepEqual(
        found.map(({ meterId }) => meterId).sort(),
        [first.meterId, second.meterId].sort(),
      );
      assert.ok(found.every(({ keys }) => keys.length === 2));
    }
    const both = { meterIds: [second.meterId, 'nobody'], keyIds: [first.keys[0]!.keyId, 'none'] };
    assert.deepEqual(
      (await meters.find(both)).map(({ meterId }) => meterId),
      [first.meterId, second.meterId].toSorted(),
    );
    assert.deepEqual(await meters.find({ meterIds: ['nobody'], keyIds: ['none'] }), []);
    assert.deepEqual(await meters.find({ meterIds: [], keyIds: [] }), []);
  });

  it('refuses a meter id and a fingerprint that are taken', async () => {
    const { meters } = await scene.store();
    const meter = sampleMeter();
    await meters.register(meter, unjournaled);
    const { meterId, fingerprint } = meter;
    assert.equal(await meters.register(sampleMeter({ meterId }), unjournaled), 'meter_taken');
    const claim = sampleMeter({ fingerprint });
    assert.equal(await meters.register(claim, unjournaled), 'meter_taken');
    assert.equal(await meters.get(claim.meterId), undefined);
    assert.deepEqual(plain(await meters.get(meterId)), plain(meter));
  });

  it('lets a meter be registered again after it was turned down', async () => {
    const { meters } = await scene.store();
    const squat = sampleMeter();
    const { meterId, fingerprint } = squat;
    await meters.register(squat, unjournaled);
    assert.ok(await meters.setState(meterId, squat.state, 'retired', unjournaled));
    const other = sampleMeter();
    await meters.register(other, unjournaled);
    const both = sampleMeter({ meterId, fingerprint: other.fingerprint });
    assert.equal(
      await meters.register(both, unjournaled),
      'meter_taken',
      'one that stands is in the way, too',
    );
    assert.equal((await meters.get(meterId))?.state, 'retired');
    const claims = [sampleMeter({ meterId }), sampleMeter({ fingerprint })];
    const [byId, byFingerprint] = await Promise.all(
      claims.map((meter) => meters.register(meter, unjournaled)),
    );
    assert.ok([byId, byFingerprint].includes('registered'));
    const winner = byId === 'registered' ? claims[0]! : claims[1]!;
    assert.deepEqual(plain(await meters.get(winner.meterId)), plain(winner));
    const keyIds = squat.keys.map(({ keyId }) => keyId);
    assert.deepEqual(await meters.find({ meterIds: [], keyIds }), [], 'its keys went with it');
  });

  it('registers one of many who claim a fingerprint at once', async () => {
    const { meters } = await scene.store();
    const fingerprint = meterFingerprint();
    const claims = Array.from({ length: 10 }, () => sampleMeter({ fingerprint }));
    const answers = await Promise.all(claims.map((claim) => meters.register(claim, unjournaled)));
    assert.equal(answers.filter((answer) => answer === 'registered').length, 1);
    const known = await Promise.all(claims.map(({ meterId }) => meters.get(meterId)));
    assert.equal(known.filter((meter) => meter !== undefined).length, 1);
  });

  it('changes a state only from the state it is in, and counts the change', async () => {
    const { meters } = await scene.store();
    const meter = sampleMeter();
    const before = await meters.revision();
    await meters.register(meter, unjournaled);
    const registered = await meters.revision();
    assert.ok(registered > before);
    const moves = await Promise.all(
      Array.from({ length: 6 }, () =>
        meters.setState(meter.meterId, 'pending', 'active', unjournaled),
      ),
    );
    assert.equal(moves.filter(Boolean).length, 1);
    assert.equal((await meters.get(meter.meterId))?.state, 'active');
    const moved = await meters.revision();
    assert.ok(moved > registered);
    assert.equal(await meters.setState(meter.meterId, 'pending', 'retired', unjournaled), false);
    assert.equal(await meters.setState('meter-unknown', 'pending', 'active', unjournaled), false);
    assert.equal(await meters.revision(), moved, 'what changed nothing is not counted');
  });

  it('lists meters by state and owner, each once across pages', async () => {
    const { meters } = await scene.store();
    const accountId = `account-${unique()}`;
    const mine = Array.from({ length: 7 }, (_, i) =>
      sampleMeter({ accountId, state: i < 4 ? 'pending' : 'active' }),
    );
    for (const meter of mine) await meters.register(meter, unjournaled);
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await meters.list({
        accountId,
        limit: 3,
        ...(cursor === undefined ? {} : { cursor }),
      });
      found.push(...page.items.map(({ meterId }) => meterId));
      assert.ok(page.items.every(({ keys }) => keys.length === 2));
      cursor = page.cursor;
    } while (cursor !== undefined && found.length < 100);
    assert.deepEqual(found, mine.map(({ meterId }) => meterId).sort());
    const active = await meters.list({ accountId, state: 'active', limit: 10 });
    assert.equal(active.items.length, 3);
  });

  it('writes what the log says of a change with the change, and only when it happens', async () => {
    const { meters, entries } = await scene.store();
    const said = () => {
      const rows = [sampleEntry({ source: 'system' })];
      return { rows, issue: (given: Parameters<StoreScene['issue']>[0]) => scene.issue(given) };
    };
    const meter = sampleMeter();
    const first = said();
    assert.equal(await meters.register(meter, first), 'registered');
    assert.equal((await entries.get(first.rows[0]!.id))?.source, 'system');
    const again = said();
    assert.equal(await meters.register(meter, again), 'meter_taken');
    assert.equal(await entries.get(again.rows[0]!.id), undefined);
    const moves = Array.from({ length: 4 }, said);
    await Promise.all(
      moves.map((move) => meters.setState(meter.meterId, 'pending', 'active', move)),
    );
    const written = await Promise.all(moves.map(({ rows }) => entries.get(rows[0]!.id)));
    assert.equal(written.filter((entry) => entry !== undefined).length, 1, 'one of them moved it');
    const broken = { ...said(), issue: () => Promise.reject(new Error('no signer')) };
    await assert.rejects(
      meters.setState(meter.meterId, 'active', 'suspended', broken),
      /no signer/,
    );
    assert.equal(
      (await meters.get(meter.meterId))?.state,
      'active',
      'nothing is done of which nothing is said',
    );
  });

  it('lists meter ids that may register, and takes them off again', async () => {
    const { meters } = await scene.store();
    const [a, b, c] = [1, 2, 3].map(() => `meter-${unique()}`) as [string, string, string];
    const by = { principal: 'operator', atMs: 1_750_000_000_000 };
    const listed = () => Promise.all([a, b, c].map((id) => meters.isAllowed(id)));
    assert.deepEqual(await listed(), [false, false, false]);
    assert.equal(await meters.setAllowed([b, a, b], true, by, unjournaled), 2);
    assert.equal(await meters.setAllowed([b, c], true, by, unjournaled), 1, 'b is listed already');
    assert.deepEqual(await listed(), [true, true, true]);
    assert.equal(await meters.setAllowed([a, `meter-${unique()}`], false, by, unjournaled), 1);
    assert.deepEqual(await listed(), [false, true, true]);
    const many = Array.from({ length: 40 }, () => `meter-${unique()}`);
    const storms = await Promise.all(
      [many, many.toReversed()].map((ids) => meters.setAllowed(ids, true, by, unjournaled)),
    );
    assert.equal(storms[0]! + storms[1]!, many.length, 'each is listed by one of them');
  });

  it('accepts a challenge exactly once, however many use it at once', async () => {
    const { meters } = await scene.store();
    const nonce = `nonce-${unique()}`;
    await meters.putChallenge(nonce, 300_000);
    const uses = await Promise.all(Array.from({ length: 16 }, () => meters.useChallenge(nonce)));
    assert.equal(uses.filter(Boolean).length, 1);
    await meters.putChallenge(nonce, 300_000);
    assert.equal(await meters.useChallenge(nonce), false, 'a used nonce stays used');
    assert.equal(await meters.useChallenge(`nonce-${unique()}`), false);
  });

  it('accepts no challenge that has expired by the clock of the store', async () => {
    const { meters } = await scene.store();
    const nonce = `nonce-${unique()}`;
    await meters.putChallenge(nonce, 5);
    await scene.storeTimePasses(10);
    assert.equal(await meters.useChallenge(nonce), false);
  });
}
