import { describe, expect, it } from '@jest/globals';
import type { IngestionAnswer } from '../../src/ingestion/ingestion.service.js';
import { device, HOUR, type KeyWorld, NOW, openKeys, owner, stored } from '../devices/key-scene.js';
import { TestDevice, TestKey } from './test-devices.js';

const QUARTER = 900_000;
const codes = (answer: IngestionAnswer): readonly string[] => {
  if (answer.kind !== 'items') throw new Error(`answered ${JSON.stringify(answer)}`);
  return answer.items.map(({ verdict, reason }) => reason ?? verdict);
};

/** The same meter under its old and its new key, the rotation done at NOW. */
async function rotated(keyOverlapMs: number, oldAlg: 'Ed25519' | 'ES256K' = 'Ed25519') {
  const before = device('meter-1', new TestKey('before', oldAlg));
  const after = new TestDevice('meter-1', new TestKey('after', 'ES256'));
  const world = await openKeys({ meters: [stored(before)], devices: { keyOverlapMs } });
  const rotate = async () =>
    world.keys.rotate('meter-1', await world.rotation('meter-1', before.key, after.key));
  return { ...world, before, after, rotate };
}

/** A reading of the quarter of an hour that starts at `startsMs`. */
const signed = (by: TestDevice, startsMs: number, more: object = {}) =>
  by.signed(by.reading(startsMs + QUARTER, more));
const send = async (world: KeyWorld, ...envelopes: object[]) => codes(await world.send(envelopes));

describe('A key that is rotated in the middle of a message', () => {
  it('speaks, to the millisecond, for readings that start within its time', async () => {
    const world = await rotated(HOUR);
    const { before, after, rotate, clock } = world;
    await rotate();
    clock.ms = NOW + 3 * HOUR;
    const [from, to] = [NOW - HOUR, NOW + HOUR];
    expect(
      await send(
        world,
        signed(before, from - QUARTER),
        signed(after, from - 1),
        signed(after, from + QUARTER),
        signed(before, to - 1),
        signed(before, to),
        signed(after, to + QUARTER),
      ),
    ).toEqual([
      'accepted',
      'key_not_yet_valid',
      'accepted',
      'accepted',
      'key_superseded',
      'accepted',
    ]);
  });

  it('hands over without a gap and without a doubt when there is no overlap', async () => {
    const world = await rotated(0, 'ES256K');
    const { before, after, rotate, clock } = world;
    await rotate();
    clock.ms = NOW + HOUR;
    expect(
      await send(
        world,
        signed(before, NOW - 1),
        signed(after, NOW - 1),
        signed(before, NOW + QUARTER),
        signed(after, NOW + QUARTER),
      ),
    ).toEqual(['accepted', 'key_not_yet_valid', 'key_superseded', 'accepted']);
  });

  it('gives each reading of a batch/1 its own verdict, under one signature', async () => {
    const world = await rotated(0);
    const { before, after, rotate, clock } = world;
    await rotate();
    clock.ms = NOW + HOUR;
    const starts = [NOW - 2 * QUARTER, NOW - QUARTER, NOW, NOW + QUARTER];
    const batch = (by: TestDevice) => by.batch(starts.map((ms) => by.reading(ms + QUARTER)));
    expect(codes(await world.send(batch(before)))).toEqual([
      'accepted',
      'accepted',
      'key_superseded',
      'key_superseded',
    ]);
    expect(codes(await world.send(batch(after)))).toEqual([
      'key_not_yet_valid',
      'key_not_yet_valid',
      'accepted',
      'accepted',
    ]);
  });

  it('begins a new epoch: equal sequence numbers of old and new key are no equivocation', async () => {
    const world = await rotated(HOUR);
    const { before, after, rotate, clock, keys, store } = world;
    await rotate();
    clock.ms = NOW + HOUR;
    const numbered = (by: TestDevice, startsMs: number, seq: number) =>
      signed(by, startsMs, { seq });
    expect(
      await send(
        world,
        numbered(before, NOW - 2 * QUARTER, 7),
        numbered(after, NOW - QUARTER, 7),
        numbered(after, NOW, 7),
        numbered(after, NOW + QUARTER, 9),
      ),
    ).toEqual(['accepted', 'accepted', 'sequence_equivocation', 'accepted']);
    const [old, next] = (await store.meters.get('meter-1'))!.keys;
    expect(await keys.gaps(old!, { limit: 9 })).toMatchObject({ lowest: 7n, items: [] });
    expect(await keys.gaps(next!, { limit: 9 })).toMatchObject({
      items: [{ first: 8n, last: 8n }],
    });
  });

  it('is accepted from both sides while a rotation runs beside it, and every reading once', async () => {
    const world = await rotated(HOUR);
    const { before, after, rotate } = world;
    const sent = Array.from({ length: 24 }, (_, i) =>
      send(world, signed(before, NOW - (i + 2) * QUARTER)),
    );
    const [answers] = await Promise.all([Promise.all(sent), rotate()]);
    expect(new Set(answers.flat())).toEqual(new Set(['accepted']));
    expect(await send(world, signed(after, NOW - QUARTER))).toEqual(['accepted']);
    expect(await world.counted()).toBe(25);
  });
});

