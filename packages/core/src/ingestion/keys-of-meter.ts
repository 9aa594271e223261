import type { MeterDirectory } from '../devices/meter-directory.js';
import type { MeterKey } from '../devices/meter.store.js';
import { Refusal } from './refusal.js';

/** Most keys that are tried for one signature: the newest epochs. */
const MAX_TRIED = 4;

/**
 * Step for envelopes that name no key (OCMF, COSE_Sign1 without kid, GridTokenX): the keys of the document's meter that sign with this
 * algorithm, newest first.
 */
export function keysOfMeter(
  alg: string,
  meterId: string,
  directory: Pick<MeterDirectory, 'peekMeter'>,
): readonly MeterKey[] | Refusal {
  const meter = directory.peekMeter(meterId) ?? undefined;
  if (meter === undefined)
    return new Refusal('meter_unknown', 'the meter is not registered; register it with its key');
  const own = meter.keys.filter((key) => key.alg === alg).toSorted((a, b) => b.epoch - a.epoch);
  if (own.length === 0)
    return new Refusal('alg_not_allowed', `the meter has no key that signs with ${alg}`);
  return own.slice(0, MAX_TRIED);
}
