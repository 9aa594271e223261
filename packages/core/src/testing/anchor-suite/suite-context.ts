import { AnchoringEngine } from '../../anchoring/anchoring-engine.js';
import type { BuildEngine } from './anchoring-run.js';
import { suitePluginContext } from './commitments.js';
import type { Anchor } from '../../spi/index.js';
import type { AnchorSuiteOptions } from './suite-options.js';
import type { TestRunner } from './test-runner.js';

/** What every group of tests gets: the options, the runner, and a way to open and close one test's ledger. */
export interface SuiteContext<World> {
  readonly options: AnchorSuiteOptions<World>;
  readonly it: TestRunner['it'];
  /** The engine under which the anchor is driven; a wrong one shows that the kit sees it. */
  readonly build: BuildEngine;
  /** Runs a test with an instance of its own over a ledger of its own. */
  withAnchor(body: (anchor: Anchor, world: World) => Promise<void>): () => Promise<void>;
}

export function suiteContext<World>(
  options: AnchorSuiteOptions<World>,
  runner: TestRunner,
  build: BuildEngine = (given) => new AnchoringEngine(given),
): SuiteContext<World> {
  return {
    options,
    it: runner.it,
    build,
    withAnchor: (body) => async () => {
      const world = await options.open();
      try {
        const anchor = options.create(world, suitePluginContext());
        try {
          await body(anchor, world);
        } finally {
          await anchor.close();
        }
      } finally {
        await options.close?.(world);
      }
    },
  };
}
