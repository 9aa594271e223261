import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { nativeHashing } from '../hashing/native-hashing.js';
import { Subscribers } from '../events/subscribers.js';
import { JobTable } from '../jobs/job-table.js';
import {
  createPlugins,
  Lifecycle,
  loadPlugins,
  pluginEntries,
  type PluginInstance,
  type Timer,
} from '../plugins/index.js';
import { erasedKeyOf, ErasureService } from '../logs/erasure.service.js';
import { ProofService } from '../proofs/proof.service.js';
import type { Anchor, Transport } from '../spi/index.js';
import { toHex } from '../verify/bytes.js';
import { type Anchoring, composeAnchoring } from './compose-anchoring.js';
import { composeAccounts } from './compose-accounts.js';
import { composeCallers } from './compose-callers.js';
import { composeBatching, openKeys } from './compose-batching.js';
import { composeDeviceDesk } from './compose-device-desk.js';
import { composeDetection, openDetectors } from './compose-detection.js';
import { composeIngestion } from './compose-ingestion.js';
import { composeEnergyLedger } from './compose-energy-ledger.js';
import { composeEvents } from './compose-events.js';
import { composeImports } from './compose-imports.js';
import { composeKeys } from './compose-keys.js';
import { composeMeters } from './compose-meters.js';
import { composeQuarantine } from './compose-quarantine.js';
import { coreJobs } from './gateway-jobs.js';
import { type GatewayOptions, silentLogger, systemClock } from './gateway-options.js';
import type { Gateway } from './gateway.js';
import { HealthBoard } from './health-board.js';
import { openDevices } from './open-devices.js';
import { openGatewayStore } from './open-gateway-store.js';
import { pluginHost } from './plugin-host.js';
import { PluginHttp } from './plugin-http.js';
import { transportIngest } from './transport-ingest.js';

export type { GatewayOptions } from './gateway-options.js';

const nodeTimer: Timer = (ms, fire) => {
  const timer = setTimeout(fire, ms);
  return () => clearTimeout(timer);
};

/**
 * Builds every service of a gateway from its configuration, without any framework. Opens the store and
 * creates the plugins; what runs begins with `start`. Rejects with the first part that cannot be built,
 * having closed what was opened.
 */
export async function composeGateway(options: GatewayOptions): Promise<Gateway> {
  const { clock = systemClock, logger = silentLogger } = options;
  const store = options.store ?? (await openGatewayStore(options.config, { clock, logger }));
  try {
    return await composeOver(store, options);
  } catch (error) {
    if (options.store === undefined) await store.close();
    throw error;
  }
}

