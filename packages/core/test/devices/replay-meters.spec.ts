import { describe, expect, it } from '@jest/globals';
import type { MeterStore } from '../../src/devices/meter.store.js';
import { meterDifferences, replayMeters } from '../../src/devices/replay-meters.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { SqlMeters } from '../../src/stores/mikro-orm/meters.js';
import type { Store } from '../../src/stores/store.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { sayEquivocations } from '../../src/ingestion/equivocation.js';
import { sampleReading } from '../../src/testing/store-suite/sample-rows.js';
import { TestClock } from '../ingestion/ingestion-fixture.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { allMeters, auditDocuments, differences, live, meterServices } from './meter-flows.js';

const NOW = Date.UTC(2026, 10, 21, 12);
describe('The log of meters', () => {
  const nightly = process.env['WATTPROOF_NIGHTLY'] === '1';

  it.each([1, 2, 3, ...(nightly ? Array.from({ length: 12 }, (_, i) => i + 4) : [])])(
    'tells the whole table of meters, whatever was done to them (%i)',
    async (seed) => {
      const clock = new TestClock(NOW);
      const store = openMemoryStore({ clock });
      const done = await live(store, clock, nightly ? 1500 : 700, seed);
      expect(done).toBeGreaterThan(100);
      const meters = await allMeters(store.meters);
      expect(meters.some(({ formerOwners = [] }) => formerOwners.length > 0)).toBe(true);
      expect(await differences(store)).toEqual([]);
    },
  );

  it('gives away a meter that was added, let in or handed over without a word', async () => {
    const clock = new TestClock(NOW);
    const store = openMemoryStore({ clock });
    const { register, transfers, service } = meterServices(store, clock);
    for (const id of ['quiet-state', 'quiet-owner', 'quiet-registers']) await register(id, 'ada');
    const { meters } = store;
    await meters.setState('quiet-state', 'pending', 'active', unjournaled);
    await service.approve('quiet-owner', 'operator');
    const body = { to_account: 'bob' };
    const offer = await transfers.offer('quiet-owner', body, { actor: 'ada' });
    const acceptance = { transferId: offer.id, accountId: 'bob', atMs: NOW };
    await meters.acceptTransfer(acceptance, () => unjournaled);
    const to = [{ name: 'solar', direction: 'generation' }] as const;
    await meters.setRegisters('quiet-registers', { from: undefined, to }, unjournaled);
    await meters.register(new TestDevice('phantom').stored('active'), unjournaled);
    await register('quiet-key', 'ada');
    await store.keys.change('quiet-key', ({ meter }) => ({
      keys: meter.keys.map((key) => ({ ...key, revokedAtMs: NOW })),
      said: unjournaled,
    }));
    expect(await differences(store)).toEqual([
      { meterId: 'phantom', what: 'unsaid' },
      { meterId: 'quiet-key', what: ['keys'] },
      { meterId: 'quiet-owner', what: ['accountId', 'formerOwners'] },
      { meterId: 'quiet-registers', what: ['registers'] },
      { meterId: 'quiet-state', what: ['admitted', 'state'] },
    ]);
    expect(
      meterDifferences([], replayMeters(await auditDocuments(store.entries))).map(
        ({ what }) => what,
      ),
    ).toEqual(['lost', 'lost', 'lost', 'lost']);
  });
});

type Deed = (scene: ReturnType<typeof meterServices>, store: Store) => Promise<unknown>;

