import type { Journaled } from '../../logs/journal.js';
import type { DomainEvent } from '../../spi/index.js';

export const ENDPOINT_STATES = ['active', 'paused', 'disabled'] as const;
/** `paused`: events wait. `disabled`: nothing is kept for it until it is made active again. */
export type EndpointState = (typeof ENDPOINT_STATES)[number];

export interface WebhookEndpoint {
  /** `wh_` and 32 hex digits. */
  readonly id: string;
  readonly accountId: string;
  /** Hears of every account, not of its own alone. */
  readonly everyAccount: boolean;
  readonly url: string;
  /** Exact types, or `meter.*`; empty: all. */
  readonly types: readonly string[];
  /** One delivery at a time, none before the one before it is through or dead. */
  readonly inOrder: boolean;
  readonly state: EndpointState;
  readonly createdAtMs: number;
  /** How often its secret was changed. */
  readonly secretVersion: number;
  /** Until when the secret before signs as well. */
  readonly previousSecretUntilMs?: number;
  /** Attempts that failed since one did not. */
  readonly failures: number;
  /** The first of them. */
  readonly failingSinceMs?: number;
  /** Nothing is sent before. */
  readonly retryAtMs: number;
  /** Whether a delivery died since one got through: told once. */
  readonly toldFailing: boolean;
  /** Events that found the queue full, since it last was not. */
  readonly missed: number;
}

export const DELIVERY_STATES = ['pending', 'delivered', 'dead'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** One event for one endpoint. */
export interface Delivery {
  readonly endpointId: string;
  readonly eventId: string;
  readonly type: string;
  /** What is sent, byte for byte, at every attempt. */
  readonly body: string;
  /** The entry the event speaks of: when that is erased, so is the body. */
  readonly entryId?: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly createdAtMs: number;
  readonly nextAtMs: number;
  /** A failure from here on is the last. */
  readonly expiresAtMs: number;
  readonly lastAtMs?: number;
  /** HTTP status of the last answer. */
  readonly lastStatus?: number;
  /** Code of what went wrong last: `status`, `timeout`, `address_denied`, … */
  readonly lastError?: string;
}

/** A delivery that is to be queued. */
export type NewDelivery = Pick<
  Delivery,
  | 'endpointId'
  | 'eventId'
  | 'type'
  | 'body'
  | 'entryId'
  | 'createdAtMs'
  | 'nextAtMs'
  | 'expiresAtMs'
>;

/** What an attempt changes. */
export interface Settlement {
  readonly delivery: Delivery;
  readonly endpoint: WebhookEndpoint;
  /** What waits besides and dies with it: all of it, or what has expired. */
  readonly bury?: { readonly expiredAtMs: number | 'any'; readonly error: string };
  readonly events: readonly Omit<DomainEvent, 'id'>[];
}

export interface EndpointChange {
  readonly url?: string;
  readonly types?: readonly string[];
  readonly inOrder?: boolean;
  /** The next secret signs from now on, the present one besides until then. */
  readonly newSecret?: { readonly previousUntilMs: number };
  /** Made active, it starts without its failures, and what waits gets its time anew. */
  readonly state?: { readonly to: 'active' | 'paused'; readonly expiresAtMs: number };
}

interface Page<T> {
  readonly items: readonly T[];
  readonly cursor?: string;
}

/** Port of webhooks. */
export interface WebhookStore {
  create(
    endpoint: WebhookEndpoint,
    maxPerAccount: number,
    said: Journaled,
  ): Promise<'created' | 'too_many'>;
  get(endpointId: string): Promise<WebhookEndpoint | undefined>;
  list(query: {
    readonly accountId?: string;
    /** Only those that hear of every account, or only the others. */
    readonly everyAccount?: boolean;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<Page<WebhookEndpoint>>;
  /** Undefined when there is none. */
  change(
    endpointId: string,
    change: EndpointChange,
    said: Journaled,
  ): Promise<WebhookEndpoint | undefined>;
  /** With its deliveries. False when there is none. */
  remove(endpointId: string, said: Journaled): Promise<boolean>;

  /** Endpoints for which events are kept: active and paused ones. */
  listening(): Promise<readonly WebhookEndpoint[]>;
  /**
   * Queues what is not there yet, up to `maxQueued` pending an endpoint; what finds no room is counted as missed, and
   * `missed` says so, in the same transaction, of an endpoint that had missed nothing before. Of an entry that was erased
   * meanwhile only its id is kept. With `again` deliveries that are through or dead are made pending once more, and what
   * finds no room is only counted in the answer.
   */
  enqueue(
    deliveries: readonly NewDelivery[],
    maxQueued: number,
    how: 'again' | { readonly missed: (endpoint: WebhookEndpoint) => Omit<DomainEvent, 'id'> },
  ): Promise<{ readonly queued: number; readonly missed: number }>;
  /** Active endpoints that have something to send now, those first that waited longest. */
  due(nowMs: number, limit: number): Promise<readonly WebhookEndpoint[]>;
  /** What is to be sent to one of them now, in the order of events; of an endpoint in order its first, due or not. */
  take(endpoint: WebhookEndpoint, nowMs: number, limit: number): Promise<readonly Delivery[]>;
  /**
   * Writes what became of an attempt. `decide` gets both as they are now, under a lock; undefined changes nothing.
   * False when the delivery is not pending any more or is gone.
   */
  settle(
    of: Pick<Delivery, 'endpointId' | 'eventId'>,
    decide: (endpoint: WebhookEndpoint, delivery: Delivery) => Settlement,
  ): Promise<boolean>;
  /** Newest first. */
  deliveries(query: {
    readonly endpointId: string;
    readonly state?: DeliveryState;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<Page<Delivery>>;
  /** Makes one pending again; undefined when unknown. One that is pending stays as it is. */
  replay(
    of: Pick<Delivery, 'endpointId' | 'eventId'>,
    times: Pick<Delivery, 'nextAtMs' | 'expiresAtMs'>,
  ): Promise<Delivery | undefined>;
  /** Leaves nothing of what deliveries tell of these entries but their ids. */
  forgetEntries(entryIds: readonly string[]): Promise<void>;
  /** Deletes what is through or dead and was last touched before, and forgets what was erased meanwhile. */
  prune(beforeMs: number): Promise<number>;
}
