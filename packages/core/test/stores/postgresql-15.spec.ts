import { openStore } from '../../src/stores/mikro-orm/open-store.js';
import { describeStore } from '../../src/testing/describe-store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startPostgres, type TestPostgres } from '../../src/testing/postgres/start-postgres.js';
import { silentLogger } from '../../src/testing/silent-logger.js';

const options = { logger: silentLogger, clock: new FakeClock() };
let server: TestPostgres;
let url = '';

// Runs after the suite's own, which closes the store.
afterAll(() => server.remove());

describeStore({
  name: 'PostgreSQL 15, the oldest that is supported',
  open: async () => {
    server = await startPostgres({ version: 15 });
    url = await server.createDatabase();
    return openStore(url, options);
  },
});
