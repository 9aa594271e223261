import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { describeStore } from '../../src/testing/describe-store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

const clock = new FakeClock();

describeStore({
  name: 'memory',
  open: async () => openMemoryStore({ clock }),
  elapse: (ms) => clock.advance(ms),
});
