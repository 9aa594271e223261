import type { DeviceKey } from './device-key.js';
import { MeterError } from './meter-error.js';
import { ownerAt } from './meter-ownership.js';
import type { StoredMeter } from './meter.store.js';

/**
 * Nobody has shown to hold a key that is only stated, so it stays whose it is: only an account's own meters share one.
 * `holders`: the meters that have, or had, it. Throws `MeterError`.
 */
export function refuseForeign(
  holders: readonly StoredMeter[],
  { keyId }: DeviceKey,
  accountId: string,
  nowMs: number,
): void {
  const isHeld = ({ state, admitted }: StoredMeter): boolean =>
    state !== 'retired' || admitted === true;
  if (holders.some((one) => isHeld(one) && ownerAt(one, nowMs).accountId !== accountId))
    throw new MeterError(
      'key_taken',
      `key ${keyId} is, or was, a meter's of another account; a device that has it must sign a challenge`,
    );
}
