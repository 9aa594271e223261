import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { HostNeeds, PluginContext } from '../../src/spi/index.js';
import {
  createPlugins,
  loadPlugins,
  type PluginEntry,
  PluginErrors,
  type PluginHost,
} from '../../src/plugins/index.js';
import { PluginFolder, pluginSource, SOUND_ANCHOR } from './plugin-folder.js';

let folder: PluginFolder;
beforeEach(() => {
  folder = new PluginFolder();
});
afterEach(() => folder.remove());

const logger = { debug() {}, info() {}, warn() {}, error() {} };
const http = { route() {}, upgrade() {}, guard() {} };
const jobs = { every() {} };

/** Lends everything it has to everybody: cutting off is core's part. */
class GenerousHost implements PluginHost {
  readonly asked: HostNeeds[] = [];

  async contextFor(request: { instanceId: string; needs: HostNeeds }): Promise<PluginContext> {
    this.asked.push(request.needs);
    const { instanceId } = request;
    return { instanceId, origin: 'example.org/log', logger, clock: { nowMs: () => 0 }, http, jobs };
  }
}

async function create(host: PluginHost, ...entries: Partial<PluginEntry>[]) {
  const complete = entries.map((entry, index) => ({
    instanceId: `i${index}`,
    kind: 'transport' as const,
    use: 'radio',
    config: {},
    path: `transports.i${index}`,
    ...entry,
  }));
  const loaded = await loadPlugins(complete, { configFile: folder.configFile });
  return createPlugins(loaded, host, folder.configFile);
}

function needing(needs: string): string {
  return pluginSource({ capabilities: `{ protocol: 'x', commands: false, needs: ${needs} }` });
}

describe('creating instances', () => {
  it('makes two of one plugin that share nothing', async () => {
    folder.install('radio', pluginSource());
    const [a, b] = await create(new GenerousHost(), { config: { band: 433 } }, {});
    expect(a?.instance).toMatchObject({ config: { band: 433 }, context: { instanceId: 'i0' } });
    expect(b?.instance).toMatchObject({ config: { band: 868 }, context: { instanceId: 'i1' } });
  });

  it('lends what was declared and nothing else', async () => {
    folder.install('radio', needing('{ http: true }'));
    const [made] = await create(new GenerousHost(), {});
    const given = made?.instance as unknown as { context: PluginContext } | undefined;
    const context = given?.context ?? {};
    expect(Object.keys(context).sort()).toEqual([
      'clock',
      'http',
      'instanceId',
      'logger',
      'origin',
    ]);
    expect(Object.isFrozen(context)).toBe(true);
  });

  it('says PLUGIN_INCOMPATIBLE when the host does not lend what was declared', async () => {
    folder.install('radio', needing(`{ signer: 'ledger', http: true }`));
    await expect(create(new GenerousHost(), {})).rejects.toMatchObject({
      errors: [
        { code: 'PLUGIN_INCOMPATIBLE', message: expect.stringContaining('it needs signer, which') },
      ],
    });
  });

  it('says PLUGIN_CONFIG_INVALID when create refuses, and keeps the cause', async () => {
    folder.install(
      'radio',
      pluginSource({ create: `() => { throw new Error('band is taken'); }` }),
    );
    await expect(create(new GenerousHost(), {})).rejects.toMatchObject({
      errors: [{ code: 'PLUGIN_CONFIG_INVALID', cause: { message: 'band is taken' } }],
    });
  });

  it.each([
    ['a promise', `async () => ({})`, 'must be synchronous'],
    ['nothing', `() => undefined`, 'not an object'],
    ['half a transport', `() => ({ start() {} })`, 'no stop()'],
  ])('says PLUGIN_INVALID_EXPORT when create returns %s', async (_, source, detail) => {
    folder.install('radio', pluginSource({ create: source }));
    await expect(create(new GenerousHost(), {})).rejects.toMatchObject({
      errors: [{ code: 'PLUGIN_INVALID_EXPORT', message: expect.stringContaining(detail) }],
    });
  });

  it('says PLUGIN_INVALID_EXPORT of an anchor without a port that it declares', async () => {
    const methods = 'quote prepare sign broadcast observe evidence health close'.split(' ');
    folder.install(
      'radio',
      pluginSource({
        kind: `'anchor'`,
        capabilities: SOUND_ANCHOR.replace('{', `{ ports: ['tokens'],`),
        create: `() => ({ ${methods.map((name) => `async ${name}() {}`).join(', ')} })`,
      }),
    );
    await expect(create(new GenerousHost(), { kind: 'anchor' })).rejects.toMatchObject({
      errors: [
        { code: 'PLUGIN_INVALID_EXPORT', message: expect.stringContaining('the port "tokens"') },
      ],
    });
  });

  it('reports what is wrong with several instances together', async () => {
    folder.install('radio', pluginSource({ create: `() => undefined` }));
    const failure = await create(new GenerousHost(), {}, {}).catch((error: unknown) => error);
    expect((failure as PluginErrors).errors.map(({ instanceId }) => instanceId)).toEqual([
      'i0',
      'i1',
    ]);
  });
});
