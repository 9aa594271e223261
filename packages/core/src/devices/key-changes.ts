import type { DeviceKey } from './device-key.js';
import { MeterError } from './meter-error.js';
import type { MeterKey, StoredMeter } from './meter.store.js';

/** When a change of keys happens, and how long both the old and the new key speak. */
export interface KeyChangeTime {
  readonly nowMs: number;
  readonly overlapMs: number;
}

/** Whether the key may sign at this instant at all: it is not revoked, and its time is not over. */
export function isLive({ revokedAtMs, validToMs }: MeterKey, nowMs: number): boolean {
  return revokedAtMs === undefined && (validToMs === undefined || nowMs < validToMs);
}

/** Whether a signature would be the first proof that the device holds the key. */
export function isUnproven({ statedBy, provenAtMs }: MeterKey): boolean {
  return statedBy !== undefined && provenAtMs === undefined;
}

/** The key whose word about its successor counts: of those that are live, the one of the highest epoch. */
export function leadingKey(
  { keys }: Pick<StoredMeter, 'keys'>,
  nowMs: number,
): MeterKey | undefined {
  return keys.filter((key) => isLive(key, nowMs)).toSorted((a, b) => b.epoch - a.epoch)[0];
}

export function highestEpoch({ keys }: Pick<StoredMeter, 'keys'>): number {
  return Math.max(-1, ...keys.map(({ epoch }) => epoch));
}

/**
 * The keys after a rotation. The new one gets the next epoch and speaks for readings that start from `overlapMs` before now
 * on, the old one for those that start until `overlapMs` from now: a device may change over anywhere between, and its
 * buffer is worth sending. Throws `MeterError`.
 */
export function rotatedKeys(
  meter: StoredMeter,
  oldKeyId: string,
  key: DeviceKey,
  { nowMs, overlapMs }: KeyChangeTime,
): readonly MeterKey[] {
  if (meter.state === 'retired')
    throw new MeterError('meter_state_conflict', 'the meter is retired; its keys do not change');
  const old = meter.keys.find(({ keyId }) => keyId === oldKeyId);
  if (old === undefined) throw new MeterError('key_not_found', `the meter has no key ${oldKeyId}`);
  if (old.revokedAtMs !== undefined)
    throw new MeterError('key_revoked', `key ${oldKeyId} is revoked; ask for a recovery`);
  if (leadingKey(meter, nowMs) !== old)
    throw new MeterError(
      'key_superseded',
      `key ${oldKeyId} was replaced already; only the newest key can name its successor`,
    );
  return [
    ...meter.keys.map((one) => (one === old ? { ...one, validToMs: nowMs + overlapMs } : one)),
    nextKey(meter, key, nowMs - overlapMs),
  ];
}

/**
 * The keys after one is revoked: nothing that arrives from now on counts under it, whatever time it states, and nothing that
 * states a time from now on. Undefined when it was revoked before. Throws `MeterError`.
 */
export function revokedKeys(
  meter: StoredMeter,
  keyId: string,
  nowMs: number,
): readonly MeterKey[] | undefined {
  const key = meter.keys.find((one) => one.keyId === keyId);
  if (key === undefined) throw new MeterError('key_not_found', `the meter has no key ${keyId}`);
  if (key.revokedAtMs !== undefined) return undefined;
  return meter.keys.map((one) => (one === key ? { ...one, revokedAtMs: nowMs } : one));
}

/**
 * The keys after an operator has said that they read one wrongly: it is revoked, and the right one speaks for all that it would
 * have spoken for. Only a key of which nothing but that word was ever heard. Throws `MeterError`.
 */
export function correctedKeys(
  meter: StoredMeter,
  keyId: string,
  { nowMs, operator, ...key }: DeviceKey & { readonly nowMs: number; readonly operator: string },
): readonly MeterKey[] {
  if (meter.state === 'retired')
    throw new MeterError('meter_state_conflict', 'the meter is retired; its keys do not change');
  const wrong = meter.keys.find((one) => one.keyId === keyId);
  if (wrong === undefined) throw new MeterError('key_not_found', `the meter has no key ${keyId}`);
  if (!isUnproven(wrong))
    throw new MeterError(
      'key_proven',
      `the device has signed with key ${keyId}: nobody's word replaces it; rotate or recover it`,
    );
  if (wrong.revokedAtMs !== undefined)
    throw new MeterError('key_revoked', `key ${keyId} is revoked; ask for a recovery`);
  if (leadingKey(meter, nowMs) !== wrong)
    throw new MeterError(
      'key_superseded',
      `key ${keyId} was replaced already; only the newest key can be corrected`,
    );
  return [
    ...meter.keys.map((one) => (one === wrong ? { ...one, revokedAtMs: nowMs } : one)),
    { ...nextKey(meter, key, wrong.validFromMs), statedBy: operator },
  ];
}

/** The keys after a recovery: every older one is revoked, for whoever has it is not known. Throws `MeterError`. */
export function recoveredKeys(
  meter: StoredMeter,
  key: DeviceKey,
  { nowMs, fromMs }: { readonly nowMs: number; readonly fromMs: number },
): readonly MeterKey[] {
  return [
    ...meter.keys.map((one) =>
      one.revokedAtMs === undefined ? { ...one, revokedAtMs: nowMs } : one,
    ),
    nextKey(meter, key, fromMs),
  ];
}

/** Throws `key_known` when the meter has, or had, this key: an epoch of its own would say nothing. */
export function refuseKnown(meter: StoredMeter, { keyId }: DeviceKey): void {
  if (meter.keys.some((one) => one.keyId === keyId))
    throw new MeterError('key_known', `key ${keyId} is, or was, this meter's; make a new one`);
}

function nextKey(meter: StoredMeter, key: DeviceKey, validFromMs: number): MeterKey {
  refuseKnown(meter, key);
  return { ...key, epoch: highestEpoch(meter) + 1, validFromMs: Math.max(0, validFromMs) };
}
