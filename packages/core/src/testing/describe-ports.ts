import { contractTests } from './anchor-suite/contract-tests.js';
import { portTests } from './anchor-suite/port-tests.js';
import { suiteContext } from './anchor-suite/suite-context.js';
import type { AnchorSuiteOptions } from './anchor-suite/suite-options.js';
import { runnerOr } from './anchor-suite/test-runner.js';

/**
 * The part of `describeAnchor` that is about ports, for a plugin that adds them to an anchor for which `describeAnchor` runs
 * by itself.
 */
export function describePorts<World>(options: AnchorSuiteOptions<World>): void {
  const runner = runnerOr(options.runner);
  const suite = suiteContext(options, runner);
  runner.describe(`port conformance: ${options.plugin.name}`, () => {
    contractTests(suite);
    portTests(suite);
  });
}
