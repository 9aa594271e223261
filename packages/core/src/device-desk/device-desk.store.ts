import type { Journaled } from '../logs/journal.js';
import type { DeadLetter, NewDeadLetter } from './dead-letter.js';
import type { DeliveryProgress, DeviceAlert, Severity } from './device-alert.js';
import type { DeviceStatus, Presence, Telemetry } from './device-status.js';

/** `full`: the device is no registered meter, is new, and there are `maxStrangers` like it. Nothing was kept. */
export type Kept = 'kept' | 'full';

interface Page {
  readonly limit: number;
  readonly cursor?: string;
}

interface Listed<T> {
  readonly items: readonly T[];
  readonly cursor?: string;
}

/** How many alerts there may be; what is asked at the same time may exceed the bound over all strangers by little. */
export interface AlertLimits {
  /** Open ones of one meter, active or suspended, and one severity. */
  readonly openOfMeter: number;
  /** Open ones, whatever their severity, of any other device; and of all devices that are no registered meters. */
  readonly openOfStranger: number;
  readonly openOfStrangers: number;
  /** Kept of one device; the oldest that were cleared make room. */
  readonly ofDevice: number;
  readonly maxStrangers: number;
}

/** What a device sent before it went has been heard by then; what is heard later it says over another connection. */
export const BACK_AFTER_MS = 60_000;

/** Port of the device desk. A device is known from the first report of it that is kept. */
export interface DeviceDeskStore {
  /**
   * The newest by `sinceMs` counts, among equals the last one written; one from after `nowMs` was dated by a clock that was set back since,
   * and counts for nothing.
   */
  putPresence(
    device: string,
    presence: Presence,
    seenAtMs: number | undefined,
    maxStrangers: number,
    nowMs: number,
  ): Promise<Kept>;
  /** The newest by `atMs` counts, among equals the last one written. */
  putTelemetry(
    device: string,
    telemetry: Telemetry,
    seenAtMs: number,
    maxStrangers: number,
  ): Promise<Kept>;
  /**
   * Moves last signs of life forward, never back, of devices that are known or registered; of others it keeps nothing. Who was taken
   * for offline (`timeout`) and lives since then is online (`status`) again, and so is who went (`disconnected`, `will`) and lives `BACK_AFTER_MS`
   * later: another replica found its old connection dead after it had come back.
   */
  putSeen(seen: ReadonlyMap<string, number>): Promise<void>;
  /** Whoever is online and gave no sign of life since `silentSinceMs` is offline from `nowMs` on (`timeout`). How many. */
  putSilent(silentSinceMs: number, nowMs: number): Promise<number>;
  /** `told` is committed with a new alert only. `alerts_full`: there are as many open ones as `limits` allow. */
  putAlert(
    alert: DeviceAlert,
    limits: AlertLimits,
    told: Journaled,
  ): Promise<'kept' | 'duplicate' | 'full' | 'alerts_full'>;
  alert(id: string): Promise<DeviceAlert | undefined>;
  /** The alert as it is then; what was cleared stays as it was, and `said` is not said again. Undefined: there is no such alert. */
  clearAlert(
    id: string,
    cleared: NonNullable<DeviceAlert['cleared']>,
    said: Journaled,
  ): Promise<DeviceAlert | undefined>;
  /** Open alerts of registered meters that came before, the oldest first. */
  openBefore(beforeMs: number, limit: number): Promise<readonly DeviceAlert[]>;
  /** Newest first by arrival; `accountId`: only those told while the device was this account's, `orOpen`: and those that are open. */
  alerts(
    query: Page & {
      readonly device?: string;
      readonly accountId?: string;
      readonly orOpen?: boolean;
      readonly open?: boolean;
    },
  ): Promise<Listed<DeviceAlert>>;
  /** Of each account the newest reports stay, of a transfer and of all; `told` is committed with a new one only. */
  putProgress(
    report: DeliveryProgress,
    max: { readonly ofTransfer: number; readonly ofAccount: number },
    told: Journaled,
  ): Promise<'kept' | 'duplicate'>;
  /** Newest first by arrival. */
  progress(
    query: Page & { readonly transferId: string; readonly accountId?: string },
  ): Promise<Listed<DeliveryProgress>>;
  /** The oldest of the same source, and of all, make room. */
  putDeadLetter(
    letter: NewDeadLetter,
    max: { readonly perSource: number; readonly inAll: number },
  ): Promise<void>;
  /** Newest first. */
  deadLetters(
    query: Page & { readonly source?: string; readonly code?: string },
  ): Promise<Listed<DeadLetter>>;
  get(device: string): Promise<DeviceStatus | undefined>;
  /** Those of these that are known. */
  find(devices: readonly string[]): Promise<readonly DeviceStatus[]>;
  /** By name. */
  list(query: Page): Promise<Listed<DeviceStatus>>;
  counts(): Promise<{
    readonly online: number;
    readonly openAlerts: Readonly<Record<Severity, number>>;
  }>;
  /**
   * Deletes from before: cleared alerts, all alerts of devices that are no meters, reports of deliveries, and devices that are no meters
   * and have no alerts. `forgotten`: how many alerts went that nobody had cleared.
   */
  prune(before: {
    readonly alertsMs: number;
    readonly strangerAlertsMs: number;
    readonly progressMs: number;
    readonly strangersMs: number;
  }): Promise<{ readonly forgotten: number }>;
}