async function composeOver(store: Gateway['store'], options: GatewayOptions): Promise<Gateway> {
  const { config, clock = systemClock, logger = silentLogger } = options;
  const { random = randomBytes, configFile = join(process.cwd(), 'gateway.yaml') } = options;
  const { origin, roles } = config;
  const holder = `${hostname()}-${process.pid}-${toHex(random(4))}`;
  const { leases } = store;
  const jobs = new JobTable({ leases, clock, timer: nodeTimer, logger, holder, roles });
  const subscribers = new Subscribers(store.outbox, logger);
  const pluginHttp = new PluginHttp();
  const keys = await openKeys(config, { clock, random, stateFolder: options.stateFolder });
  for (const warning of keys.warnings) logger.warn(warning);
  const devices = await openDevices({ config, store, clock });
  const { directory, signatures } = devices;
  const { callers, keyDirectory } = composeCallers({ config, store, clock, random, devices });
  const desk = composeDeviceDesk({
    config,
    store,
    clock,
    random,
    logger,
    timer: nodeTimer,
    directory,
    signatures,
  });
  const plugins = await createPlugins(
    options.plugins ?? (await loadPlugins(pluginEntries(config), { configFile })),
    pluginHost({
      origin,
      store,
      clock,
      jobs,
      subscribers,
      http: pluginHttp,
      ledgerSigner: keys.ledger,
      desk: desk.lent,
      callers,
      loggerFor: () => logger,
    }),
    configFile,
  );
  const anchoring = await composeAnchoring({
    config,
    plugins,
    store,
    clock,
    timer: nodeTimer,
    logger,
    holder,
  });
  const batching = composeBatching({
    config,
    keys,
    store,
    clock,
    logger,
    anchoring,
    policy: options.replace?.batchPolicy,
  });
  const detecting = await openDetectors(config, plugins, options.replace?.detectors, logger);
  const { ingestion, journal, meters, queue, defaultAccount, ruleSet, receipts } =
    await composeIngestion({
      config,
      store,
      clock,
      random,
      devices,
      receiptSigner: keys.receipts,
      erasedKeyOf: erasedKeyOf(keys.pepper),
      inspection: detecting.inspection,
    });
  const detection = composeDetection({
    config,
    store,
    clock,
    logger,
    journal,
    directory,
    jobs,
    detecting,
    rules: ruleSet.id,
  });
  const erasures = new ErasureService({
    store: store.erasures,
    entries: store.entries,
    journal,
    clock,
    keyOf: erasedKeyOf(keys.pepper),
  });
  const energyLedger = composeEnergyLedger({
    config,
    store,
    clock,
    journal,
    directory,
    subscribers,
  });
  const events = composeEvents({
    config,
    store,
    clock,
    journal,
    subscribers,
    random,
    logger,
    root: keys.pepper,
  });
  const review = desk.review(journal);
  const own = coreJobs({ store, clock, anchoring, subscribers, batching });
  const imports = await composeImports({ config, store, clock, ingestion });
  for (const job of [...own, ...events.jobs, ...desk.jobs, ...review.jobs, ...imports.jobs])
    jobs.add(job);
  const health = healthBoard({
    store,
    plugins,
    clock,
    batcher: batching.batcher,
    engine: anchoring.engine,
  });
  const ingest = transportIngest(ingestion, callers);
  const lifecycle = new Lifecycle(nodeTimer)
    .add({
      name: 'store',
      phase: 'store',
      stop: async () => {
        if (options.store === undefined) await store.close();
      },
    })
    .add({ name: 'batcher', phase: 'batcher', start: () => batching.start() })
    .add({ name: 'ingestion', phase: 'batcher', stop: () => queue.stop() })
    .add({ name: 'energy ledger', phase: 'batcher', stop: () => energyLedger.stop() })
    .add({ name: 'device desk', phase: 'batcher', stop: () => desk.stop() })
    .add({ name: 'jobs', phase: 'batcher', stop: () => jobs.stop() });
  for (const { kind, instanceId, instance } of plugins) {
    const name = `${kind} ${instanceId}`;
    if (kind === 'anchor') {
      lifecycle.add({ name, phase: 'anchor', stop: () => (instance as Anchor).close() });
    }
    if (kind === 'transport' && roles.includes('ingest')) {
      const transport = instance as Transport;
      lifecycle.add({
        name,
        phase: 'transport',
        start: () => transport.start(ingest),
        stop: () => transport.stop(),
      });
    }
  }
  desk.sendBy(plugins, roles);
  // Last to start and first to stop: nothing is sent by a transport that is closed.
  lifecycle.add({ name: 'commands', phase: 'transport', stop: () => desk.commands.stop() });
  return {
    origin,
    store,
    clock,
    logger,
    ingestion,
    ingestQueue: queue,
    journal,
    erasures,
    imports: imports.service,
    ...composeQuarantine({ config, store, clock, journal, ruleSet, receipts }),
    energyLedger,
    desk: desk.service,
    commands: desk.commands,
    resend: desk.resend,
    missingNumbers: () => desk.missing.numbers,
    alerts: review.alerts,
    detection,
    detectors: detecting.detectors,
    signatureBackend: signatures.backendName,
    ...composeAccounts({
      config,
      store,
      clock,
      random,
      journal,
      ingestion,
      signatures,
      keyDirectory,
    }),
    meters,
    keys: composeKeys({ config, store, clock, random, journal, directory, signatures }),
    ...composeMeters({ config, store, clock, random, journal, directory, jobs }),
    defaultAccount,
    plugins,
    pluginHttp,
    callers,
    transportIngest: ingest,
    anchoring,
    jobs,
    subscribers,
    webhooks: events.webhooks,
    health,
    proofs: new ProofService({
      entries: store.entries,
      batches: store.batches,
      anchors: store.anchors,
      anchorIds: [...anchoring.anchors.keys()],
      exporters: anchoring.anchors,
      logKey: keys.checkpoint.vkey,
      announcements: keys.announcements,
      origin,
      hashing: nativeHashing,
    }),
    batcher: batching.batcher,
    logKeys: keys,
    async start() {
      await lifecycle.start();
      health.serve(true);
    },
    async drain() {
      health.serve(false);
      await lifecycle.stopBackTo('transport');
    },
    async stop() {
      health.serve(false);
      await lifecycle.stop();
    },
  };
}

function healthBoard(parts: {
  readonly store: Gateway['store'];
  readonly plugins: readonly PluginInstance[];
  readonly clock: Gateway['clock'];
  readonly batcher: Gateway['batcher'];
  readonly engine: Anchoring['engine'];
}): HealthBoard {
  const board = new HealthBoard(parts.clock);
  board.add({ name: 'store', essential: true, check: () => parts.store.health() });
  // Readings are still made durable when sealing is refused; somebody has to look at it all the same.
  board.add({
    name: 'sealing',
    essential: false,
    check: async () => {
      const { refusal } = parts.batcher;
      if (refusal === undefined) return { live: true, ready: true };
      return { live: true, ready: false, detail: `${refusal.code}: ${refusal.message}` };
    },
  });
  for (const { kind, instanceId, instance } of parts.plugins) {
    if (kind !== 'anchor' && kind !== 'transport') continue;
    const watched = instance as Transport;
    // A ledger that is down costs delay and no coverage; a transport's devices keep what is not acknowledged.
    board.add({
      name: `${kind} ${instanceId}`,
      essential: false,
      check: (signal) =>
        kind === 'anchor' ? parts.engine.health(instanceId, signal) : watched.health(),
    });
  }
  return board;
}
