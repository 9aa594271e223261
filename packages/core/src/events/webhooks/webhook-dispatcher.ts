import type { Clock, DomainEvent, Logger } from '../../spi/index.js';
import { afterAttempt, endpointEvent, hears, lanesOf } from './delivery-rules.js';
import { bodyOf } from './erased-body.js';
import type { SecretOf } from './webhook-secrets.js';
import type { SendWebhook } from './webhook-sender.js';
import {
  EVENT_HEADER,
  SIGNATURE_HEADER,
  signWebhook,
  WEBHOOK_HEADER,
} from './webhook-signature.js';
import type { Delivery, NewDelivery, WebhookEndpoint, WebhookStore } from './webhook.store.js';
import type { WebhooksConfig } from './webhooks.config.js';

/** An account has at most this part of all requests at once: endpoints that answer late hold up their own account. */
const ACCOUNT_SHARE = 0.25;
/** Deliveries of one endpoint that are read at once. */
const TAKE = 100;
/** While something is under way it is looked this often for what has become due beside it. */
const LOOK_MS = 500;

/** Resolves after `ms`, or when the signal aborts, whichever comes first. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

/** Turns events into deliveries, and sends what is due. Runs on one replica at a time. */
export class WebhookDispatcher {
  constructor(
    private readonly parts: {
      readonly store: WebhookStore;
      readonly clock: Clock;
      readonly config: WebhooksConfig;
      readonly secretOf: SecretOf;
      readonly send: SendWebhook;
      readonly pause: Pause;
      /** In [0, 1). */
      readonly random: () => number;
      readonly logger: Logger;
      /** Sent as User-Agent. */
      readonly origin: string;
    },
  ) {}

  /** Types of events that some endpoint hears of now. */
  async types(): Promise<readonly string[] | 'all'> {
    const endpoints = await this.parts.store.listening();
    if (endpoints.length === 0) return [];
    const types = new Set(endpoints.flatMap((endpoint) => endpoint.types));
    const open = endpoints.some((one) => one.types.length === 0) || [...types].some(isPattern);
    return open ? 'all' : [...types, 'webhook.test'];
  }

  /** Queues events for every endpoint that hears of them; doing it again changes nothing. */
  async queue(events: readonly DomainEvent[]): Promise<void> {
    const { store, clock, config } = this.parts;
    const endpoints = await store.listening();
    const nowMs = clock.nowMs();
    const deliveries = endpoints.flatMap((endpoint) =>
      events
        .filter((event) => hears(endpoint, event))
        .map((event) => newDelivery(endpoint, event, nowMs, config)),
    );
    if (deliveries.length === 0) return;
    await store.enqueue(deliveries, config.maxQueued, {
      missed: (endpoint) => endpointEvent('webhook.missed', endpoint, nowMs),
    });
  }

  /** Sends until nothing is due. A slow endpoint holds up nobody but itself. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, clock, config, pause } = this.parts;
    const lanes = new Map<string, Promise<void>>();
    const slots = new SharedSlots(config.maxConcurrency);
    const failed: unknown[] = [];
    while (!signal.aborted && failed.length === 0) {
      const due = await store.due(clock.nowMs(), config.maxConcurrency + lanes.size);
      for (const endpoint of due) {
        if (lanes.has(endpoint.id)) continue;
        const lane = this.lane(endpoint, slots, signal)
          .catch((error: unknown) => void failed.push(error))
          .finally(() => lanes.delete(endpoint.id));
        lanes.set(endpoint.id, lane);
      }
      if (lanes.size === 0) break;
      const looked = new AbortController();
      await Promise.race([...lanes.values(), pause(LOOK_MS, looked.signal)]);
      looked.abort();
    }
    await Promise.all(lanes.values());
    if (failed.length > 0) throw failed[0];
  }

  /** One round over an endpoint: what is due now, a few at once, until something says to leave it alone. */
  private async lane(
    endpoint: WebhookEndpoint,
    slots: SharedSlots,
    signal: AbortSignal,
  ): Promise<void> {
    const { store, clock, config } = this.parts;
    const waiting = [...(await store.take(endpoint, clock.nowMs(), TAKE))];
    let current = endpoint;
    const worker = async (): Promise<void> => {
      for (;;) {
        const rests = current.state !== 'active' || current.retryAtMs > clock.nowMs();
        const delivery = rests || signal.aborted ? undefined : waiting.shift();
        if (delivery === undefined) return;
        const release = await slots.take(endpoint.accountId);
        try {
          current = (await this.attempt(endpoint, delivery, signal)) ?? current;
        } finally {
          release();
        }
      }
    };
    await Promise.all(Array.from({ length: lanesOf(endpoint, config) }, worker));
  }

