import type { JsonObject } from '../verify/contracts.js';

/**
 * The desk refuses for good what it was handed: acknowledge it, and hand it in as a dead letter under this code. Any other rejection says
 * "not now": nothing was kept, do not acknowledge. Known by its name, since a plugin may have another copy of this class.
 */
export class DeskRefusal extends Error {
  override readonly name = 'DeskRefusal';

  constructor(
    /** `device_invalid`, `report_invalid`, `time_invalid`, `desk_full`, `alerts_full`. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Where a transport hands in what devices say besides readings. All but `seen` are durable when the promise resolves:
 * acknowledge then, never before. A device is named by its meter's id, or as its topic names it when no meter has that id. Rejects with
 * `DeskRefusal` what can never be kept; dead letters are never refused, `seen` never throws.
 */
export interface DeviceDesk {
  /** The device gave a sign of life. Kept in memory and written now and then. */
  seen(device: string, atMs: number): void;
  /** It came or went; `will`: its last will, so it did not say goodbye. */
  presence(change: {
    readonly device: string;
    readonly state: 'online' | 'offline';
    readonly why: 'connected' | 'disconnected' | 'will' | 'timeout' | 'status';
    readonly atMs: number;
  }): Promise<void>;
  /** What it says of itself; the newest by `atMs` counts. */
  telemetry(report: {
    readonly device: string;
    readonly atMs: number;
    /** Energy it offers to deliver, in µWh, when it says so. */
    readonly availableEnergyUWh?: bigint;
    readonly body: JsonObject;
  }): Promise<void>;
  /** An emergency: an event, a notice to the owner, and the device is in state `alarm` until somebody clears it. Told twice, kept once. */
  alert(alert: {
    readonly device: string;
    readonly severity: 'info' | 'warning' | 'critical';
    /** What kind of alert, as the device names it. */
    readonly code: string;
    readonly text: string;
    readonly atMs: number;
    readonly body: JsonObject;
  }): Promise<{ readonly id: string; readonly duplicate: boolean }>;
  /** How far a delivery is. */
  progress(report: {
    readonly transferId: string;
    readonly device?: string;
    readonly state: string;
    readonly deliveredUWh?: bigint;
    readonly atMs: number;
    readonly body: JsonObject;
  }): Promise<void>;
  /** What could not be read or was refused for good. A bounded list; the oldest of the same source make room. */
  deadLetter(letter: {
    /** Topic, path or subject it came over. */
    readonly source: string;
    readonly device?: string;
    /** Stable code. */
    readonly code: string;
    readonly detail: string;
    readonly bytes: Uint8Array;
    /** Bytes it had, when `bytes` holds only the first of what was too large to be read. */
    readonly size?: number;
  }): Promise<void>;
  /**
   * A device's answer to a command, as it came: JSON `{id, nonce, body, signature?: {alg?, key_id?, value}}`, the signature over
   * `commandAnswerMessage`. Firmware that cannot sign may leave `nonce` out where the configuration takes it at its word.
   * `duplicate` and `accepted` are to be acknowledged alike; the others are dead letters already.
   */
  answered(
    device: string,
    bytes: Uint8Array,
  ): Promise<'accepted' | 'duplicate' | 'late' | 'unknown' | 'invalid'>;
}
