import type { JsonObject } from '../spi/index.js';

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** An emergency that a device told. */
export interface DeviceAlert {
  /** `al_` and the first 32 hex digits of the hash of what it says: told again, it is the same alert. */
  readonly id: string;
  readonly device: string;
  /** Whose the device was at that time; the operators' account when it is no registered meter. */
  readonly accountId: string;
  readonly severity: Severity;
  readonly code: string;
  readonly text: string;
  /** As the device says. */
  readonly atMs: number;
  readonly receivedAtMs: number;
  readonly body: JsonObject;
  readonly cleared?: { readonly by: string; readonly atMs: number; readonly reason: string };
}

/** A device's word on how far a delivery is. */
export interface DeliveryProgress {
  readonly transferId: string;
  /** SHA-256 of what it says, 32 bytes: told again, it is the same report. */
  readonly hash: Uint8Array;
  readonly device?: string;
  readonly accountId: string;
  readonly state: string;
  readonly deliveredUWh?: bigint;
  readonly atMs: number;
  readonly receivedAtMs: number;
  readonly body: JsonObject;
}
