import { afterAll, describe, it } from '@jest/globals';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { StoreScene } from '../../src/testing/store-suite/store-scene.js';
import { compareWithPlainSums } from './ledger-pair.js';

const RUNS = process.env['WATTPROOF_NIGHTLY'] === undefined ? 150 : 5_000;

/** On a database: energy-crash.spec.ts, which has one open. */
describe('The energy ledger in memory', () => {
  const open = async () => openMemoryStore({ clock: new FakeClock() });
  const scene = new StoreScene({ name: 'memory', open });
  afterAll(() => scene.end());

  it('does what a ledger of plain sums would do, whatever happens in whatever order', () =>
    compareWithPlainSums(scene, RUNS));
});
