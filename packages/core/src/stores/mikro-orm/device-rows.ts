import type { DeadLetter } from '../../device-desk/dead-letter.js';
import type { DeliveryProgress, DeviceAlert, Severity } from '../../device-desk/device-alert.js';
import type { DeviceStatus, PresenceReason } from '../../device-desk/device-status.js';
import type { JsonObject } from '../../spi/index.js';

export interface DeviceRow {
  readonly device: string;
  readonly online: boolean | null;
  readonly why: PresenceReason | null;
  readonly since_ms: bigint | null;
  readonly seen_at_ms: bigint | null;
  readonly telemetry: string | null;
  readonly telemetry_at_ms: bigint | null;
  readonly available_energy_uwh: bigint | null;
  readonly open_alerts: bigint;
}

export const DEVICE = `SELECT d.device, d.online, d.why, d.since_ms, d.seen_at_ms, d.telemetry, d.telemetry_at_ms, d.available_energy_uwh,
    (SELECT count(*) FROM device_alert a WHERE a.device = d.device AND a.cleared_at_ms IS NULL) AS open_alerts FROM device d`;

export function statusOf(row: DeviceRow): DeviceStatus {
  const { online, why, telemetry, available_energy_uwh: available } = row;
  return {
    device: row.device,
    ...(online === null || why === null
      ? {}
      : { presence: { online, why, sinceMs: Number(row.since_ms) } }),
    ...(row.seen_at_ms === null ? {} : { seenAtMs: Number(row.seen_at_ms) }),
    ...(telemetry === null
      ? {}
      : {
          telemetry: {
            atMs: Number(row.telemetry_at_ms),
            ...(available === null ? {} : { availableEnergyUWh: available }),
            body: JSON.parse(telemetry) as JsonObject,
          },
        }),
    openAlerts: Number(row.open_alerts),
  };
}

export interface AlertRow {
  readonly id: string;
  readonly arrival: bigint;
  readonly device: string;
  readonly account_id: string;
  readonly severity: Severity;
  readonly code: string;
  readonly text: string;
  readonly at_ms: bigint;
  readonly received_at_ms: bigint;
  readonly body: string;
  readonly cleared_by: string | null;
  readonly cleared_at_ms: bigint | null;
  readonly clear_reason: string | null;
}

export const ALERT = `SELECT id, arrival, device, account_id, severity, code, text, at_ms, received_at_ms, body, cleared_by, cleared_at_ms,
    clear_reason FROM device_alert`;

export function alertOf(row: AlertRow): DeviceAlert {
  return {
    id: row.id,
    device: row.device,
    accountId: row.account_id,
    severity: row.severity,
    code: row.code,
    text: row.text,
    atMs: Number(row.at_ms),
    receivedAtMs: Number(row.received_at_ms),
    body: JSON.parse(row.body) as JsonObject,
    ...(row.cleared_by === null
      ? {}
      : {
          cleared: {
            by: row.cleared_by,
            atMs: Number(row.cleared_at_ms),
            reason: row.clear_reason ?? '',
          },
        }),
  };
}

export interface ProgressRow {
  readonly transfer_id: string;
  readonly hash: Uint8Array;
  readonly arrival: bigint;
  readonly device: string | null;
  readonly account_id: string;
  readonly state: string;
  readonly delivered_uwh: bigint | null;
  readonly at_ms: bigint;
  readonly received_at_ms: bigint;
  readonly body: string;
}

export function progressOf(row: ProgressRow): DeliveryProgress {
  return {
    transferId: row.transfer_id,
    hash: row.hash,
    ...(row.device === null ? {} : { device: row.device }),
    accountId: row.account_id,
    state: row.state,
    ...(row.delivered_uwh === null ? {} : { deliveredUWh: row.delivered_uwh }),
    atMs: Number(row.at_ms),
    receivedAtMs: Number(row.received_at_ms),
    body: JSON.parse(row.body) as JsonObject,
  };
}

export interface DeadLetterRow {
  readonly id: bigint;
  readonly at_ms: bigint;
  readonly source: string;
  readonly device: string | null;
  readonly code: string;
  readonly detail: string;
  readonly size: bigint;
  readonly sha256: Uint8Array;
  readonly first_bytes: Uint8Array;
}

export function deadLetterOf(row: DeadLetterRow): DeadLetter {
  return {
    id: String(row.id),
    atMs: Number(row.at_ms),
    source: row.source,
    ...(row.device === null ? {} : { device: row.device }),
    code: row.code,
    detail: row.detail,
    size: Number(row.size),
    sha256: row.sha256,
    firstBytes: row.first_bytes,
  };
}