  private async attempt(
    endpoint: WebhookEndpoint,
    delivery: Delivery,
    signal: AbortSignal,
  ): Promise<WebhookEndpoint | undefined> {
    const { store, clock, config, secretOf, send, random, logger, origin } = this.parts;
    const { body, eventId } = delivery;
    const outcome = await send(
      {
        url: endpoint.url,
        headers: {
          'content-type': 'application/json',
          'user-agent': `wattproof (${origin})`,
          [SIGNATURE_HEADER]: signWebhook(
            secretsOf(endpoint, secretOf, clock.nowMs()),
            body,
            clock.nowMs(),
          ),
          [EVENT_HEADER]: eventId,
          [WEBHOOK_HEADER]: endpoint.id,
        },
        body,
      },
      signal,
    );
    // What was called off because this replica stops says nothing of the endpoint.
    if (signal.aborted && outcome.kind === 'failed') return undefined;
    let settled: WebhookEndpoint | undefined;
    await store.settle(delivery, (now, stored) => {
      const at = { nowMs: clock.nowMs(), random: random(), config };
      const settlement = afterAttempt(now, stored, outcome, at);
      settled = settlement.endpoint;
      return settlement;
    });
    if (outcome.kind === 'failed')
      logger.debug('webhook not delivered', {
        webhook: endpoint.id,
        event: eventId,
        error: outcome.error,
      });
    return settled;
  }
}

const isPattern = (type: string): boolean => type.endsWith('.*');

export function newDelivery(
  endpoint: WebhookEndpoint,
  event: DomainEvent,
  nowMs: number,
  { retryForMs }: Pick<WebhooksConfig, 'retryForMs'>,
): NewDelivery {
  const { entry } = event.data;
  return {
    endpointId: endpoint.id,
    eventId: event.id,
    type: event.type,
    body: bodyOf(event),
    ...(typeof entry === 'string' ? { entryId: entry } : {}),
    createdAtMs: nowMs,
    nextAtMs: nowMs,
    expiresAtMs: nowMs + retryForMs,
  };
}

/** So many at once; who comes later waits. */
class Slots {
  private readonly waiting: (() => void)[] = [];

  constructor(private free: number) {}

  /** Resolves to what gives the slot back. */
  async take(): Promise<() => void> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => void this.waiting.push(resolve));
    return () => {
      const next = this.waiting.shift();
      if (next === undefined) this.free += 1;
      else next();
    };
  }
}

/** So many at once, and of one account a part of them. */
class SharedSlots {
  private readonly all: Slots;
  private readonly byAccount = new Map<string, Slots>();

  constructor(private readonly count: number) {
    this.all = new Slots(count);
  }

  async take(accountId: string): Promise<() => void> {
    const own = this.byAccount.get(accountId) ?? new Slots(Math.ceil(this.count * ACCOUNT_SHARE));
    this.byAccount.set(accountId, own);
    const releaseOwn = await own.take();
    const release = await this.all.take();
    return () => {
      release();
      releaseOwn();
    };
  }
}

/** Those that sign now: the newest, and the one before it until its time is over. */
function secretsOf(
  { id, secretVersion, previousSecretUntilMs = 0 }: WebhookEndpoint,
  secretOf: SecretOf,
  nowMs: number,
): readonly string[] {
  const newest = secretOf(id, secretVersion);
  return nowMs < previousSecretUntilMs ? [newest, secretOf(id, secretVersion - 1)] : [newest];
}
