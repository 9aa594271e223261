import type { StoredMeter } from '../../src/devices/meter.store.js';
import { TestDevice, TestKey } from './test-devices.js';

/** 2026-11-21T12:00:00.000Z: what the gateway's clock must show while the table runs. */
export const HOSTILE_NOW_MS = Date.UTC(2026, 10, 21, 12);

/** The meters the bodies speak of. Register `meters(…)` before the first body is sent. */
export const devices = {
  active: new TestDevice('meter-active'),
  other: new TestDevice('meter-other'),
  /** Another meter behind the key of `active`. */
  twin: new TestDevice('meter-twin', new TestKey('meter-active')),
  pending: new TestDevice('meter-pending'),
  suspended: new TestDevice('meter-suspended'),
  retired: new TestDevice('meter-retired'),
  revoked: new TestDevice('meter-revoked'),
  future: new TestDevice('meter-future-key'),
  rated: new TestDevice('meter-rated'),
  es256: new TestDevice('meter-es256'),
  unregistered: new TestDevice('meter-unregistered'),
  stranger: new TestDevice('meter-active', new TestKey('stranger')),
} as const;

/** The same meters as a store keeps them. */
export function hostileMeters(): readonly StoredMeter[] {
  const withKey = (device: TestDevice, more: object): StoredMeter => {
    const stored = device.stored('active');
    return { ...stored, keys: [{ ...stored.keys[0]!, ...more }] };
  };
  return [
    devices.active.stored('active'),
    devices.other.stored('active'),
    devices.twin.stored('active'),
    devices.pending.stored('pending'),
    devices.suspended.stored('suspended'),
    devices.retired.stored('retired'),
    withKey(devices.revoked, { revokedAtMs: HOSTILE_NOW_MS - 3_600_000 }),
    withKey(devices.future, { validFromMs: HOSTILE_NOW_MS - 60_000 }),
    devices.rated.stored('active', { ratingW: 4000 }),
    withKey(devices.es256, { alg: 'ES256' }),
  ];
}

/** One body that must not become an accepted entry. */
export interface HostileBody {
  /** What is wrong with it; a title. */
  readonly name: string;
  readonly body: string | Uint8Array;
  readonly contentType?: 'application/json' | 'application/x-ndjson';
  /** Bodies that were accepted before it. */
  readonly before?: readonly string[];
  readonly expect: {
    /** `refused` for a message that is refused as a whole. */
    readonly verdict: 'refused' | 'rejected' | 'quarantined' | 'duplicate';
    readonly code?: string;
    /** HTTP status when sent alone. Items of a list are answered with 200 and their verdicts. */
    readonly status: number;
    /** Which item of a list it is about; the first otherwise. */
    readonly item?: number;
    /** Items of the same message that are good and accepted. */
    readonly acceptedBeside?: number;
  };
}
