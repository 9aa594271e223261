import assert from 'node:assert/strict';
import type { KeyChange, KeyRecovery } from '../../devices/key.store.js';
import type { MeterKey, StoredMeter } from '../../devices/meter.store.js';
import type { IngestRow } from '../../ingestion/ingest.store.js';
import { unjournaled } from '../unjournaled.js';
import {
  meterFingerprint,
  QUARTER_MS,
  sampleEntry,
  sampleReading,
  sha256,
  text,
  unique,
} from './sample-rows.js';
import { plain, type StoreScene, type Test } from './store-scene.js';

const NOON_MS = 1_750_000_000_000;

function sampleKey(epoch: number): MeterKey {
  const publicKey = sha256(text(`key ${unique()}`));
  const keyId = Buffer.from(publicKey).toString('hex', 0, 8);
  return { keyId, alg: 'ES256', publicKey, epoch, validFromMs: NOON_MS };
}

/** A meter with one key. */
function meterWith(key: MeterKey): StoredMeter {
  return {
    meterId: `meter of ${key.keyId}`,
    accountId: 'account-1',
    fingerprint: meterFingerprint(),
    state: 'active',
    admitted: true,
    keys: [key],
    registeredAtMs: NOON_MS,
  };
}

export function keyTests(scene: StoreScene, it: Test): void {
  const said = () => {
    const rows = [sampleEntry({ source: 'system' })];
    const issue = (given: Parameters<StoreScene['issue']>[0]) => scene.issue(given);
    return { rows, issue };
  };
  const registered = async () => {
    const { meters } = await scene.store();
    const meter = meterWith(sampleKey(0));
    await meters.register(meter, unjournaled);
    return meter;
  };
  const revoke = async (meterId: string): Promise<KeyChange | undefined> =>
    (await scene.store()).keys.change(meterId, ({ meter }) => ({
      keys: meter.keys.map((key) => ({ ...key, revokedAtMs: NOON_MS })),
      said: said(),
    }));
  const recoveryOf = ({ meterId, accountId }: StoredMeter): KeyRecovery => {
    const { keyId, alg, publicKey } = sampleKey(1);
    return {
      id: `rec_${unique()}`,
      meterId,
      accountId,
      askedBy: 'owner-1',
      key: { keyId, alg, publicKey },
      epoch: 0,
      reason: 'lost at sea',
      askedAtMs: NOON_MS,
      expiresAtMs: NOON_MS + 1000,
      state: 'open',
    };
  };

  it('changes the keys of a meter with what the log says of it, or neither', async () => {
    const { keys, meters, entries } = await scene.store();
    const meter = await registered();
    const before = await meters.revision();
    const [old] = meter.keys as [MeterKey];
    const next = sampleKey(1);
    const told = said();
    const after = [{ ...old, validToMs: NOON_MS + 5 }, next];
    await keys.change(meter.meterId, (found) => {
      assert.deepEqual(plain(found.meter), plain(meter));
      return { keys: after, said: told };
    });
    assert.deepEqual(plain((await meters.get(meter.meterId))?.keys), plain(after));
    assert.equal((await entries.get(told.rows[0]!.id))?.source, 'system');
    assert.ok((await meters.revision()) > before, 'caches are told');
    const ids = [next.keyId];
    assert.equal((await meters.find({ meterIds: [], keyIds: ids })).length, 1);

    const broken = { ...said(), issue: () => Promise.reject(new Error('no signer')) };
    const refusal = new Error('not this one');
    for (const [decide, error] of [
      [() => ({ keys: [], said: broken }), /no signer/],
      [
        () => {
          throw refusal;
        },
        /not this one/,
      ],
    ] as const)
      await assert.rejects(keys.change(meter.meterId, decide), error);
    assert.equal(await keys.change(meter.meterId, () => undefined), undefined);
    assert.equal(await keys.change('nobody', () => assert.fail('there is no meter')), undefined);
    assert.deepEqual(plain((await meters.get(meter.meterId))?.keys), plain(after));
  });

  it('keeps whose word a key was stated on, and when it was proven', async () => {
    const { keys, meters } = await scene.store();
    const meter = meterWith({ ...sampleKey(0), statedBy: 'operator-1' });
    await meters.register(meter, unjournaled);
    assert.deepEqual(plain((await meters.get(meter.meterId))?.keys), plain(meter.keys));
    const proven = meter.keys.map((key) => ({ ...key, provenAtMs: NOON_MS }));
    await keys.change(meter.meterId, () => ({ keys: proven, said: said() }));
    assert.deepEqual(plain((await meters.get(meter.meterId))?.keys), plain(proven));
  });

  it('decides one change of a meter after the other', async () => {
    const { keys, meters } = await scene.store();
    const meter = await registered();
    await Promise.all(
      Array.from({ length: 8 }, () =>
        keys.change(meter.meterId, (found) => ({
          keys: [...found.meter.keys, sampleKey(found.meter.keys.length)],
          said: said(),
        })),
      ),
    );
    const epochs = (await meters.get(meter.meterId))?.keys.map(({ epoch }) => epoch);
    assert.deepEqual(epochs, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('accepts nothing under a key that was revoked since it was looked up, and other keys as before', async () => {
    const meter = await registered();
    const other = await registered();
    const signed = ({ meterId, fingerprint, keys }: StoredMeter): IngestRow =>
      sampleReading({
        speaker: { meterId, publicKey: keys[0]!.publicKey },
        reading: { fingerprint, meterId },
      });
    await revoke(meter.meterId);
    const late = signed(meter);
    const [refused, fine] = await scene.commit(late, signed(other));
    assert.ok(refused?.outcome.kind === 'refused' && refused.outcome.code === 'key_revoked');
    assert.equal(fine?.outcome.kind, 'stored');
    assert.equal(await (await scene.store()).entries.get(late.id), undefined);
    // The same key speaks for a meter that did not revoke it.
    const shared = { ...signed(other), speaker: { ...late.speaker!, meterId: other.meterId } };
    const [again] = await scene.commit({
      ...shared,
      reading: {
        ...shared.reading!,
        startsMs: NOON_MS + QUARTER_MS,
        endsMs: NOON_MS + 2 * QUARTER_MS,
      },
    });
    assert.equal(again?.outcome.kind, 'stored');
  });

  it('commits no reading after the revocation of its key, however many are under way', async () => {
    const { entries } = await scene.store();
    const meter = await registered();
    const { meterId, fingerprint, keys } = meter;
    const speaker = { meterId, publicKey: keys[0]!.publicKey };
    const countAccepted = async () => (await entries.list({ meterId, limit: 1000 })).items.length;
    let next = 0;
    const refusals: string[] = [];
    const write = async (): Promise<void> => {
      for (let i = 0; i < 12; i += 1) {
        const startsMs = NOON_MS + (next += 1) * QUARTER_MS;
        const { outcome } = await scene.commitOne(
          sampleReading({
            speaker,
            reading: { fingerprint, meterId, startsMs, endsMs: startsMs + QUARTER_MS },
          }),
        );
        if (outcome.kind === 'refused') refusals.push(outcome.code);
      }
    };
    const writers = Array.from({ length: 6 }, write);
    await revoke(meterId);
    const standing = await countAccepted();
    await Promise.all(writers);
    assert.equal(await countAccepted(), standing);
    assert.ok(refusals.length > 0 && refusals.every((code) => code === 'key_revoked'));
    assert.equal(refusals.length + standing, 72);
  });

  it('keeps recoveries, one open a meter, newest first', async () => {
    const { keys } = await scene.store();
    const meter = await registered();
    const [first, second] = [recoveryOf(meter), recoveryOf(meter)];
    const write = (...recoveries: KeyRecovery[]) =>
      keys.change(meter.meterId, () => ({ recoveries, said: said() }));
    await write(first);
    const open = async () => {
      let found: KeyRecovery | undefined;
      await keys.change(meter.meterId, ({ recovery }) => {
        found = recovery;
        return undefined;
      });
      return found;
    };
    assert.deepEqual(plain(await open()), plain(first));
    const decided = { decidedBy: 'admin-1', decidedAtMs: NOON_MS + 1 };
    const withdrawn: KeyRecovery = { ...first, state: 'withdrawn', ...decided };
    await write(withdrawn, second);
    assert.deepEqual(plain(await open()), plain(second));
    const { meterId } = meter;
    const page = await keys.recoveries({ meterId, limit: 1 });
    assert.deepEqual(plain(page.items), plain([second]));
    assert.ok(page.cursor !== undefined);
    const rest = await keys.recoveries({ meterId, limit: 1, cursor: page.cursor });
    assert.deepEqual(plain(rest.items), plain([withdrawn]));
    assert.equal(rest.cursor, undefined);
    for (const [query, expected] of [
      [{ state: 'open' }, [second.id]],
      [{ state: 'approved' }, []],
      [{ accountId: 'somebody else' }, []],
    ] as const) {
      const { items } = await keys.recoveries({ meterId, limit: 9, ...query });
      assert.deepEqual(
        items.map(({ id }) => id),
        expected,
      );
    }
    await write({ ...second, state: 'approved', ...decided });
    assert.equal(await open(), undefined);
  });

  it('lists the numbers that never came between the lowest and the highest', async () => {
    const { keys } = await scene.store();
    const device = `key-${unique()}`;
    const none = await keys.sequenceGaps({ device, epoch: 0, limit: 10 });
    assert.deepEqual(none, { seen: 0n, items: [], more: false });
    const big = 2n ** 62n;
    const numbers = [9n, 3n, 4n, 7n, big, 5n];
    for (const number of numbers)
      await scene.commit(sampleReading({ reading: { sequence: { device, epoch: 0, number } } }));
    for (const other of [
      { device, epoch: 1, number: 6n },
      { device: `${device}-`, epoch: 0, number: 6n },
    ])
      await scene.commit(sampleReading({ reading: { sequence: other } }));
    const gaps = [
      { first: 6n, last: 6n },
      { first: 8n, last: 8n },
      { first: 10n, last: big - 1n },
    ];
    const bounds = { lowest: 3n, highest: big, seen: 6n };
    const all = await keys.sequenceGaps({ device, epoch: 0, limit: 3 });
    assert.deepEqual(all, { ...bounds, items: gaps, more: false });
    const page = await keys.sequenceGaps({ device, epoch: 0, limit: 1 });
    assert.deepEqual(page, { ...bounds, items: gaps.slice(0, 1), more: true });
    const behind = page.items[0]!.last;
    const rest = await keys.sequenceGaps({ device, epoch: 0, limit: 9, behind });
    assert.deepEqual(rest, { ...bounds, items: gaps.slice(1), more: false });
  });

  it('counts what is missing among the newest numbers of each key once, however many meters it speaks for', async () => {
    const { keys, meters } = await scene.store();
    const before = await keys.missing(3);
    const key = sampleKey(0);
    for (const meterId of ['a', 'b'].map((name) => `${name} ${unique()}`)) {
      const fingerprint = meterFingerprint(meterId);
      await meters.register({ ...meterWith(key), meterId, fingerprint }, unjournaled);
    }
    const device = Buffer.from(sha256(key.publicKey)).toString('hex');
    for (const number of [1n, 9n, 12n, 13n])
      await scene.commit(sampleReading({ reading: { sequence: { device, epoch: 0, number } } }));
    const after = await keys.missing(3);
    assert.deepEqual([after.keys - before.keys, after.numbers - before.numbers], [1, 2n]);
  });

  it('holds a number that comes later than its window, to the number, and takes it out of the gaps', async () => {
    const { keys } = await scene.store();
    const device = `key-${unique()}`;
    const numbered = (number: bigint, window: bigint | undefined = 100n): IngestRow =>
      sampleReading({
        reading: { sequence: { device, epoch: 0, number, ...(window ? { window } : {}) } },
      });
    const verdicts = async (...rows: IngestRow[]) =>
      (await scene.commit(...rows)).map(({ outcome }) =>
        outcome.kind === 'refused'
          ? outcome.code
          : 'verdict' in outcome
            ? (outcome.reason ?? outcome.verdict)
            : outcome.kind,
      );
    assert.deepEqual(await verdicts(numbered(500n)), ['accepted']);
    assert.deepEqual(await verdicts(numbered(400n), numbered(399n)), ['accepted', 'sequence_late']);
    // Within one group each number counts for those after it, and only for those.
    assert.deepEqual(
      await verdicts(numbered(450n), numbered(600n), numbered(499n), numbered(501n)),
      ['accepted', 'accepted', 'sequence_late', 'accepted'],
    );
    assert.deepEqual(
      await verdicts(numbered(1n, 0n)),
      ['accepted'],
      'without a window none is late',
    );
    assert.deepEqual(await verdicts(numbered(399n)), ['sequence_equivocation']);
    const { lowest, seen } = await keys.sequenceGaps({ device, epoch: 0, limit: 1 });
    assert.deepEqual([lowest, seen], [1n, 8n]);
  });
}
