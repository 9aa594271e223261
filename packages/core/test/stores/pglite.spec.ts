import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../src/stores/mikro-orm/open-store.js';
import { describeStore } from '../../src/testing/describe-store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { silentLogger } from '../../src/testing/silent-logger.js';

const options = { logger: silentLogger, clock: new FakeClock() };
const folders: string[] = [];
let url = '';

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

describeStore({
  name: 'PGlite in a folder',
  open: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'wattproof-pglite-'));
    folders.push(folder);
    url = `embedded://${folder}`;
    return openStore(url, options);
  },
  reopen: async (store) => {
    await store.close();
    return openStore(url, options);
  },
});
