import { attemptTests } from './anchor-suite/attempt-tests.js';
import { contractTests } from './anchor-suite/contract-tests.js';
import { engineTests } from './anchor-suite/engine-tests.js';
import { evidenceTests } from './anchor-suite/evidence-tests.js';
import { expiryTests } from './anchor-suite/expiry-tests.js';
import { exportTests } from './anchor-suite/export-tests.js';
import { feeTests } from './anchor-suite/fee-tests.js';
import { portTests } from './anchor-suite/port-tests.js';
import { reorgTests } from './anchor-suite/reorg-tests.js';
import { restoreTests } from './anchor-suite/restore-tests.js';
import { suiteContext } from './anchor-suite/suite-context.js';
import type { BuildEngine } from './anchor-suite/anchoring-run.js';
import type { AnchorSuiteOptions } from './anchor-suite/suite-options.js';
import { runnerOr } from './anchor-suite/test-runner.js';
import { troubleTests } from './anchor-suite/trouble-tests.js';

/**
 * Registers the tests every anchor must pass, with any runner that has `describe` and `it`. What an anchor
 * declares decides which tests there are; nothing can be opted out of. With WATTPROOF_NIGHTLY set, the runs
 * through the engine are cut at ten times as many places, under twenty courses of events, and counted.
 */
export function describeAnchor<World>(options: AnchorSuiteOptions<World>): void {
  describeAnchorUnder(undefined, options);
}

/** As `describeAnchor`, under another engine: shows that the kit sees a wrong one. */
export function describeAnchorUnder<World>(
  build: BuildEngine | undefined,
  options: AnchorSuiteOptions<World>,
): void {
  const runner = runnerOr(options.runner);
  const suite = suiteContext(options, runner, build);
  runner.describe(`anchor conformance: ${options.plugin.name}`, () => {
    contractTests(suite);
    attemptTests(suite);
    evidenceTests(suite);
    exportTests(suite);
    engineTests(suite);
    troubleTests(suite);
    feeTests(suite);
    expiryTests(suite);
    reorgTests(suite);
    restoreTests(suite);
    portTests(suite);
  });
}

export type { AnchorSuiteOptions } from './anchor-suite/suite-options.js';
