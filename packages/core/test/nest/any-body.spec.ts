import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { ask } from './hosts.js';
import { SeedMeter } from './seed-meter.js';

const RUNS = process.env['WATTPROOF_NIGHTLY'] === '1' ? 3000 : 60;
const WALLET = 'GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB';

/** Members that a client, or somebody who is none, may write in place of good ones. */
const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    'null',
    '-0',
    '1e400',
    '5.0000001',
    '__proto__',
    '../..',
    '%00',
    '\u0000',
    '\ud800',
    '9'.repeat(200),
  ),
  fc.double(),
);

describe('Any body', () => {
  let gateway: TestGateway;
  const meter = new SeedMeter('SERIAL-1', WALLET);
  beforeAll(async () => {
    gateway = await startTestGateway({ parts: { plugins: [] } });
    const stored = meter.stored('active', { accountId: 'ada', owner: WALLET });
    await gateway.services.store.meters.register(stored, unjournaled);
  });
  afterAll(() => gateway.stop());

  const routes = () =>
    [
      ['/api/v1/meters/submit', meter.body(gateway.clock.nowMs())],
      [
        '/api/v1/admin/users',
        {
          display_name: 'Ada',
          role: 'owner',
          accounts: ['ada'],
          wallets: [{ chain: 'solana', address: WALLET }],
        },
      ],
      [
        '/api/v1/admin/api-keys',
        { account_id: 'ada', role: 'owner', scopes: ['read'], user_id: 'x', expires_at: 'x' },
      ],
    ] as const;

  it.each([0, 1, 2])(
    'is answered by route %i with a reason, and never by a failure of ours',
    async (at) => {
      const [path, good] = routes()[at]!;
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...Object.keys(good)), odd, async (name, value) => {
          const answer = await ask(gateway.url + path, {
            body: { ...good, [name]: value },
            key: gateway.adminKey,
          });
          expect([answer.status, answer.text]).toEqual([
            expect.any(Number),
            expect.not.stringContaining('internal'),
          ]);
          expect(answer.status).toBeLessThan(500);
          if (answer.status >= 400) expect(answer.json.code).toEqual(expect.any(String));
        }),
        { numRuns: RUNS },
      );
    },
  );
});
