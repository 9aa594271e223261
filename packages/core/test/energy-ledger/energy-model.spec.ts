import { describe, it } from '@jest/globals';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { StoreScene } from '../../src/testing/store-suite/store-scene.js';
import { compareWithPlainSums } from './ledger-pair.js';

const NIGHTLY = process.env['WATTPROOF_NIGHTLY'] !== undefined;
const RUNS = NIGHTLY ? 5_000 : 80;
/** Stories that share a store: what a store in memory does takes time with all that is in it. */
const AT_ONCE = 40;

/** On a database: energy-crash.spec.ts, which has one open. */
describe('The energy ledger in memory', () => {
  it('does what a ledger of plain sums would do, whatever happens in whatever order', async () => {
    const first = NIGHTLY ? Date.now() : 20_261_121;
    for (let run = 0; run < RUNS; run += AT_ONCE) {
      const open = async () => openMemoryStore({ clock: new FakeClock() });
      const scene = new StoreScene({ name: 'memory', open });
      await compareWithPlainSums(scene, AT_ONCE, first + run);
      await scene.end();
    }
  });
});