describe('A key that is revoked in the middle of a message', () => {
  it('counts by the time a reading states and by the time it arrives', async () => {
    const one = device();
    const world = await openKeys({ meters: [stored(one)] });
    const early = signed(one, NOW - 2 * QUARTER);
    expect(await send(world, early)).toEqual(['accepted']);
    world.clock.ms += 1000;
    await world.keys.revoke('meter-1', one.key.keyId, 'stolen', owner);
    // Stated before and arrived after: whoever has the key can state what it likes.
    const late = await world.send([signed(one, NOW - QUARTER), signed(one, NOW - 4 * HOUR), early]);
    expect(codes(late)).toEqual(['key_revoked', 'key_revoked', 'key_revoked']);
    expect(late).toMatchObject({
      items: [1, 2, 3].map(() => ({
        detail: expect.stringContaining(`key ${one.key.keyId} was revoked`),
      })),
    });
    const batch = one.batch([one.reading(NOW - HOUR), one.reading(NOW - 2 * HOUR)]);
    expect(codes(await world.send(batch))).toEqual(['key_revoked', 'key_revoked']);
    expect(await world.counted()).toBe(1);
  });

  it('is refused in the transaction when the directory does not know yet', async () => {
    const one = device();
    const world = await openKeys({ meters: [stored(one)] });
    expect(await send(world, signed(one, NOW - 2 * QUARTER))).toEqual(['accepted']);
    // Another process revokes: this one's directory may be 200 ms behind.
    await world.store.keys.change('meter-1', ({ meter }) => ({
      keys: meter.keys.map((key) => ({ ...key, revokedAtMs: NOW })),
      said: { rows: [], issue: () => Promise.reject(new Error('nothing to issue')) },
    }));
    const answer = await world.send(signed(one, NOW - QUARTER));
    expect(codes(answer)).toEqual(['key_revoked']);
    expect(answer).toMatchObject({
      items: [
        { verdict: 'rejected', detail: expect.stringContaining('before the reading was written') },
      ],
    });
    world.clock.ms += 201;
    expect(await world.send(signed(one, NOW - QUARTER))).toMatchObject({
      items: [{ reason: 'key_revoked', detail: expect.stringContaining(one.key.keyId) }],
    });
  });

  it('leaves its successor and other meters alone', async () => {
    const world = await rotated(HOUR);
    const { before, after, rotate, keys } = world;
    await rotate();
    await keys.revoke('meter-1', before.key.keyId, 'old', owner);
    expect(await send(world, signed(before, NOW - QUARTER), signed(after, NOW - QUARTER))).toEqual([
      'key_revoked',
      'accepted',
    ]);
  });
});

describe('A sequence number', () => {
  it('that comes behind the window of its key is held, and what it filled is no gap any more', async () => {
    const one = device();
    const world = await openKeys({ meters: [stored(one)], devices: { sequenceWindow: 10 } });
    const at = (seq: number) => signed(one, NOW - (seq + 1) * QUARTER, { seq });
    expect(await send(world, at(100), at(90), at(89), at(95))).toEqual([
      'accepted',
      'accepted',
      'sequence_late',
      'accepted',
    ]);
    const [key] = stored(one).keys;
    expect(await world.keys.gaps(key!, { limit: 9 })).toEqual({
      lowest: 89n,
      highest: 100n,
      seen: 4n,
      items: [
        { first: 91n, last: 94n },
        { first: 96n, last: 99n },
      ],
      more: false,
    });
    const open = await openKeys({ meters: [stored(one)], devices: { sequenceWindow: 'none' } });
    expect(await send(open, at(100), at(1))).toEqual(['accepted', 'accepted']);
  });
});
