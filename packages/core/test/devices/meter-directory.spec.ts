import { describe, expect, it } from '@jest/globals';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { MeterDirectory } from '../../src/devices/meter-directory.js';
import type { MeterStore, StoredMeter } from '../../src/devices/meter.store.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { TestClock } from '../ingestion/ingestion-fixture.js';
import { TestKey } from '../ingestion/test-devices.js';

const shared = new TestKey('shared');

function meter(meterId: string, keys: readonly TestKey[]): StoredMeter {
  return {
    meterId,
    accountId: 'account',
    fingerprint: Buffer.from(meterId.padEnd(32, '.')),
    state: 'active',
    keys: keys.map(({ keyId, spki }) => ({
      keyId,
      alg: 'Ed25519',
      publicKey: spki,
      epoch: 1,
      validFromMs: 0,
    })),
    registeredAtMs: 0,
  };
}

/** A directory over a store that counts its questions. */
async function open(meters: readonly StoredMeter[]) {
  const clock = new TestClock(0);
  const { meters: stored } = openMemoryStore({ clock });
  for (const one of meters) await stored.register(one, unjournaled);
  const questions: Parameters<MeterStore['find']>[0][] = [];
  const store: MeterStore = Object.assign(Object.create(stored) as MeterStore, {
    find(wanted: Parameters<MeterStore['find']>[0]) {
      questions.push(wanted);
      return stored.find(wanted);
    },
  });
  const directory = new MeterDirectory({ store, clock, maxStaleMs: 200, entries: 10_000 });
  await directory.refresh();
  return { directory, questions };
}

describe('The meter directory', () => {
  it('asks one question for all meters and keys of a message, and none for what it remembers', async () => {
    const ids = Array.from({ length: 1000 }, (_, i) => `meter-${i}`);
    const { directory, questions } = await open(ids.map((id) => meter(id, [])));
    await directory.load(ids, ['0123456789abcdef']);
    expect(questions).toHaveLength(1);
    await directory.load(ids, ['0123456789abcdef']);
    expect(questions).toHaveLength(1);
    expect(ids.every((id) => directory.peekMeter(id)?.meterId === id)).toBe(true);
  });

  it('finds every meter of a key, knows who is nobody, and says nothing of what it was not asked', async () => {
    const { directory } = await open([meter('a', [shared]), meter('b', [shared]), meter('c', [])]);
    await directory.load(['a', 'x'], [shared.keyId, '0123456789abcdef']);
    expect(directory.peekKey(shared.keyId)?.map(({ meterId }) => meterId)).toEqual(['a', 'b']);
    expect(directory.peekKey('0123456789abcdef')).toEqual([]);
    expect(directory.peekMeter('a')?.meterId).toBe('a');
    expect(directory.peekMeter('x')).toBeNull();
    expect(directory.peekMeter('b')).toBeUndefined();
  });

  it('never asks for an id with U+0000, which would fail the question for all of them', async () => {
    const { directory, questions } = await open([meter('a', [])]);
    await directory.load(['a', 'b\u0000'], []);
    expect(questions).toEqual([{ meterIds: ['a'], keyIds: [] }]);
    expect(directory.peekMeter('b\u0000') ?? undefined).toBeUndefined();
  });
});
