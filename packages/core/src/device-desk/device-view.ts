import { ownedSpans, ownerAt } from '../devices/meter-ownership.js';
import type { StoredMeter } from '../devices/meter.store.js';
import type { DeviceStatus } from './device-status.js';

/**
 * Whether what the device of a meter says concerns the meter's owner. Nobody has said yet that a pending meter is theirs who claims it,
 * and one that was turned down is retired: what calls itself so is nobody's.
 */
export function speaksForOwner({ state }: Pick<StoredMeter, 'state'>): boolean {
  return state === 'active' || state === 'suspended';
}

/** From when on an account may see what the device of a meter says; undefined: it may not. */
export function seenFromMs(
  meter: StoredMeter,
  accountId: string,
  nowMs: number,
): number | undefined {
  if (!speaksForOwner(meter) || ownerAt(meter, nowMs).accountId !== accountId) return undefined;
  const span = ownedSpans(meter).find(({ untilMs = Infinity }) => nowMs < untilMs);
  return span?.fromMs ?? meter.registeredAtMs;
}

/** Until when an account may see what became of alerts that were told while the meter was theirs; `Infinity` while it is. */
export function seenUntilMs(meter: StoredMeter, accountId: string): number {
  const own = ownedSpans(meter).filter((span) => span.accountId === accountId);
  return own.at(-1)?.untilMs ?? Infinity;
}

/** What is left of a status for who may see it from an instant on: the owner before is told of nothing, and tells nothing. */
export function statusFrom(status: DeviceStatus, fromMs: number): DeviceStatus {
  const { device, presence, seenAtMs = -Infinity, telemetry, openAlerts } = status;
  return {
    device,
    // It has been there, or gone, at least since then.
    ...(presence && { presence: { ...presence, sinceMs: Math.max(presence.sinceMs, fromMs) } }),
    ...(seenAtMs < fromMs ? {} : { seenAtMs }),
    ...(telemetry === undefined || telemetry.atMs < fromMs ? {} : { telemetry }),
    openAlerts,
  };
}
