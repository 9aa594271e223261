import { erasedBody, eventOf } from '../../events/webhooks/erased-body.js';
import type {
  Delivery,
  EndpointChange,
  NewDelivery,
  Settlement,
  WebhookEndpoint,
  WebhookStore,
} from '../../events/webhooks/webhook.store.js';
import type { Journaled } from '../../logs/journal.js';
import type { DomainEvent } from '../../spi/index.js';
import { type ForgottenReports, isForgotten } from '../committed-events.js';
import { page, readTextCursor, textCursor } from '../list-cursor.js';
import type { MemoryChanges } from './memory-changes.js';
import type { MemoryOutbox } from './outbox.js';

const byEvent = (a: Delivery, b: Delivery): number => (a.eventId < b.eventId ? -1 : 1);

export class MemoryWebhooks implements WebhookStore {
  private readonly endpoints = new Map<string, WebhookEndpoint>();
  /** By endpoint, then by event. */
  private readonly queues = new Map<string, Map<string, Delivery>>();

  constructor(
    private readonly changes: MemoryChanges,
    private readonly outbox: MemoryOutbox,
    private readonly isErased: (entryId: string) => boolean,
  ) {}

  create(
    endpoint: WebhookEndpoint,
    maxPerAccount: number,
    said: Journaled,
  ): Promise<'created' | 'too_many'> {
    return this.changes.run(async (journal) => {
      const own = [...this.endpoints.values()].filter(
        ({ accountId }) => accountId === endpoint.accountId,
      );
      if (own.length >= maxPerAccount) return 'too_many';
      await journal(said);
      this.endpoints.set(endpoint.id, endpoint);
      this.queues.set(endpoint.id, new Map());
      return 'created';
    });
  }

  async get(endpointId: string): Promise<WebhookEndpoint | undefined> {
    return this.endpoints.get(endpointId);
  }

  async list(query: Parameters<WebhookStore['list']>[0]) {
    const behind = query.cursor === undefined ? undefined : readTextCursor(query.cursor);
    const found = [...this.endpoints.values()]
      .filter(
        ({ id, accountId, everyAccount }) =>
          (behind === undefined || id > behind) &&
          (query.everyAccount === undefined || everyAccount === query.everyAccount) &&
          (query.accountId === undefined || accountId === query.accountId),
      )
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    return page(found, query.limit, (last) => textCursor(last.id));
  }

  change(
    endpointId: string,
    { state, newSecret, ...change }: EndpointChange,
    said: Journaled,
  ): Promise<WebhookEndpoint | undefined> {
    return this.changes.run(async (journal) => {
      const before = this.endpoints.get(endpointId);
      if (before === undefined) return undefined;
      await journal(said);
      let endpoint: WebhookEndpoint = { ...before, ...change };
      if (state !== undefined) endpoint = { ...endpoint, state: state.to };
      if (newSecret !== undefined)
        endpoint = {
          ...endpoint,
          secretVersion: before.secretVersion + 1,
          previousSecretUntilMs: newSecret.previousUntilMs,
        };
      if (state?.to === 'active') {
        const { failingSinceMs: _since, ...rest } = endpoint;
        endpoint = { ...rest, failures: 0, retryAtMs: 0, toldFailing: false };
        const queue = this.queues.get(endpointId);
        for (const one of queue?.values() ?? [])
          if (one.state === 'pending')
            queue?.set(one.eventId, { ...one, expiresAtMs: state.expiresAtMs });
      }
      this.endpoints.set(endpointId, endpoint);
      return endpoint;
    });
  }

  remove(endpointId: string, said: Journaled): Promise<boolean> {
    return this.changes.run(async (journal) => {
      if (!this.endpoints.has(endpointId)) return false;
      await journal(said);
      this.queues.delete(endpointId);
      return this.endpoints.delete(endpointId);
    });
  }

  async listening(): Promise<readonly WebhookEndpoint[]> {
    return [...this.endpoints.values()].filter(({ state }) => state !== 'disabled');
  }

  enqueue(
    deliveries: readonly NewDelivery[],
    maxQueued: number,
    how: 'again' | { readonly missed: (endpoint: WebhookEndpoint) => Omit<DomainEvent, 'id'> },
  ): Promise<{ readonly queued: number; readonly missed: number }> {
    return this.changes.run(() => {
      let [queued, missed] = [0, 0];
      for (const given of deliveries) {
        const endpoint = this.endpoints.get(given.endpointId);
        const queue = this.queues.get(given.endpointId);
        const there = queue?.get(given.eventId);
        if (endpoint === undefined || queue === undefined || endpoint.state === 'disabled')
          continue;
        if (there !== undefined && (how !== 'again' || there.state === 'pending')) continue;
        if (pendingOf(queue).length >= maxQueued) {
          missed += 1;
          if (how === 'again') continue;
          if (endpoint.missed === 0) this.outbox.append(how.missed(endpoint));
          this.endpoints.set(endpoint.id, { ...endpoint, missed: endpoint.missed + 1 });
          continue;
        }
        queued += 1;
        const { entryId } = given;
        const erased = entryId !== undefined && this.isErased(entryId);
        const body = erased ? erasedBody(given.body) : given.body;
        queue.set(given.eventId, { ...given, body, state: 'pending', attempts: 0 });
        if (how !== 'again' && endpoint.missed > 0)
          this.endpoints.set(endpoint.id, { ...endpoint, missed: 0 });
      }
      return { queued, missed };
    });
  }

