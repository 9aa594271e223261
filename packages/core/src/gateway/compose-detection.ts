import { setTimeout as wait } from 'node:timers/promises';
import type { ActiveDetector } from '../detectors/active-detector.js';
import { Detection, type StoredReadingEvent } from '../detectors/detection.js';
import { Inspector } from '../detectors/inspection.js';
import { activeDetector, defaultDetectors } from '../detectors/open-detectors.js';
import { type PreCommitInspection, preCommitInspection } from '../detectors/pre-commit.js';
import type { MeterDirectory } from '../devices/meter-directory.js';
import { Subscribers } from '../events/subscribers.js';
import type { JobTable } from '../jobs/job-table.js';
import type { Journal } from '../logs/journal.js';
import type { GatewayConfig, PluginInstance } from '../plugins/index.js';
import type { Clock, Detector, DetectorCapabilities, DomainEvent, Logger } from '../spi/index.js';
import type { Store } from '../stores/store.js';

/** Readings that count, and those that were held, whose reason is to be kept. What was erased is not remembered either. */
const INSPECTED = ['reading.accepted', 'reading.quarantined', 'erasure.accepted'] as const;

/** A run of its own, so that nothing else that hears of readings waits for the detectors. */
const JOB = { name: 'detectors', role: 'batch', periodMs: 1_000, leaseMs: 60_000 } as const;

/** Events of one delivery when there is a backlog. */
const FULL = 250;

export interface Detecting {
  /** In order. */
  readonly detectors: readonly ActiveDetector[];
  readonly inspector: Inspector;
  readonly inspection: PreCommitInspection | undefined;
}

/** The detectors of this gateway: replaced, configured, or core's own. */
export async function openDetectors(
  config: Pick<GatewayConfig, 'detectors'>,
  plugins: readonly PluginInstance[],
  replaced: readonly ActiveDetector[] | undefined,
  logger: Logger,
): Promise<Detecting> {
  const detectors =
    replaced ??
    (config.detectors === undefined ? await defaultDetectors() : plugins.flatMap(activeOf));
  const inspector = new Inspector(logger);
  return { detectors, inspector, inspection: preCommitInspection(detectors, inspector) };
}

function activeOf({ kind, instanceId, loaded, capabilities, instance }: PluginInstance) {
  if (kind !== 'detector') return [];
  return activeDetector({
    id: instanceId,
    name: loaded.plugin.name,
    capabilities: capabilities as DetectorCapabilities,
    config: loaded.config,
    detector: instance as Detector,
  });
}

/** Looks at every reading after its commit, from a durable cursor, on one replica at a time. */
export function composeDetection(parts: {
  readonly config: Pick<GatewayConfig, 'detection' | 'claims'>;
  readonly detecting: Detecting;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly journal: Journal;
  /** Id of the rules of ingestion. */
  readonly rules: string;
  readonly directory: MeterDirectory;
  readonly jobs: JobTable;
}): Detection {
  const { config, detecting, store, clock, logger, journal, rules, directory, jobs } = parts;
  const detection = new Detection({
    store: store.findings,
    detectors: detecting.detectors,
    inspector: detecting.inspector,
    journal,
    rules,
    clock,
    config: config.detection,
    minAssurance: config.claims.minAssurance,
    async metersOf(meterIds) {
      await directory.refresh();
      await directory.load(meterIds, []);
      return (meterId) => directory.peekMeter(meterId) ?? undefined;
    },
    staleAfterMs: JOB.leaseMs,
  });
  const subscribers = new Subscribers(store.outbox, logger);
  let stop: AbortSignal | undefined;
  subscribers.subscribeMany('core/detectors', INSPECTED, async (events) => {
    const began = performance.now();
    const readings = events.filter(({ type }) => type !== 'erasure.accepted');
    if (readings.length < events.length) detection.forget();
    await detection.inspect(readings.map(eventOf));
    // As many as can be handed over: more are waiting.
    if (events.length < FULL) return;
    const spentMs = performance.now() - began;
    const pauseMs = spentMs * (1 / config.detection.share - 1);
    await wait(pauseMs, undefined, { signal: stop, ref: false }).catch(() => undefined);
  });
  jobs.add({
    ...JOB,
    run(signal) {
      stop = signal;
      detection.resume();
      return subscribers.deliver(signal);
    },
  });
  return detection;
}

function eventOf({ data }: DomainEvent): StoredReadingEvent {
  return {
    entryId: (data as { readonly entry: string }).entry,
    replacesAnother: data['supersedes'] !== undefined,
  };
}
