import type { Anchoring } from './compose-anchoring.js';
import type { Batching } from './compose-batching.js';
import type { Subscribers } from '../events/subscribers.js';
import type { Job } from '../jobs/job.js';
import type { Clock } from '../spi/index.js';
import type { Store } from '../stores/store.js';

/** How often core's own work is looked at. Leases outlast the longest run seen, several times. */
const TIMINGS = {
  /** The batcher asks whether a batch is due. */
  batcher: { periodMs: 500, leaseMs: 60_000 },
  /** Checkpoints that were not signed or not handed to the anchors, after a crash. */
  resume: { periodMs: 30_000, leaseMs: 60_000 },
  /** One pass over the open intents of an anchor. */
  anchor: { periodMs: 1_000, leaseMs: 60_000 },
  /** Final intents are looked at again, for reorganisations deeper than the policy's depth. */
  finals: { periodMs: 600_000, leaseMs: 1_200_000, limit: 100 },
  /** Each anchor is looked after: reachable, funded, in time. */
  watch: { periodMs: 30_000, leaseMs: 60_000 },
  /** Committed events are handed to subscribers. */
  events: { periodMs: 500, leaseMs: 60_000 },
  /** Who follows events live hears of them this late. Every replica looks for its own. */
  live: { periodMs: 250, leaseMs: 0 },
  /** Events that every subscriber has passed are kept this long for those who look back. */
  prune: { periodMs: 3_600_000, leaseMs: 7_200_000, keepMs: 604_800_000 },
} as const;

/** Core's lines of the job table; plugins add their own. */
export function coreJobs(parts: {
  readonly store: Store;
  readonly clock: Clock;
  readonly anchoring: Anchoring;
  readonly subscribers: Subscribers;
  readonly batching: Batching;
}): readonly Job[] {
  const { store, clock, anchoring, subscribers, batching } = parts;
  return [
    {
      name: 'batcher',
      role: 'batch',
      ...TIMINGS.batcher,
      run: () => batching.tick(),
    },
    {
      name: 'resume',
      role: 'batch',
      ...TIMINGS.resume,
      run: () => batching.batcher.resume(),
    },
    ...[...anchoring.anchors.keys()].flatMap((id): readonly Job[] => [
      {
        name: `anchor.${id}`,
        role: 'anchor',
        ...TIMINGS.anchor,
        run: async (signal) => {
          await anchoring.engine.drive(id, signal);
        },
      },
      {
        name: `finals.${id}`,
        role: 'anchor',
        periodMs: TIMINGS.finals.periodMs,
        leaseMs: TIMINGS.finals.leaseMs,
        run: async (signal) => {
          await anchoring.engine.recheckFinals(id, TIMINGS.finals.limit, signal);
        },
      },
      {
        name: `watch.${id}`,
        role: 'anchor',
        ...TIMINGS.watch,
        run: async (signal) => {
          await anchoring.watch.check(id, signal);
        },
      },
    ]),
    {
      name: 'events',
      role: 'batch',
      ...TIMINGS.events,
      run: (signal) => subscribers.deliver(signal),
    },
    {
      name: 'events.live',
      role: 'api',
      ...TIMINGS.live,
      run: (signal) => subscribers.followers.look(signal),
    },
    {
      name: 'prune',
      role: 'batch',
      periodMs: TIMINGS.prune.periodMs,
      leaseMs: TIMINGS.prune.leaseMs,
      run: async () => {
        await store.outbox.prune(clock.nowMs() - TIMINGS.prune.keepMs);
      },
    },
  ];
}
