import { everywhere, TIMEOUT_MS } from './everywhere.js';
import { scaleOf } from './run-scale.js';
import type { SuiteContext } from './suite-context.js';
import { LEDGER_FAULTS, LedgerTrouble, StandStill } from './trouble.js';

const MOMENTS = ['before', 'after'] as const;

/** A ledger that fails at any call, and two processes that both believe to drive it. */
export function troubleTests<World>(suite: SuiteContext<World>): void {
  const { options, it } = suite;
  const { others } = scaleOf(options);

  it(
    'publishes each commitment at most once whichever answer of the ledger fails, is lost or comes late',
    () =>
      everywhere(
        suite,
        'ledger trouble',
        LEDGER_FAULTS,
        (at, fault, world) => new LedgerTrouble(at, fault, (down) => options.setDown(world, down)),
        others,
      ),
    TIMEOUT_MS,
  );

  it(
    'publishes each commitment at most once when a process goes on that has lost its lease',
    () =>
      everywhere(suite, 'lost lease', MOMENTS, (at, moment) => new StandStill(at, moment), others),
    TIMEOUT_MS,
  );
}
