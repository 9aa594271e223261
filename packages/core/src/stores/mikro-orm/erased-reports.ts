import { erasedBody, eventOf } from '../../events/webhooks/erased-body.js';
import type { ErasedReports, ReportsOfMeter } from '../../logs/erasure.store.js';
import type { JsonObject } from '../../spi/index.js';
import {
  type ForgottenReports,
  forgottenReport,
  isForgotten,
  REPORT_EVENTS,
} from '../committed-events.js';
import { eventsOf } from './outbox-rows.js';
import type { Sql } from './sql.js';
import { column } from './sql-column.js';
import { readDeliveries } from './webhook-rows.js';

/** Rows that are looked through in one statement. */
const AT_ONCE = 500;

interface Gone {
  readonly erased: ErasedReports;
  /** Of alerts and commands. */
  readonly ids: readonly string[];
}

/** Deletes what the device of a meter told and was asked, in one transaction. */
export async function deleteReports(
  tx: Sql,
  { meterId, fromMs, toMs }: ReportsOfMeter,
  nowMs: number,
): Promise<Gone> {
  const params = [meterId, fromMs ?? null, toMs ?? null];
  const idsOf = async (statement: string, more: readonly number[] = []): Promise<string[]> =>
    (await tx.query<{ id: string }>(statement, [...params, ...more])).map(({ id }) => id);
  // Holds the device, as whoever writes an alert of it does.
  await tx.query('SELECT FROM device WHERE device = $1 FOR UPDATE', [meterId]);
  const alerts = await idsOf(
    `DELETE FROM device_alert WHERE device = $1 AND (${within('at_ms')} OR ${within('received_at_ms')}) RETURNING id`,
  );
  const telemetry = await idsOf(
    `UPDATE device SET telemetry = NULL, telemetry_at_ms = NULL, available_energy_uwh = NULL
     WHERE device = $1 AND telemetry IS NOT NULL AND ${within('telemetry_at_ms')} RETURNING device AS id`,
  );
  await idsOf(
    `UPDATE device SET online = NULL, why = NULL, since_ms = NULL WHERE device = $1 AND ${within('since_ms')} RETURNING device AS id`,
  );
  await idsOf(
    `UPDATE device SET seen_at_ms = NULL WHERE device = $1 AND ${within('seen_at_ms')} RETURNING device AS id`,
  );
  const deliveries = await idsOf(
    `DELETE FROM delivery_progress WHERE device = $1 AND (${within('at_ms')} OR ${within('received_at_ms')})
     RETURNING transfer_id AS id`,
  );
  const letters = await idsOf(
    `DELETE FROM dead_letter WHERE (device = $1 OR $1 = ANY(string_to_array(source, '/'))) AND ${within('at_ms')}
     RETURNING source AS id`,
  );
  const commands = await idsOf(
    `DELETE FROM device_command WHERE meter_id = $1 AND state IN ('answered', 'timeout') AND ${within('asked_at_ms')}
       AND deadline_ms < $4::int8 RETURNING id`,
    [nowMs],
  );
  return {
    erased: {
      alerts: alerts.length,
      telemetry: telemetry.length,
      deliveries: deliveries.length,
      commands: commands.length,
      deadLetters: letters.length,
    },
    ids: [...alerts, ...commands],
  };
}

/** Takes out of events, deliveries and notices what they tell of reports that are gone, in small steps. */
export async function forgetReports(sql: Sql, forgotten: ForgottenReports): Promise<void> {
  await forgetEvents(sql, forgotten);
  await forgetDeliveries(sql, forgotten);
  await forgetNotices(sql, forgotten);
}

/** In [$2, $3), each without bound when it is null. */
const within = (at: string): string =>
  `($2::int8 IS NULL OR ${at} >= $2::int8) AND ($3::int8 IS NULL OR ${at} < $3::int8)`;

/** The id as it stands in JSON: only what holds it has to be read. */
const inJson = (meterId: string): string => JSON.stringify(meterId);

async function forgetEvents(sql: Sql, forgotten: ForgottenReports): Promise<void> {
  for (let behind = 0n; ;) {
    const rows = await sql.query<{ id: bigint; events: string; at_ms: bigint }>(
      `SELECT id, events, at_ms FROM outbox WHERE id > $1 AND types && $2::text[] AND position($3 in events) > 0
       ORDER BY id LIMIT $4`,
      [behind, REPORT_EVENTS, inJson(forgotten.meterId), AT_ONCE],
    );
    for (const { id, events, at_ms: atMs } of rows) {
      behind = id;
      const kept = eventsOf(events).map(([type, data]) => [
        type,
        isForgotten({ type, atMs: Number(atMs), data }, forgotten) ? forgottenReport(data) : data,
      ]);
      await sql.query('UPDATE outbox SET events = $2 WHERE id = $1', [id, JSON.stringify(kept)]);
    }
    if (rows.length < AT_ONCE) return;
  }
}

async function forgetDeliveries(sql: Sql, forgotten: ForgottenReports): Promise<void> {
  let behind: readonly [string, string] = ['', ''];
  for (;;) {
    const found = await readDeliveries(
      sql,
      `WHERE d.type = ANY($1::text[]) AND position($2 in d.body) > 0 AND (d.endpoint_id, d.event_id) > ($3, $4)
       ORDER BY d.endpoint_id, d.event_id LIMIT $5`,
      [REPORT_EVENTS, inJson(forgotten.meterId), ...behind, AT_ONCE],
    );
    for (const { endpointId, eventId, body } of found) {
      behind = [endpointId, eventId];
      if (!isForgotten(eventOf(body), forgotten)) continue;
      await sql.query(
        'UPDATE webhook_delivery SET body = $3 WHERE endpoint_id = $1 AND event_id = $2',
        [endpointId, eventId, erasedBody(body)],
      );
    }
    if (found.length < AT_ONCE) return;
  }
}

async function forgetNotices(sql: Sql, forgotten: ForgottenReports): Promise<void> {
  for (let behind = 0n; ;) {
    const rows = await sql.query<{ id: bigint; type: string; at_ms: bigint; data: string }>(
      `SELECT id, type, at_ms, data FROM notice WHERE id > $1 AND type = ANY($2::text[]) AND position($3 in data) > 0
       ORDER BY id LIMIT $4`,
      [behind, REPORT_EVENTS, inJson(forgotten.meterId), AT_ONCE],
    );
    behind = rows.at(-1)?.id ?? behind;
    const gone = rows.filter(({ type, at_ms: atMs, data }) =>
      isForgotten({ type, atMs: Number(atMs), data: JSON.parse(data) as JsonObject }, forgotten),
    );
    await sql.query('DELETE FROM notice WHERE id = ANY($1::int8[])', [
      column(gone, ({ id }) => id),
    ]);
    if (rows.length < AT_ONCE) return;
  }
}
