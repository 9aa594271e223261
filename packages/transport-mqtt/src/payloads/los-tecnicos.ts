import { fromUtf8, utf8 } from '@wattproof/core/verify';
import type { InboundTopic } from '../topics/topic-maps.js';
import type { Act } from './act.js';
import { SentObject } from './json-object.js';
import { PayloadError } from './payload-error.js';
import { pointReading } from './point-reading.js';

/** Names under which recipients report what they consumed, in kWh; the system's own documents define none. */
const CONSUMED = ['consumed_kwh', 'consumption_kwh', 'energy_kwh', 'power_kwh'] as const;
const ALERT_CODES = ['alert_type', 'alert', 'type', 'code', 'event'] as const;
const ALERT_TEXTS = ['message', 'text', 'description', 'reason'] as const;
/** Longest alert that is not JSON, in bytes. */
const MAX_PLAIN_ALERT = 500;

/** Donor or firmware status: telemetry, and the energy it offers. */
export function readDonorStatus(payload: Uint8Array, topic: InboundTopic, nowMs: number): Act[] {
  const sent = ofDevice(payload, topic);
  const availableEnergyUWh = sent.energyUWh('available_kwh');
  const report = {
    device: topic.speaker!,
    atMs: sent.instantMs('timestamp') ?? nowMs,
    ...(availableEnergyUWh === undefined ? {} : { availableEnergyUWh }),
    body: sent.body(),
  };
  return [{ kind: 'telemetry', report }];
}

/** Recipient status: what it consumed, as a reading. */
export function readRecipientStatus(payload: Uint8Array, topic: InboundTopic): Act[] {
  const sent = ofDevice(payload, topic);
  const device = topic.speaker!;
  const amounts = new Set(CONSUMED.flatMap((name) => sent.amount(name) ?? []));
  if (amounts.size > 1)
    throw new PayloadError('energy_ambiguous', `Only one of ${CONSUMED.join(', ')} can be right.`);
  const bytes = pointReading({
    site: topic.places.site ?? topic.map,
    device: topic.places.device ?? device,
    meter: device,
    atMs: sent.instantMs('timestamp'),
    importKwh: [...amounts][0],
    telemetry: {
      battery_level_pct: sent.decimal('battery_soc'),
      temperature_c: sent.decimal('temperature'),
      voltage_v: sent.decimal('voltage'),
      current_a: sent.decimal('current'),
    },
  });
  return [{ kind: 'readings', contentType: 'application/json', bytes: utf8(bytes), meter: device }];
}

/** An emergency. Its payload is defined nowhere: an object, or a line of text, is taken rather than lost. */
export function readEmergency(payload: Uint8Array, topic: InboundTopic, nowMs: number): Act[] {
  const line = plainLine(payload);
  if (line !== undefined) {
    const said = { device: topic.speaker!, severity: 'critical', text: line } as const;
    return [
      { kind: 'alert', alert: { ...said, code: 'alert', atMs: nowMs, body: { text: line } } },
    ];
  }
  const sent = ofDevice(payload, topic);
  const first = (names: readonly string[]): string | undefined =>
    names.map((name) => sent.text(name)).find((text) => text !== undefined);
  const code = first(ALERT_CODES) ?? 'alert';
  const alert = {
    device: topic.speaker!,
    severity: severityOf(sent.text('severity') ?? sent.text('level')),
    code,
    text: first(ALERT_TEXTS) ?? code,
    atMs: sent.instantMs('timestamp') ?? nowMs,
    body: sent.body(),
  };
  return [{ kind: 'alert', alert }];
}

/** How far a delivery is, or the proof at its end. */
export function readTransferStatus(payload: Uint8Array, topic: InboundTopic, nowMs: number): Act[] {
  const sent = SentObject.of(payload);
  const total = sent.energyUWh('total_delivered');
  const deliveredUWh = total ?? sent.energyUWh('delivered_kwh');
  const remaining = sent.energyUWh('remaining_kwh');
  const device = sent.text('device_id');
  const done = total !== undefined || remaining === 0n;
  const report = {
    transferId: topic.places.transfer!,
    ...(device === undefined ? {} : { device }),
    state: sent.text('status') ?? (done ? 'delivered' : 'delivering'),
    ...(deliveredUWh === undefined ? {} : { deliveredUWh }),
    atMs: sent.instantMs('timestamp') ?? nowMs,
    body: sent.body(),
  };
  return [{ kind: 'progress', report }];
}

/**
 * `{"order_id","status":"locked"|"rejected","signature"?}`: the answer to a lock. It becomes the body of an answer; what the firmware
 * signs is written nowhere, so its signature proves nothing here.
 */
export function readLockResponse(payload: Uint8Array, topic: InboundTopic): Act[] {
  const sent = ofDevice(payload, topic);
  const order = sent.text('order_id');
  if (order === undefined)
    throw new PayloadError('order_missing', 'The answer to a lock names its "order_id".');
  const status = sent.text('status');
  if (status !== 'locked' && status !== 'rejected')
    throw new PayloadError('member_invalid', '"status" must be locked or rejected.');
  const bytes = utf8(JSON.stringify({ id: order, body: sent.body() }));
  return [{ kind: 'answer', device: topic.speaker!, bytes, order }];
}

/** A device may name itself, and then it is the device of the topic. */
function ofDevice(payload: Uint8Array, topic: InboundTopic): SentObject {
  const sent = SentObject.of(payload);
  const named = sent.text('device_id');
  if (named !== undefined && named !== topic.speaker)
    throw new PayloadError('device_mismatch', '"device_id" is not the device of the topic.');
  return sent;
}

function severityOf(word: string | undefined): 'info' | 'warning' | 'critical' {
  switch (word?.toLowerCase()) {
    case 'info':
    case 'low':
      return 'info';
    case 'warning':
    case 'warn':
    case 'medium':
      return 'warning';
    default:
      return 'critical';
  }
}

/** Text that is not JSON, of one line. */
function plainLine(payload: Uint8Array): string | undefined {
  if (payload.length === 0 || payload.length > MAX_PLAIN_ALERT) return undefined;
  let text: string;
  try {
    text = fromUtf8(payload).trim();
  } catch {
    return undefined;
  }
  return /^[^\p{Cc}\p{Cn}{["][^\p{Cc}\p{Cn}]*$/u.test(text) ? text : undefined;
}
