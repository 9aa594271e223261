import type { SystemFact } from '../logs/journal.js';
import type { DomainEvent, JsonObject } from '../spi/index.js';
import type { DeviceKey } from './device-key.js';
import type { KeyRecovery } from './key.store.js';
import type { MeterKey } from './meter.store.js';

/*
 * What the log says of the keys of meters: entries of format `device-key/1`. In their order they say which key spoke for
 * which meter when; `replayKeys` reads them back.
 */

export type KeyEvent =
  | 'registered'
  | 'rotated'
  | 'revoked'
  | 'recovery-asked'
  | 'recovery-approved'
  | 'recovery-rejected'
  /** An operator read a key wrongly off the device, and says which it is. */
  | 'corrected'
  /** A reading came that is signed with a key of which only an operator had said whose it is. */
  | 'proven';

/** Who did it, when, and whose entry it is. */
export interface KeyOccasion {
  readonly event: KeyEvent;
  readonly meterId: string;
  readonly accountId: string;
  readonly actor: string;
  readonly atMs: number;
}

/** One entry of `device-key/1`. `more`: the members that only this event has. */
export function keyFact(
  { event, meterId, accountId, actor, atMs }: KeyOccasion,
  more: JsonObject,
): SystemFact {
  return {
    type: 'device-key',
    format: 'device-key/1',
    accountId,
    document: { v: 'device-key/1', event, meter: meterId, ...more, actor, at: instant(atMs) },
  };
}

/** The same for subscribers: `meter.key_rotated`, `meter.key_recovery_asked`, … `data.account`: whom it is told to. */
export function keyEvent(
  { event, meterId, accountId, actor, atMs }: KeyOccasion,
  more: JsonObject,
): Omit<DomainEvent, 'id'> {
  const type = `meter.key_${event.replace('-', '_')}`;
  return { type, atMs, data: { ...more, meter: meterId, account: accountId, actor } };
}

export function keyMembers({ keyId, alg, publicKey }: DeviceKey): JsonObject {
  return { key_id: keyId, alg, public_key: Buffer.from(publicKey).toString('base64') };
}

/** Members of a key that has an epoch. */
export function epochMembers(key: MeterKey): JsonObject {
  return { ...keyMembers(key), epoch: key.epoch, valid_from: instant(key.validFromMs) };
}

export function recoveryMembers({ id, key, reason, expiresAtMs }: KeyRecovery): JsonObject {
  return { ...keyMembers(key), recovery: id, reason, expires_at: instant(expiresAtMs) };
}

export function instant(ms: number): string {
  return new Date(ms).toISOString();
}
