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
import { page, readTextCursor, textCursor } from '../list-cursor.js';
import { uuidOf } from './entry-id.js';
import { appendEvents } from './outbox-rows.js';
import type { Sql } from './sql.js';
import type { SqlChanges } from './sql-changes.js';
import { ERASED, forget, insertDeliveries } from './webhook-queue.js';
import { readDeliveries, readEndpoints, writeDelivery, writeEndpoint } from './webhook-rows.js';

export class SqlWebhooks implements WebhookStore {
  constructor(
    private readonly sql: Sql,
    private readonly changes: SqlChanges,
  ) {}

  create(
    endpoint: WebhookEndpoint,
    maxPerAccount: number,
    said: Journaled,
  ): Promise<'created' | 'too_many'> {
    return this.changes.run(async (tx, journal) => {
      // Two at once for one account: the second counts what the first has made.
      await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('webhooks ' || $1, 0))::text`, [
        endpoint.accountId,
      ]);
      const [row] = await tx.query<{ own: bigint }>(
        'SELECT count(*) AS own FROM webhook_endpoint WHERE account_id = $1',
        [endpoint.accountId],
      );
      if (Number(row?.own ?? 0n) >= maxPerAccount) return 'too_many';
      await tx.query(
        `INSERT INTO webhook_endpoint (id, account_id, every_account, url, types, in_order, state, created_at_ms,
           failures, retry_at_ms, told_failing, missed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
        [
          endpoint.id,
          endpoint.accountId,
          endpoint.everyAccount,
          endpoint.url,
          JSON.stringify(endpoint.types),
          endpoint.inOrder,
          endpoint.state,
          endpoint.createdAtMs,
          endpoint.failures,
          endpoint.retryAtMs,
          endpoint.toldFailing,
          endpoint.missed,
        ],
      );
      await journal(said);
      return 'created';
    });
  }

  async get(endpointId: string): Promise<WebhookEndpoint | undefined> {
    const [found] = await readEndpoints(this.sql, 'WHERE e.id = $1', [endpointId]);
    return found;
  }

  async list(query: Parameters<WebhookStore['list']>[0]) {
    const behind = query.cursor === undefined ? null : readTextCursor(query.cursor);
    const found = await readEndpoints(
      this.sql,
      `WHERE ($1::text IS NULL OR e.id > $1::text) AND ($2::text IS NULL OR e.account_id = $2::text)
         AND ($4::bool IS NULL OR e.every_account = $4::bool)
       ORDER BY e.id LIMIT $3`,
      [behind, query.accountId ?? null, query.limit + 1, query.everyAccount ?? null],
    );
    return page(found, query.limit, (last) => textCursor(last.id));
  }

  change(
    endpointId: string,
    { state, newSecret, ...change }: EndpointChange,
    said: Journaled,
  ): Promise<WebhookEndpoint | undefined> {
    return this.changes.run(async (tx, journal) => {
      const before = await lockEndpoint(tx, endpointId);
      if (before === undefined) return undefined;
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
        await tx.query(
          `UPDATE webhook_delivery SET expires_at_ms = $2 WHERE endpoint_id = $1 AND state = 'pending'`,
          [endpointId, state.expiresAtMs],
        );
      }
      await writeEndpoint(tx, endpoint);
      await journal(said);
      return endpoint;
    });
  }

  remove(endpointId: string, said: Journaled): Promise<boolean> {
    return this.changes.run(async (tx, journal) => {
      const removed = await tx.query('DELETE FROM webhook_endpoint WHERE id = $1 RETURNING id', [
        endpointId,
      ]);
      if (removed.length === 0) return false;
      await journal(said);
      return true;
    });
  }

  listening(): Promise<readonly WebhookEndpoint[]> {
    return readEndpoints(this.sql, `WHERE e.state <> 'disabled' ORDER BY e.id`, []);
  }

  async enqueue(
    deliveries: readonly NewDelivery[],
    maxQueued: number,
    how: 'again' | { readonly missed: (endpoint: WebhookEndpoint) => Omit<DomainEvent, 'id'> },
  ): Promise<{ readonly queued: number; readonly missed: number }> {
    let [queued, missed] = [0, 0];
    const byEndpoint = [...Map.groupBy(deliveries, ({ endpointId }) => endpointId)];
    for (const [endpointId, given] of byEndpoint.sort(([a], [b]) => (a < b ? -1 : 1))) {
      const counts = await this.changes.run(async (tx) => {
        const endpoint = await lockEndpoint(tx, endpointId);
        if (endpoint === undefined || endpoint.state === 'disabled')
          return { queued: 0, missed: 0 };
        const counted = await insertDeliveries(tx, given, maxQueued, how === 'again');
        if (how === 'again') return counted;
        if (counted.missed > 0 && endpoint.missed === 0)
          await appendEvents(tx, [how.missed(endpoint)]);
        // What came last tells whether the queue is full now.
        const now = counted.missed > 0 ? endpoint.missed + counted.missed : 0;
        if (now !== endpoint.missed && counted.queued + counted.missed > 0)
          await writeEndpoint(tx, { ...endpoint, missed: now });
        return counted;
      });
      queued += counts.queued;
      missed += counts.missed;
    }
    return { queued, missed };
  }

  due(nowMs: number, limit: number): Promise<readonly WebhookEndpoint[]> {
    return readEndpoints(
      this.sql,
      `JOIN LATERAL (SELECT d.next_at_ms FROM webhook_delivery d
         WHERE d.endpoint_id = e.id AND d.state = 'pending' AND (e.in_order OR d.next_at_ms <= $1)
         ORDER BY d.next_at_ms LIMIT 1) AS next ON true
       WHERE e.state = 'active' AND e.retry_at_ms <= $1 ORDER BY next.next_at_ms, e.id LIMIT $2`,
      [nowMs, limit],
    );
  }

  take(
    { id, inOrder }: WebhookEndpoint,
    nowMs: number,
    limit: number,
  ): Promise<readonly Delivery[]> {
    return readDeliveries(
      this.sql,
      `WHERE d.endpoint_id = $1 AND d.state = 'pending' AND ($2 OR d.next_at_ms <= $3)
       ORDER BY d.event_id LIMIT $4`,
      [id, inOrder, nowMs, limit],
    );
  }

  settle(
    { endpointId, eventId }: Pick<Delivery, 'endpointId' | 'eventId'>,
    decide: (endpoint: WebhookEndpoint, delivery: Delivery) => Settlement,
  ): Promise<boolean> {
    return this.changes.run(async (tx) => {
      const stored = await lockEndpoint(tx, endpointId);
      const [waiting] = await readDeliveries(
        tx,
        `WHERE d.endpoint_id = $1 AND d.event_id = $2 AND d.state = 'pending' FOR UPDATE`,
        [endpointId, eventId],
      );
      if (stored === undefined || waiting === undefined) return false;
      const { endpoint, delivery, bury, events } = decide(stored, waiting);
      await writeDelivery(tx, delivery);
      if (JSON.stringify(endpoint) !== JSON.stringify(stored)) await writeEndpoint(tx, endpoint);
      if (bury !== undefined)
        await tx.query(
          `UPDATE webhook_delivery SET state = 'dead', last_error = $3, last_at_ms = $4
           WHERE endpoint_id = $1 AND state = 'pending' AND ($2::int8 IS NULL OR expires_at_ms <= $2::int8)`,
          [
            endpointId,
            bury.expiredAtMs === 'any' ? null : bury.expiredAtMs,
            bury.error,
            delivery.lastAtMs ?? null,
          ],
        );
      if (events.length > 0) await appendEvents(tx, events);
      return true;
    });
  }

  async deliveries(query: Parameters<WebhookStore['deliveries']>[0]) {
    const before = query.cursor === undefined ? null : readTextCursor(query.cursor);
    const found = await readDeliveries(
      this.sql,
      `WHERE d.endpoint_id = $1 AND ($2::text IS NULL OR d.event_id < $2::text) AND ($3::text IS NULL OR d.state = $3::text)
       ORDER BY d.event_id DESC LIMIT $4`,
      [query.endpointId, before, query.state ?? null, query.limit + 1],
    );
    return page(found, query.limit, (last) => textCursor(last.eventId));
  }

  replay(
    { endpointId, eventId }: Pick<Delivery, 'endpointId' | 'eventId'>,
    { nextAtMs, expiresAtMs }: Pick<Delivery, 'nextAtMs' | 'expiresAtMs'>,
  ): Promise<Delivery | undefined> {
    return this.changes.run(async (tx) => {
      const [before] = await readDeliveries(
        tx,
        'WHERE d.endpoint_id = $1 AND d.event_id = $2 FOR UPDATE',
        [endpointId, eventId],
      );
      if (before === undefined || before.state === 'pending') return before;
      const again: Delivery = { ...before, nextAtMs, expiresAtMs, state: 'pending', attempts: 0 };
      await writeDelivery(tx, again);
      return again;
    });
  }

  async forgetEntries(entryIds: readonly string[]): Promise<void> {
    const ids = entryIds.map(uuidOf).filter((id) => id !== undefined);
    if (ids.length > 0)
      await this.changes.run((tx) => forget(tx, 'd.entry_id = ANY($1::uuid[])', [ids]));
  }

  async prune(beforeMs: number): Promise<number> {
    await this.changes.run((tx) => forget(tx, ERASED, []));
    const [row] = await this.sql.query<{ pruned: bigint }>(
      `WITH gone AS (DELETE FROM webhook_delivery
         WHERE state <> 'pending' AND coalesce(last_at_ms, created_at_ms) < $1 RETURNING 1)
       SELECT count(*) AS pruned FROM gone`,
      [beforeMs],
    );
    return Number(row?.pruned ?? 0n);
  }
}

async function lockEndpoint(tx: Sql, endpointId: string): Promise<WebhookEndpoint | undefined> {
  const [found] = await readEndpoints(tx, 'WHERE e.id = $1 FOR UPDATE', [endpointId]);
  return found;
}
