import { lookup } from 'node:dns/promises';
import { noticesOf, NOTICE_TYPES } from '../events/notices/notice-rules.js';
import type { Subscribers } from '../events/subscribers.js';
import { addressRule } from '../events/webhooks/public-address.js';
import { type Pause, WebhookDispatcher } from '../events/webhooks/webhook-dispatcher.js';
import { webhookSender } from '../events/webhooks/webhook-sender.js';
import { secretsUnder } from '../events/webhooks/webhook-secrets.js';
import { WebhookService } from '../events/webhooks/webhook.service.js';
import type { Job } from '../jobs/job.js';
import type { Journal } from '../logs/journal.js';
import type { GatewayConfig } from '../plugins/index.js';
import type { Clock, Logger } from '../spi/index.js';
import type { Store } from '../stores/store.js';

/** How often it is looked whether something is due, and how long notices are kept. */
const TIMINGS = {
  webhooks: { periodMs: 500, leaseMs: 60_000 },
  prune: { periodMs: 3_600_000, leaseMs: 7_200_000 },
  /** A year: who was away for long still learns what happened. */
  keepNoticesMs: 365 * 86_400_000,
} as const;

export interface Events {
  readonly webhooks: WebhookService;
  readonly jobs: readonly Job[];
}

/** Tells the world what was committed: notices to accounts, signed requests to their endpoints. */
export function composeEvents(parts: {
  readonly config: GatewayConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly subscribers: Subscribers;
  readonly random: (length: number) => Uint8Array;
  readonly logger: Logger;
  /** Secret bytes beside the log key, from which those of endpoints are derived. */
  readonly root: Uint8Array;
}): Events {
  const { store, clock, journal, subscribers, random, logger } = parts;
  const { webhooks: config, origin } = parts.config;
  const secretOf = secretsUnder(parts.root);
  subscribers.subscribeMany('core/notices', NOTICE_TYPES, (events) =>
    store.notices.put(events.flatMap(noticesOf)),
  );
  const dispatcher = new WebhookDispatcher({
    store: store.webhooks,
    clock,
    config,
    secretOf,
    send: webhookSender({
      policy: config,
      isAllowed: addressRule(config),
      ca: config.ca,
      resolve: lookedUp,
      timeout: () => AbortSignal.timeout(config.timeoutMs),
    }),
    pause,
    random: () => Buffer.from(random(4)).readUInt32BE() / 2 ** 32,
    logger,
    origin,
  });
  subscribers.subscribeMany(
    'core/webhooks',
    () => dispatcher.types(),
    (events) => dispatcher.queue(events),
  );
  return {
    webhooks: new WebhookService({
      store: store.webhooks,
      outbox: store.outbox,
      journal,
      clock,
      config,
      secretOf,
      random,
    }),
    jobs: [
      {
        name: 'webhooks',
        role: 'batch',
        ...TIMINGS.webhooks,
        run: (signal) => dispatcher.run(signal),
      },
      {
        name: 'prune.events',
        role: 'batch',
        ...TIMINGS.prune,
        run: async () => {
          await store.webhooks.prune(clock.nowMs() - config.keepMs);
          await store.notices.prune(clock.nowMs() - TIMINGS.keepNoticesMs);
        },
      },
    ],
  };
}

/** As the operating system's resolver answers, all addresses in its order. */
async function lookedUp(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}

const pause: Pause = (ms, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
