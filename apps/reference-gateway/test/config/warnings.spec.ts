import { expect, it } from '@jest/globals';
import { type ConfiguredPlugin, gatewayConfigSchema } from '@wattproof/core/plugins';
import { warningsFor } from '../../src/config/warnings.js';

const anchors = { local: { use: 'x' }, bitcoin: { use: 'x' } };
const plugins = [
  ['local', 'operator'],
  ['bitcoin', 'spv-pow'],
].map(
  ([instanceId, trust]) =>
    ({
      entry: { instanceId },
      plugin: {
        kind: 'anchor',
        capabilities: { trust, cost: trust === 'operator' ? 'free' : 'paid' },
      },
    }) as unknown,
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

it.each([
  [{ local: { use: 'x' }, bitcoin: { use: 'x', policy: { maxFeePerIntent: 9 } } }, true],
  [{ local: { use: 'x' }, bitcoin: { use: 'x', policy: { maxFeePerDay: 9 } } }, false],
])('of the anchors %j something is paid without a limit: %j', (configured, warned) => {
  const config = gatewayConfigSchema.parse({ origin: 'warn.test/log', anchors: configured });
  const told = warningsFor(config, plugins).filter((warning) => warning.startsWith('anchors.'));
  expect(told).toEqual(warned ? [expect.stringContaining('anchors.bitcoin.policy')] : []);
});

it.each([
  [{}, []],
  [{ allowPrivate: true }, ['webhooks.allowPrivate']],
  [{ allowHttp: true }, ['webhooks.allowHttp']],
])('webhooks %j are warned of as %j', (webhooks, warned) => {
  const config = gatewayConfigSchema.parse({ origin: 'warn.test/log', webhooks });
  const told = warningsFor(config, plugins).filter((warning) => warning.startsWith('webhooks.'));
  expect(told.map((warning) => warning.split(':')[0])).toEqual(warned);
});

it('warns of two anchors over one wallet, and not of one key on two chains', () => {
  const key = 'ab'.repeat(32);
  const told = (other: object) =>
    warningsFor(
      gatewayConfigSchema.parse({
        origin: 'warn.test/log',
        anchors: { a: { use: 'x', chainId: 1, key }, b: { use: 'x', chainId: 1, ...other } },
      }),
      [],
    ).filter((warning) => warning.includes('pay from one key'));
  expect(told({ key: `0x${key.toUpperCase()}` })).toEqual([
    expect.stringContaining('anchors.a and anchors.b'),
  ]);
  expect(told({ key, chainId: 10 })).toEqual([]);
  expect(told({ key: 'cd'.repeat(32) })).toEqual([]);
});

it('says how a fee of more digits than a number holds is written', () => {
  const parse = (maxFeePerDay: unknown) =>
    gatewayConfigSchema.safeParse({
      origin: 'warn.test/log',
      anchors: { evm: { use: 'x', policy: { maxFeePerDay } } },
    });
  expect(parse('100000000000000000').data?.anchors['evm']?.policy?.maxFeePerDay).toBe(10n ** 17n);
  for (const wrong of [1e17, 1e300, '1e17', true])
    expect(JSON.stringify(parse(wrong).error?.issues)).toContain('beyond 2^53 in quotes');
});
