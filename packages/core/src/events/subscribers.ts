import type { DomainEvent, EventSource, Logger, Subscription } from '../spi/index.js';
import { typesNamed } from './event-types.js';
import { Followers } from './followers.js';
import type { OutboxStore } from './outbox.store.js';

/** Events read at once for one subscriber. */
const READ_LIMIT = 500;

/** Types of events; a subscriber whose types change says each time what they are now. */
export type EventTypes = readonly string[] | 'all' | (() => Promise<readonly string[] | 'all'>);

interface Subscriber {
  readonly cursor: string;
  readonly types: EventTypes;
  /** Resolves to the last event that is done; undefined when none is. */
  readonly handle: (
    events: readonly DomainEvent[],
    ended: () => boolean,
  ) => Promise<DomainEvent | undefined>;
  under: Promise<void> | undefined;
  /** Where its cursor was last put for want of events. */
  passed: string;
  stopped: boolean;
}

/**
 * Hands committed events to in-process subscribers: each at least once, in order, from its own durable
 * cursor. A handler that throws is called again with the same event at the next delivery; what it
 * handled before that stays confirmed.
 */
export class Subscribers {
  /** Who wants to hear at once and remembers nothing. */
  readonly followers: Followers;
  private readonly subscribers = new Map<string, Subscriber>();

  constructor(
    private readonly outbox: OutboxStore,
    private readonly logger: Logger,
  ) {
    this.followers = new Followers(outbox, logger);
  }

  /** What one plugin instance gets: its cursors are its own, its events those it declared. */
  sourceFor(owner: string, types: readonly string[]): EventSource {
    return {
      subscribe: (cursor, handle) =>
        this.subscribe(`${owner}/${cursor}`, typesNamed(types), handle),
      follow: (handle) => this.followers.follow(types, handle),
    };
  }

  subscribe(
    cursor: string,
    types: readonly string[] | 'all',
    handle: (event: DomainEvent) => Promise<void>,
  ): Subscription {
    return this.add(cursor, types, async (events, ended) => {
      let done: DomainEvent | undefined;
      for (const event of events) {
        if (ended()) break;
        try {
          await handle(event);
        } catch (error) {
          this.logger.warn('event handler failed', { cursor, event: event.id, error });
          break;
        }
        done = event;
      }
      return done;
    });
  }

  /** The same for who takes many at once: all of them are handled, or all are handed over again. */
  subscribeMany(
    cursor: string,
    types: EventTypes,
    handle: (events: readonly DomainEvent[]) => Promise<void>,
  ): Subscription {
    return this.add(cursor, types, async (events) => {
      try {
        await handle(events);
      } catch (error) {
        this.logger.warn('event handler failed', { cursor, events: events.length, error });
        return undefined;
      }
      return events.at(-1);
    });
  }

  private add(cursor: string, types: EventTypes, handle: Subscriber['handle']): Subscription {
    if (this.subscribers.has(cursor)) {
      throw new Error(`There is already a subscriber with the cursor "${cursor}".`);
    }
    const subscriber: Subscriber = {
      cursor,
      types,
      handle,
      under: undefined,
      passed: '',
      stopped: false,
    };
    this.subscribers.set(cursor, subscriber);
    return {
      stop: async () => {
        subscriber.stopped = true;
        this.subscribers.delete(cursor);
        await subscriber.under;
      },
    };
  }

  /** Delivers what has been committed since; resolves when every subscriber is through or failed. */
  async deliver(signal?: AbortSignal): Promise<void> {
    await Promise.all(
      [...this.subscribers.values()].map((subscriber) => {
        subscriber.under ??= this.drain(subscriber, signal).finally(() => {
          subscriber.under = undefined;
        });
        return subscriber.under;
      }),
    );
  }

  private async drain(subscriber: Subscriber, signal: AbortSignal | undefined): Promise<void> {
    const { cursor, types, handle } = subscriber;
    const ended = (): boolean => subscriber.stopped || signal?.aborted === true;
    let more = true;
    while (more && !ended()) {
      // Asked in this order: who wants a type from now on misses none that is committed from now on.
      const last = await this.outbox.last();
      if (last === undefined) return;
      const wanted = typeof types === 'function' ? await types() : types;
      const read = await this.outbox.read(cursor, wanted, READ_LIMIT);
      const events = read.filter(({ id }) => id <= last);
      if (events.length === 0) {
        // What it does not take must not be kept for it.
        if (last > subscriber.passed) await this.outbox.advance(cursor, last);
        subscriber.passed = last;
        return;
      }
      const done = await handle(events, ended);
      if (done !== undefined) await this.outbox.advance(cursor, done.id);
      more = done === events.at(-1) && read.length === READ_LIMIT;
    }
  }
}
