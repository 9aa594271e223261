import { expect, it } from '@jest/globals';
import { type ConfiguredPlugin, gatewayConfigSchema } from '@wattproof/core/plugins';
import { warningsFor } from '../../src/config/warnings.js';

const anchors = { local: { use: 'x' }, bitcoin: { use: 'x' } };
const plugins = [
  ['local', 'operator'],
  ['bitcoin', 'spv-pow'],
].map(
  ([instanceId, trust]) =>
    ({ entry: { instanceId }, plugin: { kind: 'anchor', capabilities: { trust } } }) as unknown,
) as readonly ConfiguredPlugin[];

it.each([
  [{}, true],
  [{ require: 'all' }, false],
  [{ of: ['bitcoin'] }, false],
  [{ require: { atLeast: 2 } }, false],
])('%j lets a batch count as anchored by the gateway alone: %j', (anchoring, warned) => {
  const config = gatewayConfigSchema.parse({
    profile: 'production',
    origin: 'warn.test/log',
    anchors,
    anchoring,
  });
  const told = warningsFor(config, plugins).filter((warning) => warning.startsWith('anchoring:'));
  expect(told).toEqual(warned ? [expect.stringContaining('by "local" alone')] : []);
});
