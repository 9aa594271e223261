import assert from 'node:assert/strict';
import { isPlugin, SPI_VERSION } from '../spi/index.js';
import { runnerOr } from './anchor-suite/test-runner.js';
import { badInputTests } from './transport-suite/bad-input-tests.js';
import { callerTests } from './transport-suite/caller-tests.js';
import { commandTests } from './transport-suite/command-tests.js';
import { deliveryTests } from './transport-suite/delivery-tests.js';
import { stopTests } from './transport-suite/stop-tests.js';
import type { TransportSuiteOptions } from './transport-suite/suite-options.js';
import { TransportScene } from './transport-suite/transport-scene.js';
import { transportSuite } from './transport-suite/transport-suite.js';

/**
 * Registers the tests every transport must pass, with any runner that has `describe` and `it`. What a transport
 * declares (`needs.callers`, `commands`) decides which tests there are; nothing can be opted out of.
 */
export function describeTransport(options: TransportSuiteOptions): void {
  const { plugin } = options;
  const runner = runnerOr(options.runner);
  const suite = transportSuite(options, runner);
  runner.describe(`transport conformance: ${plugin.name}`, () => {
    suite.it('is a transport of this SPI version', async () => {
      assert.ok(isPlugin(plugin), 'made by defineTransport');
      assert.equal(plugin.kind, 'transport');
      assert.equal(plugin.spi, SPI_VERSION);
      assert.ok(Object.isFrozen(plugin));
      assert.ok(plugin.capabilities.protocol.length > 0, 'capabilities.protocol names it');
      const scene = await TransportScene.create(options);
      const hasPort = scene.transport.commands !== undefined;
      await scene.close();
      if (!plugin.capabilities.commands)
        assert.equal(hasPort, false, 'a port for commands that capabilities do not name');
    });
    suite.it('refuses a key it does not know, and what else is wrong', async () => {
      const valid = await (typeof options.config === 'function'
        ? options.config()
        : options.config);
      for (const config of [{ ...valid, 'no-such-key': 1 }, ...(options.refusedConfigs ?? [])]) {
        const { issues } = await plugin.config['~standard'].validate(config);
        assert.ok(issues && issues.length > 0, `accepted ${JSON.stringify(config)}`);
      }
    });
    deliveryTests(suite);
    badInputTests(suite);
    callerTests(suite);
    commandTests(suite);
    stopTests(suite);
  });
}

export type {
  ReceivedCommand,
  SendOutcome,
  TransportClient,
  TransportDriver,
  TransportSuiteOptions,
} from './transport-suite/suite-options.js';
