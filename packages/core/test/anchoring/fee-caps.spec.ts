import fc from 'fast-check';
import type { Attempt } from '../../src/spi/index.js';
import { FakeLedger } from '../../src/testing/fake-ledger/index.js';
import { toHex } from '../../src/verify/bytes.js';
import { suiteCommitment } from '../../src/testing/anchor-suite/commitments.js';
import { ANCHOR, EngineWorld } from './engine-world.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const RUNS = process.env['WATTPROOF_NIGHTLY'] === '1' ? 2_000 : 20;

/** What can happen to a wallet in an hour. */
const event = fc.oneof(
  { weight: 4, arbitrary: fc.constant('enqueue' as const) },
  { weight: 4, arbitrary: fc.constant('mine' as const) },
  fc.constant('evict' as const),
  fc.constant('reorg' as const),
  fc.constant('bump' as const),
  fc.constant('lost reply' as const),
  fc.constant('six hours' as const),
  fc.record({ keepsFirst: fc.boolean() }),
  fc.record({ floor: fc.integer({ min: 0, max: 400 }) }),
);

const able = ({ state }: Attempt): boolean => state !== 'expired' && state !== 'replaced';

/** The dearest that each conflict key can have cost, a child with its parent: of those on one key the ledger takes one. */
function worst(attempts: readonly Attempt[]): bigint {
  const dearest = (among: readonly Attempt[], below: (one: Attempt) => bigint): bigint =>
    [...new Set(among.map(({ conflictKey }) => conflictKey))]
      .map((key) => among.filter(({ conflictKey }) => conflictKey === key))
      .map((one) => one.map((attempt) => attempt.fee.amount + below(attempt)))
      .map((costs) => costs.reduce((most, cost) => (cost > most ? cost : most), 0n))
      .reduce((sum, cost) => sum + cost, 0n);
  const live = attempts.filter(able);
  const known = new Set(live.map(({ txId }) => txId));
  return dearest(
    live.filter(({ childOf = '' }) => !known.has(childOf)),
    ({ txId }) =>
      dearest(
        live.filter(({ childOf }) => childOf === txId),
        () => 0n,
      ),
  );
}

describe('the caps of a policy', () => {
  it.each([[['replace']], [['child']], [['replace', 'child']]] as const)(
    'are exceeded by no history of intents, fees, blocks and reorganisations, made dearer by %s',
    async (bump) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(event, { minLength: 10, maxLength: 40 }),
          fc.integer({ min: 90, max: 400 }),
          fc.integer({ min: 90, max: 900 }),
          fc.boolean(),
          async (events, maxFeePerIntent, maxFeePerDay, coalesce) => {
            const ledger = new FakeLedger({ exclusion: 'ledger' });
            const policy = { maxFeePerIntent, maxFeePerDay, coalesce, bumpEveryMs: HOUR_MS };
            const world = new EngineWorld({ ledger, bump, policy });
            const { signal } = new AbortController();
            let size = 0;
            for (const happens of events) {
              if (happens === 'enqueue') await world.enqueue((size += 1));
              else if (happens === 'mine') ledger.mine();
              else if (happens === 'evict') ledger.evictAll();
              else if (happens === 'reorg') ledger.reorg(1, { forget: true });
              else if (happens === 'bump') await world.engine.bump(ANCHOR, signal);
              else if (happens === 'lost reply') ledger.failNext('submit', 'lost-reply');
              else if (happens === 'six hours') world.clock.ms += 6 * HOUR_MS;
              else if ('keepsFirst' in happens) ledger.setKeepsFirst(happens.keepsFirst);
              else ledger.setFeeFloor(BigInt(happens.floor));
              await world.drive();
              world.clock.ms += HOUR_MS;
              const since = world.clock.ms - HOUR_MS - DAY_MS;
              const { anchors } = world.store;
              expect(worst(await anchors.attemptsSince(ANCHOR, since))).toBeLessThanOrEqual(
                BigInt(maxFeePerDay),
              );
              for (let of = 1; of <= size; of += 1) {
                const { attempts } = await world.intent(of);
                expect(worst(attempts)).toBeLessThanOrEqual(BigInt(maxFeePerIntent));
                const digest = toHex(suiteCommitment(of).digest);
                expect(ledger.confirmed(digest).length).toBeLessThanOrEqual(1);
              }
            }
          },
        ),
        { numRuns: RUNS, seed: 3 },
      );
    },
  );
});
