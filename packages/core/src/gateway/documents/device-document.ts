import { stateAt, type StoredCommand } from '../../device-commands/device-command.js';
import type { DeadLetter } from '../../device-desk/dead-letter.js';
import type { DeliveryProgress, DeviceAlert } from '../../device-desk/device-alert.js';
import { type DeviceStatus, stateOf } from '../../device-desk/device-status.js';
import { toHex } from '../../verify/bytes.js';
import { kWhOf } from './kwh.js';

/** A device as clients see it. */
export function deviceDocument(status: DeviceStatus, isMeter: boolean): object {
  const { device, presence, telemetry } = status;
  return {
    device,
    meter_id: isMeter ? device : null,
    state: stateOf(status),
    online: presence?.online ?? null,
    why: presence?.why ?? null,
    since: instant(presence?.sinceMs),
    last_seen: instant(status.seenAtMs),
    open_alerts: status.openAlerts,
    telemetry:
      telemetry === undefined
        ? null
        : {
            at: instant(telemetry.atMs),
            available_kwh:
              telemetry.availableEnergyUWh === undefined
                ? null
                : kWhOf(telemetry.availableEnergyUWh),
            body: telemetry.body,
          },
  };
}

/** `untilMs`: of what was cleared later it is told that it is, and not by whom and why. */
export function alertDocument(alert: DeviceAlert, untilMs = Infinity): object {
  const { cleared } = alert;
  const isTold = cleared !== undefined && cleared.atMs < untilMs;
  return {
    id: alert.id,
    device: alert.device,
    severity: alert.severity,
    code: alert.code,
    text: alert.text,
    at: instant(alert.atMs),
    received_at: instant(alert.receivedAtMs),
    body: alert.body,
    cleared:
      cleared === undefined
        ? null
        : {
            by: isTold ? cleared.by : null,
            at: instant(cleared.atMs),
            reason: isTold ? cleared.reason : null,
          },
  };
}

export function progressDocument(report: DeliveryProgress): object {
  const { deliveredUWh } = report;
  return {
    transfer: report.transferId,
    device: report.device ?? null,
    state: report.state,
    delivered_kwh: deliveredUWh === undefined ? null : kWhOf(deliveredUWh),
    at: instant(report.atMs),
    received_at: instant(report.receivedAtMs),
    body: report.body,
  };
}

export function deadLetterDocument(letter: DeadLetter): object {
  return {
    id: letter.id,
    at: instant(letter.atMs),
    source: letter.source,
    device: letter.device ?? null,
    code: letter.code,
    detail: letter.detail,
    size: letter.size,
    sha256: toHex(letter.sha256),
    first_bytes: Buffer.from(letter.firstBytes).toString('base64'),
  };
}

/** Without its nonce, which is the device's alone. */
export function commandDocument(command: StoredCommand, nowMs: number): object {
  const { answer } = command;
  return {
    id: command.id,
    meter_id: command.meterId,
    name: command.name,
    body: command.body,
    state: stateAt(command, nowMs),
    asked_by: command.askedBy,
    asked_at: instant(command.askedAtMs),
    deadline: instant(command.deadlineMs),
    sends: command.sends,
    sent_at: instant(command.sentAtMs),
    answer:
      answer === undefined
        ? null
        : {
            at: instant(answer.atMs),
            assurance: answer.assurance,
            key_id: answer.keyId ?? null,
            body: answer.body,
          },
  };
}

function instant(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
