import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { BUILT_IN_DETECTORS } from '@wattproof/core/detectors';
import { loadConfig } from '../../src/config/load-config.js';
import { ConfigFolder, MINIMAL } from './config-folder.js';

let folder: ConfigFolder;
beforeEach(() => {
  folder = new ConfigFolder();
});
afterEach(() => folder.remove());

function load(detectors: string) {
  folder.write('etc/gateway.yaml', `${MINIMAL}detectors: ${detectors}`);
  return loadConfig({ file: 'etc/gateway.yaml', env: {}, workingDirectory: folder.path });
}

it('finds every detector of core by its name, with its defaults', async () => {
  const names = Object.keys(BUILT_IN_DETECTORS);
  const blocks = names.map((name) => `${name}: { use: "@wattproof/core/detectors/${name}" }`);
  const { plugins } = await load(`{ ${blocks.join(', ')} }`);
  expect(
    plugins.filter(({ plugin }) => plugin.kind === 'detector').map(({ plugin }) => plugin.name),
  ).toEqual(names.map((name) => `@wattproof/core/detectors/${name}`));
  const own = plugins.find(({ entry }) => entry.instanceId === 'night-solar')?.config;
  expect(own).toEqual({ belowDeg: 6, clockMs: 3_600_000, maxWh: 10, exceptMeters: [] });
});

it.each([
  ['two-sigma', 'sigmas: .nan'],
  ['two-sigma', 'sigmas: -2'],
  ['two-sigma', 'sigmas: 0'],
  ['two-sigma', 'sigmas: .inf'],
  ['robust-z', 'z: "3"'],
  ['robust-z', 'weeks: 1'],
  ['ewma', 'lambda: 1.5'],
  ['cusum', 'days: 14'],
  ['stuck-value', 'intervals: 1'],
  ['night-solar', 'belowDeg: 90'],
  ['night-solar', 'maxWh: -1'],
  ['neighbours', 'per: weather'],
  ['twin', 'colour: red'],
])('refuses %s with %s', async (name, setting) => {
  await expect(
    load(`{ one: { use: "@wattproof/core/detectors/${name}", ${setting} } }`),
  ).rejects.toMatchObject({ errors: [{ code: 'PLUGIN_CONFIG_INVALID' }] });
});

it('refuses a detector that nobody has, and a plugin that is none', async () => {
  await expect(
    load('{ one: { use: "@wattproof/core/detectors/astrology" } }'),
  ).rejects.toMatchObject({ errors: [{ code: expect.stringMatching(/^PLUGIN_/) }] });
  await expect(load('{ one: { use: "@wattproof/core/local-ledger" } }')).rejects.toMatchObject({
    errors: [{ code: 'PLUGIN_INVALID_EXPORT', message: expect.stringContaining('kind detector') }],
  });
});
