import type { DeliveryProgress, DeviceAlert } from '../../device-desk/device-alert.js';
import type { NewDeadLetter } from '../../device-desk/dead-letter.js';
import {
  type AlertLimits,
  BACK_AFTER_MS,
  type DeviceDeskStore,
  type Kept,
} from '../../device-desk/device-desk.store.js';
import type { DeviceStatus, Presence, Telemetry } from '../../device-desk/device-status.js';
import type { Journaled } from '../../logs/journal.js';
import {
  numberCursor,
  page,
  readNumberCursor,
  readTextCursor,
  textCursor,
} from '../list-cursor.js';
import {
  ALERT,
  alertOf,
  type AlertRow,
  type DeadLetterRow,
  deadLetterOf,
  DEVICE,
  type DeviceRow,
  progressOf,
  type ProgressRow,
  statusOf,
} from './device-rows.js';
import { ListConditions } from './list-conditions.js';
import type { Sql } from './sql.js';
import type { SqlChanges } from './sql-changes.js';
import { column } from './sql-column.js';

/** Devices whose signs of life are written in one statement. */
const SEEN_AT_ONCE = 1_000;
/** Bounds over everything are looked at once in so many rows, or so that they are exceeded by a hundredth. */
const LOOKED_AT_EVERY = 256;
const isLookedAt = (row: bigint, most: number): boolean =>
  row % BigInt(Math.min(Math.ceil(most / 100), LOOKED_AT_EVERY)) === 0n;

/** Whether there is room for device $1 when `maxStrangers` is parameter `max`: it is known, a meter, or one of few. */
const room = (max: number): string =>
  `CASE WHEN EXISTS (SELECT FROM device WHERE device = $1) THEN true
     WHEN EXISTS (SELECT FROM meter WHERE meter_id = $1) THEN true
     ELSE (SELECT count(*) FROM device WHERE stranger) < $${max}::int8 END`;
/** It was taken for offline, or went and is back over another replica, and lives since. */
const REVIVED = `(NOT d.online AND (d.why = 'timeout' AND excluded.seen_at_ms > d.since_ms
  OR d.why IN ('disconnected', 'will') AND excluded.seen_at_ms >= d.since_ms + ${BACK_AFTER_MS}))`;
const STRANGER = 'NOT EXISTS (SELECT FROM meter WHERE meter_id = $1)';

export class SqlDeviceDesk implements DeviceDeskStore {
  constructor(
    private readonly sql: Sql,
    private readonly changes: SqlChanges,
  ) {}

  putPresence(
    device: string,
    { online, why, sinceMs }: Presence,
    seenAtMs: number | undefined,
    maxStrangers: number,
    nowMs: number,
  ): Promise<Kept> {
    return this.kept(
      device,
      `INSERT INTO device AS d (device, stranger, online, why, since_ms, seen_at_ms)
       SELECT $1::text, ${STRANGER}, $3::boolean, $4::text, $5::int8, $6::int8 WHERE ${room(2)}
       ON CONFLICT (device) DO UPDATE SET online = excluded.online, why = excluded.why, since_ms = excluded.since_ms,
         seen_at_ms = greatest(d.seen_at_ms, excluded.seen_at_ms)
       WHERE d.since_ms IS NULL OR d.since_ms <= excluded.since_ms OR d.since_ms > $7::int8 RETURNING 1`,
      [device, maxStrangers, online, why, sinceMs, seenAtMs ?? null, nowMs],
    );
  }

  putTelemetry(
    device: string,
    { atMs, availableEnergyUWh, body }: Telemetry,
    seenAtMs: number,
    maxStrangers: number,
  ): Promise<Kept> {
    return this.kept(
      device,
      `INSERT INTO device AS d (device, stranger, telemetry_at_ms, available_energy_uwh, telemetry, seen_at_ms)
       SELECT $1::text, ${STRANGER}, $3::int8, $4::int8, $5::text, $6::int8 WHERE ${room(2)}
       ON CONFLICT (device) DO UPDATE SET telemetry_at_ms = excluded.telemetry_at_ms, telemetry = excluded.telemetry,
         available_energy_uwh = excluded.available_energy_uwh, seen_at_ms = greatest(d.seen_at_ms, excluded.seen_at_ms)
       WHERE d.telemetry_at_ms IS NULL OR d.telemetry_at_ms <= excluded.telemetry_at_ms RETURNING 1`,
      [device, maxStrangers, atMs, availableEnergyUWh ?? null, JSON.stringify(body), seenAtMs],
    );
  }