/** What changes meters, as people do it; `reads` changes no meter, and a nonce is none. */
const METHODS = {
  register: (scene) => scene.register('m', 'ada'),
  noteClaim: async (scene) => {
    await scene.register('m', 'ada');
    await expect(scene.register('m', 'bob')).rejects.toMatchObject({ code: 'meter_taken' });
  },
  setState: async (scene) => {
    await scene.register('m', 'ada');
    await scene.service.approve('m', 'operator');
    await scene.service.suspend('m', 'operator');
    await scene.service.resume('m', 'operator');
    await scene.service.retire('m', 'ada');
  },
  resumeMinting: async (scene, store) => {
    const { journal, minting } = scene;
    await scene.register('m', 'ada');
    const sequence = { device: 'key', epoch: 0, number: 1n };
    const reading = { meterId: 'm', sequence, occupies: false };
    const issue = journal.entries([]).issue;
    for (const startsMs of [1, 2])
      await store.ingest.commit(
        [sampleReading({ reading: { ...reading, startsMs, endsMs: startsMs } })],
        issue,
        undefined,
        sayEquivocations(journal, new TestClock(NOW)),
      );
    expect(await differences(store)).toEqual([]);
    await minting.resume('m', 'operator', 'the device was replaced');
  },
  setRegisters: async (scene) => {
    await scene.register('m', 'ada');
    await scene.service.setRegisters('m', [{ name: 'x', direction: 'storage' }], 'operator');
  },
  offerTransfer: async (scene) => offered(scene),
  withdrawTransfer: async (scene) => {
    await offered(scene);
    await scene.transfers.withdraw('m', { actor: 'ada', accountId: 'ada' });
  },
  acceptTransfer: async (scene) => {
    const { id: transfer_id } = await offered(scene);
    await scene.transfers.accept('m', { transfer_id }, { actor: 'bob', accountId: 'bob' });
  },
  setAllowed: (scene) => scene.service.setAllowed(['m'], true, 'operator'),
  holders: 'reads',
  get: 'reads',
  find: 'reads',
  list: 'reads',
  isAllowed: 'reads',
  revision: 'reads',
  transfer: 'reads',
  transfers: 'reads',
  gaps: 'reads',
  received: 'reads',
  settleOwners: 'reads',
  putChallenge: 'nonce',
  useChallenge: 'nonce',
} satisfies Record<keyof MeterStore, Deed | 'reads' | 'nonce'>;

async function offered(scene: ReturnType<typeof meterServices>) {
  await scene.register('m', 'ada');
  await scene.service.approve('m', 'operator');
  return scene.transfers.offer('m', { to_account: 'bob' }, { actor: 'ada', accountId: 'ada' });
}

const CHANGING = Object.entries<Deed | 'reads' | 'nonce'>(METHODS).flatMap(([name, deed]) =>
  typeof deed === 'string' ? [] : [[name as keyof MeterStore, deed] as const],
);

describe('Every way to change a meter', () => {
  it('is among those looked at here', () => {
    const methods = Object.getOwnPropertyNames(SqlMeters.prototype);
    expect(methods.filter((name) => name !== 'constructor').sort()).toEqual(
      Object.keys(METHODS).sort(),
    );
  });

  it.each(CHANGING)('%s is an entry of the log for each change', async (name, deed) => {
    const clock = new TestClock(NOW);
    const store = openMemoryStore({ clock });
    const calls: string[] = [];
    const watched = new Proxy(store.meters, {
      get(meters, method: keyof MeterStore) {
        return (...args: unknown[]) => {
          calls.push(method);
          return (meters[method] as (...given: unknown[]) => unknown).apply(meters, args);
        };
      },
    });
    await deed(meterServices(store, clock, watched), store);
    const changing = calls.filter((method) => CHANGING.some(([one]) => one === method));
    expect(changing).toContain(name);
    // A registration that was refused changed nothing; that it was refused is said by `noteClaim`.
    const refused = name === 'noteClaim' ? 1 : 0;
    // Minting is suspended by what was received.
    const received = name === 'resumeMinting' ? 1 : 0;
    expect(await auditDocuments(store.entries)).toHaveLength(changing.length - refused + received);
    expect(await differences(store)).toEqual([]);
  });

  it('stays whole when readings are erased: what it says of meters is nobody’s to erase', async () => {
    const clock = new TestClock(NOW);
    const store = openMemoryStore({ clock });
    const { register, service } = meterServices(store, clock);
    await register('kept', 'ada');
    await service.approve('kept', 'operator');
    const { items } = await store.entries.list({ source: 'system', limit: 100 });
    expect(items.length).toBeGreaterThan(2);
    const outcomes = await store.erasures.erase(
      items.map(({ id }) => id),
      NOW,
      (hash) => hash,
      () => unjournaled,
    );
    expect(new Set(outcomes.map((one) => (one.kind === 'refused' ? one.code : one.kind)))).toEqual(
      new Set(['entry_system']),
    );
    expect(await differences(store)).toEqual([]);
  });
});
