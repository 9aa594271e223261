import type { JsonObject } from '../spi/index.js';

export const PRESENCE_REASONS = ['connected', 'disconnected', 'will', 'timeout', 'status'] as const;
export type PresenceReason = (typeof PRESENCE_REASONS)[number];

export interface Presence {
  readonly online: boolean;
  readonly why: PresenceReason;
  /** When it came, or went. */
  readonly sinceMs: number;
}

export interface Telemetry {
  readonly atMs: number;
  /** Energy it offers to deliver, in µWh. */
  readonly availableEnergyUWh?: bigint;
  readonly body: JsonObject;
}

/** What is known of a device besides its readings. */
export interface DeviceStatus {
  /** Id of its meter, or as its topic names it. */
  readonly device: string;
  /** Absent: nobody has said whether it is there. */
  readonly presence?: Presence;
  /** Its last sign of life. */
  readonly seenAtMs?: number;
  readonly telemetry?: Telemetry;
  /** Alerts that nobody has cleared. */
  readonly openAlerts: number;
}

export type DeviceState = 'alarm' | 'online' | 'offline' | 'unknown';

/** In one word: an alarm outweighs whether it is there. */
export function stateOf({ openAlerts, presence }: DeviceStatus): DeviceState {
  if (openAlerts > 0) return 'alarm';
  if (presence === undefined) return 'unknown';
  return presence.online ? 'online' : 'offline';
}
