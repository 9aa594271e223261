import { describe, it } from 'node:test';
import { describeTransport } from '@wattproof/core/testing';
import plugin from '../src/index.js';
import { driver } from './tally.driver.js';

describeTransport({
  plugin,
  config: { port: 0, maxLineBytes: 8_192 },
  refusedConfigs: [{}, { port: 70_000 }, { port: 0, maxLineBytes: 1 }],
  oversizedBytes: 8_193,
  client: driver,
  runner: {
    describe: (name, body) => void describe(name, body),
    it: (name, body) => void it(name, body),
  },
});