  async due(nowMs: number, limit: number): Promise<readonly WebhookEndpoint[]> {
    return [...this.endpoints.values()]
      .filter(({ state, retryAtMs }) => state === 'active' && retryAtMs <= nowMs)
      .map((endpoint) => ({ endpoint, next: this.ready(endpoint, nowMs)[0] }))
      .filter(({ next }) => next !== undefined)
      .sort((a, b) => (a.next?.nextAtMs ?? 0) - (b.next?.nextAtMs ?? 0))
      .slice(0, limit)
      .map(({ endpoint }) => endpoint);
  }

  async take(
    endpoint: WebhookEndpoint,
    nowMs: number,
    limit: number,
  ): Promise<readonly Delivery[]> {
    return this.ready(endpoint, nowMs).slice(0, limit);
  }

  private ready({ id, inOrder }: WebhookEndpoint, nowMs: number): readonly Delivery[] {
    const pending = pendingOf(this.queues.get(id));
    return inOrder ? pending : pending.filter(({ nextAtMs }) => nextAtMs <= nowMs);
  }

  settle(
    of: Pick<Delivery, 'endpointId' | 'eventId'>,
    decide: (endpoint: WebhookEndpoint, delivery: Delivery) => Settlement,
  ): Promise<boolean> {
    return this.changes.run(() => {
      const stored = this.endpoints.get(of.endpointId);
      const queue = this.queues.get(of.endpointId);
      const waiting = queue?.get(of.eventId);
      if (stored === undefined || queue === undefined || waiting?.state !== 'pending') return false;
      const { endpoint, delivery, bury, events } = decide(stored, waiting);
      this.endpoints.set(endpoint.id, endpoint);
      queue.set(delivery.eventId, delivery);
      if (bury !== undefined)
        for (const one of pendingOf(queue))
          if (bury.expiredAtMs === 'any' || one.expiresAtMs <= bury.expiredAtMs)
            queue.set(one.eventId, { ...one, state: 'dead', lastError: bury.error });
      for (const event of events) this.outbox.append(event);
      return true;
    });
  }

  async deliveries(query: Parameters<WebhookStore['deliveries']>[0]) {
    const before = query.cursor === undefined ? undefined : readTextCursor(query.cursor);
    const found = [...(this.queues.get(query.endpointId)?.values() ?? [])]
      .filter(
        ({ eventId, state }) =>
          (before === undefined || eventId < before) &&
          (query.state === undefined || state === query.state),
      )
      .sort((a, b) => byEvent(b, a));
    return page(found, query.limit, (last) => textCursor(last.eventId));
  }

  replay(
    { endpointId, eventId }: Pick<Delivery, 'endpointId' | 'eventId'>,
    times: Pick<Delivery, 'nextAtMs' | 'expiresAtMs'>,
  ): Promise<Delivery | undefined> {
    return this.changes.run(() => {
      const queue = this.queues.get(endpointId);
      const before = queue?.get(eventId);
      if (before === undefined || before.state === 'pending') return before;
      const again: Delivery = { ...before, ...times, state: 'pending', attempts: 0 };
      queue?.set(eventId, again);
      return again;
    });
  }

  forgetEntries(entryIds: readonly string[]): Promise<void> {
    return this.changes.run(() => {
      this.forget(new Set(entryIds));
    });
  }

  /** For who is in a transaction already. */
  forget(entryIds: ReadonlySet<string>): void {
    for (const queue of this.queues.values())
      for (const one of queue.values())
        if (one.entryId !== undefined && entryIds.has(one.entryId))
          queue.set(one.eventId, { ...one, body: erasedBody(one.body) });
  }

  /** For who is in a transaction already. */
  forgetReports(forgotten: ForgottenReports): void {
    for (const queue of this.queues.values())
      for (const one of queue.values())
        if (isForgotten(eventOf(one.body), forgotten))
          queue.set(one.eventId, { ...one, body: erasedBody(one.body) });
  }

  prune(beforeMs: number): Promise<number> {
    return this.changes.run(() => {
      let pruned = 0;
      for (const queue of this.queues.values())
        for (const one of queue.values())
          if (one.state !== 'pending' && (one.lastAtMs ?? one.createdAtMs) < beforeMs)
            pruned += queue.delete(one.eventId) ? 1 : 0;
      return pruned;
    });
  }
}

function pendingOf(queue: ReadonlyMap<string, Delivery> | undefined): readonly Delivery[] {
  return [...(queue?.values() ?? [])].filter(({ state }) => state === 'pending').sort(byEvent);
}
