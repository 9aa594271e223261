import { attemptTests } from './anchor-suite/attempt-tests.js';
import { contractTests } from './anchor-suite/contract-tests.js';
import { engineTests } from './anchor-suite/engine-tests.js';
import { evidenceTests } from './anchor-suite/evidence-tests.js';
import { portTests } from './anchor-suite/port-tests.js';
import { suiteContext } from './anchor-suite/suite-context.js';
import type { AnchorSuiteOptions } from './anchor-suite/suite-options.js';
import { runnerOr } from './anchor-suite/test-runner.js';

/**
 * Registers the tests every anchor must pass, with any runner that has `describe` and `it`. What an anchor
 * declares decides which tests there are; nothing can be opted out of. With WATTPROOF_NIGHTLY set, the
 * process is cut at every call instead of at a sample.
 */
export function describeAnchor<World>(options: AnchorSuiteOptions<World>): void {
  const runner = runnerOr(options.runner);
  const suite = suiteContext(options, runner);
  runner.describe(`anchor conformance: ${options.plugin.name}`, () => {
    contractTests(suite);
    attemptTests(suite);
    evidenceTests(suite);
    engineTests(suite);
    portTests(suite);
  });
}

export type { AnchorSuiteOptions } from './anchor-suite/suite-options.js';
