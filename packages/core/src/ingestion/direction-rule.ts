import { directionOf } from '../devices/meter-registers.js';
import type { StoredMeter } from '../devices/meter.store.js';
import type { Direction } from '../energy-ledger/energy-class.js';
import type { ReadingFacts } from '../verify/formats/format.js';
import type { Hold } from './hold.js';

/**
 * What the documents' own names of registers say. `emlog-1.1` has `consumption`, `gridtokenx-meter/1` has `generation`; what
 * is exported comes from a plant or from a store. Other names say nothing by themselves.
 */
const SAID: Readonly<Record<string, readonly Direction[]>> = {
  consumption: ['consumption'],
  import: ['consumption'],
  generation: ['generation'],
  export: ['generation', 'storage'],
};

/**
 * Step: no document may go against the direction that its meter's registers were registered with. A meter that named its
 * registers has no others: what a document says of one it lacks is held unless some register of the meter counts that way.
 */
export function checkDirection(
  { energies }: Pick<ReadingFacts, 'energies'>,
  meter: Pick<StoredMeter, 'registers'> | undefined,
): Hold | undefined {
  if (meter?.registers === undefined) return undefined;
  for (const { register } of energies) {
    const direction = directionOf(meter, register);
    const said = Object.hasOwn(SAID, register) ? SAID[register] : undefined;
    if (direction !== undefined && (said ?? [direction]).includes(direction)) continue;
    if (direction !== undefined)
      return mismatch(`register "${register}" was registered as ${direction}`);
    if (!meter.registers.some((one) => said?.includes(one.direction)))
      return mismatch(`the meter was registered without a register "${register}" or one like it`);
  }
  return undefined;
}

function mismatch(detail: string): Hold {
  return {
    code: 'direction_mismatch',
    detail: `${detail}; correct the registration or the device`,
  };
}
