import assert from 'node:assert/strict';
import type { HostNeeds, Plugin, PluginContext, Transport } from '../../spi/index.js';
import { MemoryDocuments } from '../../stores/memory/collections.js';
import { silentLogger } from '../silent-logger.js';
import { DrivenJobs } from './driven-jobs.js';
import { HeldIngest } from './held-ingest.js';
import { KeptDesk } from './kept-desk.js';
import { KnownCallers } from './known-callers.js';
import { LocalHttpHost } from './local-http-host.js';
import { ToldEvents } from './told-events.js';

/** A host that lends a transport what it declares, and is in the hands of the test. */
export class TransportHost {
  readonly ingest = new HeldIngest();
  readonly callers = new KnownCallers();
  readonly desk = new KeptDesk();
  readonly events = new ToldEvents();
  readonly jobs = new DrivenJobs();

  private constructor(readonly http: LocalHttpHost) {}

  static async open(): Promise<TransportHost> {
    return new TransportHost(await LocalHttpHost.listen());
  }

  /** What the plugin gets: what it declared, and nothing else. */
  contextFor(needs: HostNeeds = {}, instanceId = 'under-test'): PluginContext {
    const { callers, desk, events, jobs, http } = this;
    const context: PluginContext = {
      instanceId,
      origin: 'suite.example/log',
      logger: silentLogger,
      clock: { nowMs: () => Date.now() },
      ...(needs.callers ? { callers } : {}),
      ...(needs.desk ? { desk } : {}),
      ...(needs.events ? { events } : {}),
      ...(needs.http ? { http } : {}),
      ...(needs.jobs ? { jobs } : {}),
      ...(needs.collections
        ? { collections: new MemoryDocuments().open(instanceId, needs.collections) }
        : {}),
    };
    return Object.freeze(context);
  }

  close(): Promise<void> {
    return this.http.close();
  }
}

/** A transport that has been started, and the host it was given. */
export interface RunningTransport {
  readonly transport: Transport;
  readonly host: TransportHost;
}

/** Builds an instance with a configuration as a user writes it. Nothing is started. */
export async function createTransport(
  plugin: Plugin<'transport'>,
  config: object,
  host: TransportHost,
  instanceId?: string,
): Promise<Transport> {
  const result = await plugin.config['~standard'].validate(config);
  assert.equal(result.issues, undefined, 'the configuration of the suite is valid');
  return plugin.create(
    (result as { value: unknown }).value,
    host.contextFor(plugin.capabilities.needs, instanceId),
  );
}
