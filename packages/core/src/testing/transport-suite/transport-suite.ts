import { type TestRunner } from '../anchor-suite/test-runner.js';
import type { TransportSuiteOptions } from './suite-options.js';
import { TransportScene } from './transport-scene.js';

/** The options, and a test with an instance that is started before and stopped after it. */
export interface TransportSuite {
  readonly options: TransportSuiteOptions;
  readonly it: TestRunner['it'];
  /** With an instance that has been started. */
  with(name: string, body: (scene: TransportScene) => Promise<void>): void;
}

export function transportSuite(options: TransportSuiteOptions, { it }: TestRunner): TransportSuite {
  return {
    options,
    it,
    with: (name, body) =>
      it(name, async () => {
        const scene = await TransportScene.start(options);
        try {
          await body(scene);
        } finally {
          await scene.close();
        }
      }),
  };
}