  async putSeen(seen: ReadonlyMap<string, number>): Promise<void> {
    // In one order, so that two replicas wait for each other and never in a circle.
    const sorted = [...seen].toSorted(([a], [b]) => (a < b ? -1 : 1));
    for (let at = 0; at < sorted.length; at += SEEN_AT_ONCE) {
      const some = sorted.slice(at, at + SEEN_AT_ONCE);
      await this.sql.query(
        `INSERT INTO device AS d (device, stranger, seen_at_ms)
         SELECT s.device, NOT EXISTS (SELECT FROM meter m WHERE m.meter_id = s.device), s.at_ms
         FROM unnest($1::text[], $2::int8[]) AS s (device, at_ms)
         WHERE EXISTS (SELECT FROM device k WHERE k.device = s.device) OR EXISTS (SELECT FROM meter m WHERE m.meter_id = s.device)
         ORDER BY s.device
         ON CONFLICT (device) DO UPDATE SET seen_at_ms = greatest(d.seen_at_ms, excluded.seen_at_ms),
           online = d.online OR ${REVIVED}, why = CASE WHEN ${REVIVED} THEN 'status' ELSE d.why END,
           since_ms = CASE WHEN ${REVIVED} THEN excluded.seen_at_ms ELSE d.since_ms END`,
        [column(some, ([device]) => device), column(some, ([, atMs]) => atMs)],
      );
    }
  }

  async putSilent(silentSinceMs: number, nowMs: number): Promise<number> {
    const silent = await this.sql.query(
      `UPDATE device SET online = false, why = 'timeout', since_ms = $2
       WHERE online AND greatest(seen_at_ms, since_ms) < $1 RETURNING 1`,
      [silentSinceMs, nowMs],
    );
    return silent.length;
  }

