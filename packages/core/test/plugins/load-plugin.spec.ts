import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PluginKind } from '../../src/spi/index.js';
import {
  loadPlugin,
  loadPlugins,
  type PluginEntry,
  PluginErrors,
} from '../../src/plugins/index.js';
import { PluginFolder, pluginSource, SOUND_ANCHOR } from './plugin-folder.js';

let folder: PluginFolder;
beforeEach(() => {
  folder = new PluginFolder();
});
afterEach(() => folder.remove());

function entry(use: string, kind: PluginKind = 'transport', config: object = {}): PluginEntry {
  return { instanceId: 'one', kind, use, config: { ...config }, path: `${kind}s.one` };
}

function load(use: string, kind?: PluginKind) {
  return loadPlugin(entry(use, kind), { configFile: folder.configFile });
}

describe('loading a plugin', () => {
  it('finds a package beside the configuration file, with its version', async () => {
    folder.install('radio', pluginSource());
    const loaded = await load('radio');
    expect(loaded.plugin.name).toBe('radio');
    expect(loaded.package).toEqual({ name: 'radio', version: '1.2.3' });
  });

  it('finds a subpath of a scoped package, and exports that only import sees', async () => {
    folder
      .install('@maker/radios', '', { exports: { './lora': { import: './lora.js' } } })
      .write('node_modules/@maker/radios/lora.js', pluginSource({ name: `'lora'` }));
    expect((await load('@maker/radios/lora')).plugin.name).toBe('lora');
  });

  it('finds a file beside the configuration file', async () => {
    folder.write('own/radio.mjs', pluginSource());
    expect((await load('./own/radio.mjs')).plugin.name).toBe('radio');
  });

  it('falls back to what the host has when nothing is beside the configuration file', async () => {
    const host = new PluginFolder().install('radio', pluginSource());
    const options = { configFile: folder.configFile, alsoFrom: [`${host.path}/main.js`] };
    expect((await loadPlugin(entry('radio'), options)).plugin.name).toBe('radio');
    host.remove();
  });

  it.each([
    ['nobody-wrote-this', 'npm install nobody-wrote-this'],
    ['@nobody/wrote/this', 'npm install @nobody/wrote'],
    ['./absent.mjs', 'no such file'],
  ])('says PLUGIN_NOT_INSTALLED of %s and what to do', async (use, next) => {
    await expect(load(use)).rejects.toMatchObject({
      code: 'PLUGIN_NOT_INSTALLED',
      message: expect.stringContaining(next),
    });
  });

  it('says PLUGIN_IMPORT_FAILED when the module throws, and keeps the cause', async () => {
    folder.install('radio', `throw new Error('no antenna');`);
    const failure = load('radio');
    await expect(failure).rejects.toMatchObject({
      code: 'PLUGIN_IMPORT_FAILED',
      message: expect.stringContaining('no antenna'),
      cause: expect.objectContaining({ message: 'no antenna' }),
    });
  });

  it('says PLUGIN_IMPORT_FAILED, not "not installed", of a package that was never built', async () => {
    folder.install('radio', '', { exports: './dist/index.js' });
    await expect(load('radio')).rejects.toMatchObject({
      code: 'PLUGIN_IMPORT_FAILED',
      message: expect.stringContaining('dist/index.js does not exist'),
    });
  });

  it('says PLUGIN_INVALID_EXPORT of a subpath that an installed package does not export', async () => {
    folder.install('radio', pluginSource());
    await expect(load('radio/secret')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID_EXPORT',
      message: expect.stringContaining('does not export this path'),
    });
  });

  it.each([
    ['no default export', `export const radio = 1;`, 'is missing'],
    ['a plain object', `export default {};`, 'without the plugin brand'],
    ['no schema', pluginSource({ config: '{}' }), 'Standard Schema'],
    ['no create', pluginSource({ create: 'undefined' }), 'create()'],
    ['no name', pluginSource({ name: `''` }), 'no name'],
    ['no capabilities', pluginSource({ capabilities: 'undefined' }), 'no capabilities'],
    [
      'a need that nobody knows',
      pluginSource({ capabilities: `{ protocol: 'x', commands: false, needs: { shell: true } }` }),
      '"shell"',
    ],
    [
      'one collection twice',
      pluginSource({
        capabilities: `{ protocol: 'x', commands: false, needs: { collections: [{ name: 'a', version: 1 }, { name: 'a', version: 1 }] } }`,
      }),
      'collection twice',
    ],
  ])('says PLUGIN_INVALID_EXPORT of a plugin with %s', async (_, source, detail) => {
    folder.install('radio', source);
    await expect(load('radio')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID_EXPORT',
      message: expect.stringContaining(detail),
    });
  });

  it('says PLUGIN_INVALID_EXPORT of a transport among the anchors', async () => {
    folder.install('radio', pluginSource());
    await expect(load('radio', 'anchor')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID_EXPORT',
      message: expect.stringContaining('kind transport and stands where a plugin of kind anchor'),
    });
  });

  it.each([-1, 1])('says PLUGIN_INCOMPATIBLE of contract %i', async (spi) => {
    folder.install('radio', pluginSource({ spi: String(spi) }));
    await expect(load('radio')).rejects.toMatchObject({
      code: 'PLUGIN_INCOMPATIBLE',
      message: expect.stringContaining(`Upgrade the ${spi < 0 ? 'plugin' : 'gateway'}`),
    });
  });

  it('refuses a paid ledger that excludes nothing, and takes a free one', async () => {
    const anchor = (capabilities: string) => pluginSource({ kind: `'anchor'`, capabilities });
    const none = SOUND_ANCHOR.replace(`'ledger'`, `'none'`);
    folder
      .install('sound', anchor(SOUND_ANCHOR))
      .install('paid', anchor(none))
      .install('free', anchor(none.replace(`'paid'`, `'free'`)))
      .install('vague', anchor(SOUND_ANCHOR.replace(`'spv-pow'`, `'trust me'`)));
    await expect(load('sound', 'anchor')).resolves.toBeDefined();
    await expect(load('free', 'anchor')).resolves.toBeDefined();
    await expect(load('paid', 'anchor')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID_EXPORT',
      message: expect.stringContaining('both win'),
    });
    await expect(load('vague', 'anchor')).rejects.toThrow('"trust me"');
  });
});

describe('loading all plugins', () => {
  it('fills in defaults of each block', async () => {
    folder.install('radio', pluginSource());
    const [loaded] = await loadPlugins([entry('radio')], { configFile: folder.configFile });
    expect(loaded?.config).toEqual({ band: 868 });
  });

  it('reports every problem of every plugin at once, with instance, package, file and bad fields', async () => {
    folder.install('radio', pluginSource());
    const entries: PluginEntry[] = [
      { ...entry('radio', 'transport', { band: 'wide', volume: 11 }), instanceId: 'loud' },
      { ...entry('gone'), instanceId: 'lost', path: 'transports.lost' },
    ];
    const failure = await loadPlugins(entries, { configFile: folder.configFile }).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(PluginErrors);
    const { errors, message } = failure as PluginErrors;
    expect(errors.map(({ code }) => code)).toEqual([
      'PLUGIN_CONFIG_INVALID',
      'PLUGIN_NOT_INSTALLED',
    ]);
    expect(errors[0]?.problems).toEqual([
      { path: 'transports.one.volume', message: 'unknown key' },
      { path: 'transports.one.band', message: 'expected a number' },
    ]);
    for (const said of ['"loud"', '"radio"', '"lost"', 'transports.lost', folder.configFile]) {
      expect(message).toContain(said);
    }
  });
});
