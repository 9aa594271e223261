import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import localLedger from '../anchoring/local-ledger/index.js';
import { keyFromSeed, pemOf } from '../batching/log-key.js';
import type { GatewayOptions } from '../gateway/compose-gateway.js';
import type { Gateway } from '../gateway/gateway.js';
import {
  type ConfiguredPlugin,
  type GatewayConfig,
  type GatewayConfigInput,
  gatewayConfigSchema,
  pluginEntries,
} from '../plugins/index.js';
import { validatePluginConfig } from '../plugins/plugin-config.js';
import type { Clock, Plugin } from '../spi/index.js';
import { openMemoryStore } from '../stores/memory/open-memory-store.js';
import { FakeClock } from './fake-clock.js';

/** The administrator's key of every test gateway that configures none. */
export const TEST_ADMIN_KEY = 'test-administrator-key-0123456789';

/** The log key of every test gateway that configures none: the same log key in every run. */
export const TEST_LOG_KEY = pemOf(keyFromSeed(new Uint8Array(32).fill(1)));

/** The embedded default, without looking it up by name. */
const LOCAL_LEDGER: ConfiguredPlugin = {
  entry: {
    instanceId: 'local',
    kind: 'anchor',
    use: '@wattproof/core/local-ledger',
    config: {},
    path: 'anchors.local',
  },
  plugin: localLedger,
  config: {},
  url: import.meta.url,
  package: undefined,
};

export interface TestGatewayOptions {
  /** Sections of the configuration; what is left out is the default, on a memory store and a free port. */
  readonly config?: Partial<GatewayConfigInput>;
  readonly host?: 'fastify' | 'express';
  /** Default: a `FakeClock`. With a fake clock nothing runs by itself, see `settle`. */
  readonly clock?: Clock;
  /** Plugins that are no installed packages, by the `use` of the blocks that want them; every block has to name one. */
  readonly plugins?: Readonly<Record<string, Plugin>>;
  /** Services to use instead of the default ones. */
  readonly parts?: Partial<Omit<GatewayOptions, 'config' | 'clock'>>;
}

export interface TestGateway {
  /** `http://127.0.0.1:PORT`, no slash at the end. */
  readonly url: string;
  readonly adminKey: string;
  readonly clock: Clock;
  readonly services: Gateway;
  /** Runs the job table over and over until a round leaves nothing to do: batches, anchors and events come to rest. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

/** Rounds of the job table that bring an anchor from an intent to its evidence, with some to spare. */
const SETTLING_ROUNDS = 8;

/** A whole gateway in this process, listening: the way to test a client, a transport or an anchor against the real thing. */
export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const { clock = new FakeClock() } = options;
  const config = gatewayConfigSchema.parse({
    origin: 'test.example/energy-log',
    ...options.config,
    store: { url: 'memory://', ...options.config?.store },
    http: { port: 0, ...options.config?.http },
    log: { key: TEST_LOG_KEY, ...options.config?.log },
    accounts: { adminApiKey: TEST_ADMIN_KEY, ...options.config?.accounts },
  });
  // Loaded only here: whoever wants another helper of this door needs no Nest.
  const { hostAdapter, serveGateway } = await import('../nest/http/index.js');
  const adapter = await hostAdapter(options.host ?? 'fastify', config.http);
  const store =
    options.parts?.store ??
    (config.store.url.startsWith('memory:') ? openMemoryStore({ clock }) : undefined);
  const plugins =
    options.parts?.plugins ??
    (options.plugins && (await configured(config, options.plugins))) ??
    (options.config?.anchors ? undefined : [LOCAL_LEDGER]);
  const stateFolder = await mkdtemp(join(tmpdir(), 'wattproof-test-'));
  const served = await serveGateway(
    {
      stateFolder,
      ...options.parts,
      ...(plugins === undefined ? {} : { plugins }),
      config,
      clock,
      ...(store === undefined ? {} : { store }),
    },
    adapter,
  );
  const { gateway } = served;
  return {
    url: served.url,
    adminKey: config.accounts.adminApiKey ?? TEST_ADMIN_KEY,
    clock,
    services: gateway,
    async settle() {
      for (let round = 0; round < SETTLING_ROUNDS; round += 1) {
        for (const { name } of gateway.jobs.list()) await gateway.jobs.run(name);
      }
    },
    async stop() {
      await served.stop();
      await rm(stateFolder, { recursive: true, force: true });
    },
  };
}

/** The configured blocks with the plugins at hand, each validated by its own schema. */
function configured(
  config: GatewayConfig,
  plugins: Readonly<Record<string, Plugin>>,
): Promise<readonly ConfiguredPlugin[]> {
  return Promise.all(
    pluginEntries(config).map(async (entry) => {
      const plugin = plugins[entry.use];
      if (plugin === undefined) throw new Error(`${entry.path}: no plugin for use: ${entry.use}`);
      const result = await validatePluginConfig(plugin.config, entry.config, entry.path);
      if (result.problems)
        throw new Error(
          result.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'),
        );
      return { entry, plugin, config: result.value, url: import.meta.url, package: undefined };
    }),
  );
}