  putAlert(
    alert: DeviceAlert,
    limits: AlertLimits,
    told: Journaled,
  ): Promise<'kept' | 'duplicate' | 'full' | 'alerts_full'> {
    return this.changes.run(async (tx, journal) => {
      const { id, device, receivedAtMs } = alert;
      // Holds the device, so that its alerts are counted and written one after the other.
      const held = await tx.query(
        `INSERT INTO device AS d (device, stranger, seen_at_ms) SELECT $1::text, ${STRANGER}, $3::int8 WHERE ${room(2)}
         ON CONFLICT (device) DO UPDATE SET seen_at_ms = greatest(d.seen_at_ms, excluded.seen_at_ms) RETURNING 1`,
        [device, limits.maxStrangers, receivedAtMs],
      );
      if (held.length === 0) return 'full';
      const known = await tx.query('SELECT FROM device_alert WHERE id = $1', [id]);
      if (known.length > 0) return 'duplicate';
      const [fits] = await tx.query<{ fits: boolean }>(
        `SELECT CASE WHEN EXISTS (SELECT FROM meter WHERE meter_id = $1 AND state IN ('active', 'suspended'))
           THEN (SELECT count(*) FROM device_alert WHERE device = $1 AND severity = $2 AND cleared_at_ms IS NULL) < $3::int8
           ELSE (SELECT count(*) FROM device_alert WHERE device = $1 AND cleared_at_ms IS NULL) < $4::int8
             AND (SELECT count(*) FROM device d JOIN device_alert a ON a.device = d.device AND a.cleared_at_ms IS NULL
               WHERE d.stranger AND NOT EXISTS (SELECT FROM meter m WHERE m.meter_id = d.device)) < $5::int8 END AS fits`,
        [device, alert.severity, limits.openOfMeter, limits.openOfStranger, limits.openOfStrangers],
      );
      if (fits?.fits !== true) return 'alerts_full';
      await tx.query(
        `INSERT INTO device_alert (id, device, account_id, severity, code, text, at_ms, received_at_ms, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [
          id,
          device,
          alert.accountId,
          alert.severity,
          alert.code,
          alert.text,
          alert.atMs,
          receivedAtMs,
          JSON.stringify(alert.body),
        ],
      );
      await tx.query(
        `DELETE FROM device_alert WHERE device = $1 AND cleared_at_ms IS NOT NULL AND arrival <=
           (SELECT arrival FROM device_alert WHERE device = $1 ORDER BY arrival DESC OFFSET $2 LIMIT 1)`,
        [device, limits.ofDevice],
      );
      await journal(told);
      return 'kept';
    });
  }

  async alert(id: string): Promise<DeviceAlert | undefined> {
    const [row] = await this.sql.query<AlertRow>(`${ALERT} WHERE id = $1`, [id]);
    return row === undefined ? undefined : alertOf(row);
  }

  clearAlert(
    id: string,
    { by, atMs, reason }: NonNullable<DeviceAlert['cleared']>,
    said: Journaled,
  ): Promise<DeviceAlert | undefined> {
    return this.changes.run(async (tx, journal) => {
      const cleared = await tx.query(
        `UPDATE device_alert SET cleared_by = $2, cleared_at_ms = $3, clear_reason = $4
         WHERE id = $1 AND cleared_at_ms IS NULL RETURNING 1`,
        [id, by, atMs, reason],
      );
      if (cleared.length > 0) await journal(said);
      const [row] = await tx.query<AlertRow>(`${ALERT} WHERE id = $1`, [id]);
      return row === undefined ? undefined : alertOf(row);
    });
  }

  async openBefore(beforeMs: number, limit: number): Promise<readonly DeviceAlert[]> {
    const rows = await this.sql.query<AlertRow>(
      `${ALERT} a WHERE cleared_at_ms IS NULL AND received_at_ms < $1
         AND EXISTS (SELECT FROM meter m WHERE m.meter_id = a.device) ORDER BY arrival LIMIT $2`,
      [beforeMs, limit],
    );
    return rows.map(alertOf);
  }

  async alerts(query: Parameters<DeviceDeskStore['alerts']>[0]) {
    const list = before(query, 'arrival');
    list.where('device =', query.device);
    const orOpen = query.orOpen === true ? 'cleared_at_ms IS NULL OR ' : '';
    list.where(`(${orOpen}account_id =`, query.accountId, ')');
    if (query.open !== undefined)
      list.and(query.open ? 'cleared_at_ms IS NULL' : 'cleared_at_ms IS NOT NULL');
    const rows = await this.sql.query<AlertRow>(
      `${ALERT} ${list.filter} ORDER BY arrival DESC LIMIT $1`,
      list.params,
    );
    const found = page(rows, query.limit, ({ arrival }) => numberCursor(arrival));
    return { ...found, items: found.items.map(alertOf) };
  }

  putProgress(
    report: DeliveryProgress,
    max: { readonly ofTransfer: number; readonly ofAccount: number },
    told: Journaled,
  ): Promise<'kept' | 'duplicate'> {
    return this.changes.run(async (tx, journal) => {
      const [written] = await tx.query<{ arrival: bigint }>(
        `INSERT INTO delivery_progress (transfer_id, hash, device, account_id, state, delivered_uwh, at_ms, received_at_ms, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING arrival`,
        [
          report.transferId,
          report.hash,
          report.device ?? null,
          report.accountId,
          report.state,
          report.deliveredUWh ?? null,
          report.atMs,
          report.receivedAtMs,
          JSON.stringify(report.body),
        ],
      );
      if (written === undefined) return 'duplicate';
      await tx.query(
        `DELETE FROM delivery_progress WHERE transfer_id = $1 AND account_id = $2 AND arrival <=
           (SELECT arrival FROM delivery_progress WHERE transfer_id = $1 AND account_id = $2
            ORDER BY arrival DESC OFFSET $3 LIMIT 1)`,
        [report.transferId, report.accountId, max.ofTransfer],
      );
      if (isLookedAt(written.arrival, max.ofAccount))
        await tx.query(
          `DELETE FROM delivery_progress WHERE account_id = $1 AND arrival <=
             (SELECT arrival FROM delivery_progress WHERE account_id = $1 ORDER BY arrival DESC OFFSET $2 LIMIT 1)`,
          [report.accountId, max.ofAccount],
        );
      await journal(told);
      return 'kept';
    });
  }

  async progress(query: Parameters<DeviceDeskStore['progress']>[0]) {
    const list = before(query, 'arrival');
    list.where('transfer_id =', query.transferId);
    list.where('account_id =', query.accountId);
    const rows = await this.sql.query<ProgressRow>(
      `SELECT transfer_id, hash, arrival, device, account_id, state, delivered_uwh, at_ms, received_at_ms, body
       FROM delivery_progress ${list.filter} ORDER BY arrival DESC LIMIT $1`,
      list.params,
    );
    const found = page(rows, query.limit, ({ arrival }) => numberCursor(arrival));
    return { ...found, items: found.items.map(progressOf) };
  }

  putDeadLetter(
    letter: NewDeadLetter,
    { perSource, inAll }: { readonly perSource: number; readonly inAll: number },
  ): Promise<void> {
    return this.changes.run(async (tx) => {
      const [written] = await tx.query<{ id: bigint }>(
        `INSERT INTO dead_letter (at_ms, source, device, code, detail, size, sha256, first_bytes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`,
        [
          letter.atMs,
          letter.source,
          letter.device ?? null,
          letter.code,
          letter.detail,
          letter.size,
          letter.sha256,
          letter.firstBytes,
        ],
      );
      await tx.query(
        `DELETE FROM dead_letter WHERE source = $1 AND id <=
           (SELECT id FROM dead_letter WHERE source = $1 ORDER BY id DESC OFFSET $2 LIMIT 1)`,
        [letter.source, perSource],
      );
      if (written !== undefined && isLookedAt(written.id, inAll))
        await tx.query(
          'DELETE FROM dead_letter WHERE id <= (SELECT id FROM dead_letter ORDER BY id DESC OFFSET $1 LIMIT 1)',
          [inAll],
        );
    });
  }

  async deadLetters(query: Parameters<DeviceDeskStore['deadLetters']>[0]) {
    const list = before(query, 'id');
    list.where('source =', query.source);
    list.where('code =', query.code);
    const rows = await this.sql.query<DeadLetterRow>(
      `SELECT id, at_ms, source, device, code, detail, size, sha256, first_bytes FROM dead_letter ${list.filter}
       ORDER BY id DESC LIMIT $1`,
      list.params,
    );
    const found = page(rows, query.limit, ({ id }) => numberCursor(id));
    return { ...found, items: found.items.map(deadLetterOf) };
  }

  async get(device: string): Promise<DeviceStatus | undefined> {
    const [found] = await this.find([device]);
    return found;
  }

  async find(devices: readonly string[]): Promise<readonly DeviceStatus[]> {
    const rows = await this.sql.query<DeviceRow>(
      `${DEVICE} WHERE d.device = ANY($1::text[]) ORDER BY d.device`,
      [devices],
    );
    return rows.map(statusOf);
  }

  async list(query: Parameters<DeviceDeskStore['list']>[0]) {
    const list = new ListConditions([query.limit + 1]);
    list.where('d.device >', query.cursor === undefined ? undefined : readTextCursor(query.cursor));
    const rows = await this.sql.query<DeviceRow>(
      `${DEVICE} ${list.filter} ORDER BY d.device LIMIT $1`,
      list.params,
    );
    const found = page(rows, query.limit, ({ device }) => textCursor(device));
    return { ...found, items: found.items.map(statusOf) };
  }

  async counts(): ReturnType<DeviceDeskStore['counts']> {
    const [row] = await this.sql.query<Record<'online' | 'info' | 'warning' | 'critical', bigint>>(
      `SELECT (SELECT count(*) FROM device WHERE online) AS online, count(*) FILTER (WHERE severity = 'info') AS info,
         count(*) FILTER (WHERE severity = 'warning') AS warning, count(*) FILTER (WHERE severity = 'critical') AS critical
       FROM device_alert WHERE cleared_at_ms IS NULL`,
    );
    const { online = 0n, info = 0n, warning = 0n, critical = 0n } = row ?? {};
    return {
      online: Number(online),
      openAlerts: { info: Number(info), warning: Number(warning), critical: Number(critical) },
    };
  }

  async prune(
    before: Parameters<DeviceDeskStore['prune']>[0],
  ): ReturnType<DeviceDeskStore['prune']> {
    await this.sql.query('DELETE FROM device_alert WHERE cleared_at_ms < $1', [before.alertsMs]);
    const [gone] = await this.sql.query<{ forgotten: bigint }>(
      `WITH gone AS (DELETE FROM device_alert a USING device d WHERE d.device = a.device AND d.stranger AND a.received_at_ms < $1
         AND NOT EXISTS (SELECT FROM meter m WHERE m.meter_id = a.device) RETURNING a.cleared_at_ms)
       SELECT count(*) FILTER (WHERE cleared_at_ms IS NULL) AS forgotten FROM gone`,
      [before.strangerAlertsMs],
    );
    await this.sql.query('DELETE FROM delivery_progress WHERE received_at_ms < $1', [
      before.progressMs,
    ]);
    await this.sql.query(
      `UPDATE device d SET stranger = false WHERE stranger AND EXISTS (SELECT FROM meter m WHERE m.meter_id = d.device)`,
    );
    await this.sql.query(
      `DELETE FROM device d WHERE stranger AND coalesce(seen_at_ms, since_ms, 0) < $1
         AND NOT EXISTS (SELECT FROM device_alert a WHERE a.device = d.device)`,
      [before.strangersMs],
    );
    return { forgotten: Number(gone?.forgotten ?? 0n) };
  }

  private async kept(
    device: string,
    statement: string,
    params: Parameters<Sql['query']>[1],
  ): Promise<Kept> {
    if ((await this.sql.query(statement, params)).length > 0) return 'kept';
    // Either there was no room, or something newer stands there.
    const known = await this.sql.query('SELECT FROM device WHERE device = $1', [device]);
    return known.length > 0 ? 'kept' : 'full';
  }
}

/** Conditions of a list that begins with the newest. */
function before(
  { limit, cursor }: { readonly limit: number; readonly cursor?: string },
  number: string,
): ListConditions {
  const list = new ListConditions([limit + 1]);
  list.where(`${number} <`, cursor === undefined ? undefined : readNumberCursor(cursor));
  return list;
}
