import type { EnergyClass } from '../energy-ledger/energy-class.js';
import type { AuditFact } from '../logs/journal.js';
import type { DomainEvent, JsonObject } from '../spi/index.js';
import { ownerAt } from './meter-ownership.js';
import type { MeterRegister } from './meter-registers.js';
import type { StoredMeter } from './meter.store.js';

/*
 * What the log says of a meter's changes (`audit/1`, its subject the meter's id). Together they say all that is known of
 * the meter: `replayMeters` reads them back.
 */

/** A change of the meter, as an entry of who owns it at that time, and as an event that names them. */
export function changeOf(
  meter: StoredMeter,
  atMs: number,
  actor: string,
  action: string,
  detail: JsonObject,
): AuditFact {
  const { accountId } = ownerAt(meter, atMs);
  const event = meterEvent(action, meter, accountId, detail);
  return { actor, action, subject: meter.meterId, detail, accountId, event };
}

/** `account`: whom it is told to. */
export function meterEvent(
  type: string,
  { meterId }: Pick<StoredMeter, 'meterId'>,
  account: string,
  more: JsonObject,
): Pick<DomainEvent, 'type' | 'data'> {
  return { type, data: { ...more, meter: meterId, account } };
}

/** `detail` of `meter.registered`. */
export function registrationDetail(meter: StoredMeter): JsonObject {
  const { deviceId, siteId, owner, ratingW, nameplate, registers, location } = meter;
  const [key] = meter.keys;
  return {
    state: meter.state,
    account: meter.accountId,
    fingerprint: Buffer.from(meter.fingerprint).toString('hex'),
    registered_at: new Date(meter.registeredAtMs).toISOString(),
    // What the log says of keys are entries of their own.
    ...(key === undefined ? {} : { key_id: key.keyId }),
    ...(deviceId === undefined ? {} : { device_id: deviceId }),
    ...(siteId === undefined ? {} : { site_id: siteId }),
    ...(owner === undefined ? {} : { owner }),
    ...(ratingW === undefined ? {} : { rating_w: ratingW }),
    ...(nameplate === undefined
      ? {}
      : { vendor: nameplate.vendor, model: nameplate.model, serial: nameplate.serial }),
    ...location,
    ...(registers === undefined ? {} : { registers: registersText(registers) }),
  };
}

/** Registers as one member of a detail: `name direction class+class`, names escaped as in URLs, one a line. */
export function registersText(registers: readonly MeterRegister[]): string {
  return registers
    .map(({ name, direction, credits }) =>
      [
        encodeURIComponent(name),
        direction,
        ...(credits === undefined ? [] : [credits.join('+')]),
      ].join(' '),
    )
    .join('\n');
}

/** The registers that a detail names. */
export function registersOfText(text: string): readonly MeterRegister[] {
  return text.split('\n').map((line) => {
    const [name = '', direction, credits] = line.split(' ');
    return {
      name: decodeURIComponent(name),
      direction: direction as MeterRegister['direction'],
      ...(credits === undefined
        ? {}
        : { credits: credits === '' ? [] : (credits.split('+') as EnergyClass[]) }),
    };
  });
}
