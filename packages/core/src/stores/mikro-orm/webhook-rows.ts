import type {
  Delivery,
  DeliveryState,
  EndpointState,
  WebhookEndpoint,
} from '../../events/webhooks/webhook.store.js';
import { entryIdOf } from './entry-id.js';
import type { Sql } from './sql.js';

interface EndpointRow {
  readonly id: string;
  readonly account_id: string;
  readonly every_account: boolean;
  readonly url: string;
  readonly types: string;
  readonly in_order: boolean;
  readonly state: EndpointState;
  readonly created_at_ms: bigint;
  readonly failures: number;
  readonly failing_since_ms: bigint | null;
  readonly retry_at_ms: bigint;
  readonly told_failing: boolean;
  readonly missed: bigint;
  readonly secret_version: number;
  readonly previous_secret_until_ms: bigint | null;
}

interface DeliveryRow {
  readonly endpoint_id: string;
  readonly event_id: string;
  readonly type: string;
  readonly body: string;
  readonly entry_id: string | null;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly created_at_ms: bigint;
  readonly next_at_ms: bigint;
  readonly expires_at_ms: bigint;
  readonly last_at_ms: bigint | null;
  readonly last_status: number | null;
  readonly last_error: string | null;
}

const ENDPOINT = `e.id, e.account_id, e.every_account, e.url, e.types, e.in_order, e.state, e.created_at_ms, e.failures,
  e.failing_since_ms, e.retry_at_ms, e.told_failing, e.missed, e.secret_version, e.previous_secret_until_ms`;
const DELIVERY = `d.endpoint_id, d.event_id, d.type, d.body, d.entry_id, d.state, d.attempts, d.created_at_ms, d.next_at_ms,
  d.expires_at_ms, d.last_at_ms, d.last_status, d.last_error`;

type Params = Parameters<Sql['query']>[1];

/** Endpoints, `e` in `rest`. */
export async function readEndpoints(
  sql: Sql,
  rest: string,
  params: Params,
): Promise<readonly WebhookEndpoint[]> {
  const rows = await sql.query<EndpointRow>(
    `SELECT ${ENDPOINT} FROM webhook_endpoint e ${rest}`,
    params,
  );
  return rows.map((row) => ({
    id: row.id,
    accountId: row.account_id,
    everyAccount: row.every_account,
    url: row.url,
    types: JSON.parse(row.types) as string[],
    inOrder: row.in_order,
    state: row.state,
    createdAtMs: Number(row.created_at_ms),
    failures: row.failures,
    ...(row.failing_since_ms === null ? {} : { failingSinceMs: Number(row.failing_since_ms) }),
    retryAtMs: Number(row.retry_at_ms),
    toldFailing: row.told_failing,
    missed: Number(row.missed),
    secretVersion: row.secret_version,
    ...(row.previous_secret_until_ms === null
      ? {}
      : { previousSecretUntilMs: Number(row.previous_secret_until_ms) }),
  }));
}

/** Deliveries, `d` in `rest`. */
export async function readDeliveries(
  sql: Sql,
  rest: string,
  params: Params,
): Promise<readonly Delivery[]> {
  const rows = await sql.query<DeliveryRow>(
    `SELECT ${DELIVERY} FROM webhook_delivery d ${rest}`,
    params,
  );
  return rows.map((row) => ({
    endpointId: row.endpoint_id,
    eventId: row.event_id,
    type: row.type,
    body: row.body,
    ...(row.entry_id === null ? {} : { entryId: entryIdOf(row.entry_id) }),
    state: row.state,
    attempts: row.attempts,
    createdAtMs: Number(row.created_at_ms),
    nextAtMs: Number(row.next_at_ms),
    expiresAtMs: Number(row.expires_at_ms),
    ...(row.last_at_ms === null ? {} : { lastAtMs: Number(row.last_at_ms) }),
    ...(row.last_status === null ? {} : { lastStatus: row.last_status }),
    ...(row.last_error === null ? {} : { lastError: row.last_error }),
  }));
}

export async function writeEndpoint(tx: Sql, endpoint: WebhookEndpoint): Promise<void> {
  const { failures, failingSinceMs, retryAtMs, toldFailing, missed } = endpoint;
  await tx.query(
    `UPDATE webhook_endpoint SET url = $2, types = $3, in_order = $4, state = $5, failures = $6, failing_since_ms = $7,
       retry_at_ms = $8, told_failing = $9, missed = $10, secret_version = $11, previous_secret_until_ms = $12
     WHERE id = $1`,
    [
      endpoint.id,
      endpoint.url,
      JSON.stringify(endpoint.types),
      endpoint.inOrder,
      endpoint.state,
      failures,
      failingSinceMs ?? null,
      retryAtMs,
      toldFailing,
      missed,
      endpoint.secretVersion,
      endpoint.previousSecretUntilMs ?? null,
    ],
  );
}

export async function writeDelivery(tx: Sql, delivery: Delivery): Promise<void> {
  const { lastAtMs, lastStatus, lastError } = delivery;
  // The body is not written: it may have been forgotten in the meantime.
  await tx.query(
    `UPDATE webhook_delivery SET state = $3, attempts = $4, next_at_ms = $5, expires_at_ms = $6, last_at_ms = $7,
       last_status = $8, last_error = $9 WHERE endpoint_id = $1 AND event_id = $2`,
    [
      delivery.endpointId,
      delivery.eventId,
      delivery.state,
      delivery.attempts,
      delivery.nextAtMs,
      delivery.expiresAtMs,
      lastAtMs ?? null,
      lastStatus ?? null,
      lastError ?? null,
    ],
  );
}
