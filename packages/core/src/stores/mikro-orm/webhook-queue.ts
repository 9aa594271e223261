import { erasedBody } from '../../events/webhooks/erased-body.js';
import type { NewDelivery } from '../../events/webhooks/webhook.store.js';
import { uuidOf } from './entry-id.js';
import type { Sql } from './sql.js';
import { column } from './sql-column.js';
import { readDeliveries } from './webhook-rows.js';

/** Of what was erased, bodies that still say more than its id. */
export const ERASED = `d.entry_id IN (SELECT entry_id FROM erased_entry) AND d.body NOT LIKE '%"erased":true%'`;

/** Deliveries of one endpoint, whose row is locked. */
export async function insertDeliveries(
  tx: Sql,
  given: readonly NewDelivery[],
  maxQueued: number,
  again: boolean,
): Promise<{ readonly queued: number; readonly missed: number }> {
  const [endpointId] = column(given, (one) => one.endpointId);
  const ids = column(given, ({ eventId }) => eventId);
  const there = await tx.query<{ event_id: string }>(
    `SELECT event_id FROM webhook_delivery
     WHERE endpoint_id = $1 AND event_id = ANY($2::text[]) AND (state = 'pending' OR NOT $3)`,
    [endpointId ?? '', ids, again],
  );
  const known = new Set(there.map(({ event_id: id }) => id));
  const wanted = given.filter(({ eventId }) => !known.has(eventId));
  if (wanted.length === 0) return { queued: 0, missed: 0 };
  const [count] = await tx.query<{ pending: bigint }>(
    `SELECT count(*) AS pending FROM webhook_delivery WHERE endpoint_id = $1 AND state = 'pending'`,
    [endpointId ?? ''],
  );
  const room = Math.max(0, maxQueued - Number(count?.pending ?? 0n));
  const fitting = wanted.slice(0, room);
  const [first] = fitting;
  if (first !== undefined) {
    await tx.query(
      `INSERT INTO webhook_delivery (endpoint_id, event_id, type, body, entry_id, state, attempts, created_at_ms,
         next_at_ms, expires_at_ms)
       SELECT $1, n.event_id, n.type, n.body, n.entry_id, 'pending', 0, $6, $7, $8
       FROM unnest($2::text[], $3::text[], $4::text[], $5::uuid[]) AS n (event_id, type, body, entry_id)
       ORDER BY n.event_id
       ON CONFLICT (endpoint_id, event_id) DO UPDATE SET state = 'pending', attempts = 0, body = excluded.body,
         next_at_ms = excluded.next_at_ms, expires_at_ms = excluded.expires_at_ms`,
      [
        first.endpointId,
        column(fitting, ({ eventId }) => eventId),
        column(fitting, ({ type }) => type),
        column(fitting, ({ body }) => body),
        column(fitting, ({ entryId }) => uuidOf(entryId ?? '') ?? null),
        first.createdAtMs,
        first.nextAtMs,
        first.expiresAtMs,
      ],
    );
    // Events are read before they are queued: an entry may have been erased in between.
    await forget(tx, `d.endpoint_id = $1 AND d.event_id = ANY($2::text[]) AND ${ERASED}`, [
      first.endpointId,
      column(fitting, ({ eventId }) => eventId),
    ]);
  }
  return { queued: fitting.length, missed: wanted.length - fitting.length };
}

/** Leaves the ids in the bodies of deliveries that `which` finds, `d` in it. */
export async function forget(
  tx: Sql,
  which: string,
  params: Parameters<Sql['query']>[1],
): Promise<void> {
  const found = await readDeliveries(
    tx,
    `WHERE ${which} ORDER BY d.endpoint_id, d.event_id FOR UPDATE`,
    params,
  );
  if (found.length === 0) return;
  await tx.query(
    `UPDATE webhook_delivery d SET body = n.body
     FROM unnest($1::text[], $2::text[], $3::text[]) AS n (endpoint_id, event_id, body)
     WHERE d.endpoint_id = n.endpoint_id AND d.event_id = n.event_id`,
    [
      column(found, ({ endpointId }) => endpointId),
      column(found, ({ eventId }) => eventId),
      column(found, ({ body }) => erasedBody(body)),
    ],
  );
}
