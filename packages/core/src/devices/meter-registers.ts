import { CREDITS, type Direction, type EnergyClass } from '../energy-ledger/energy-class.js';
import type { StoredMeter } from './meter.store.js';

/** What one register of a meter measures, as said at registration. */
export interface MeterRegister {
  readonly name: string;
  readonly direction: Direction;
  /** What it credits, when that is less than its direction allows: `[]` for a gross register behind the delivery point. */
  readonly credits?: readonly EnergyClass[];
}

/** Registers of a meter that was registered without naming any. `export` is not among them: it may be part of `generation`. */
const UNNAMED: Readonly<Record<string, Direction>> = {
  generation: 'generation',
  import: 'consumption',
  consumption: 'consumption',
};

/** Direction of a register; undefined when the meter does not have it, or nobody said. */
export function directionOf(
  meter: Pick<StoredMeter, 'registers'>,
  register: string,
): Direction | undefined {
  const { registers } = meter;
  if (registers === undefined)
    return Object.hasOwn(UNNAMED, register) ? UNNAMED[register] : undefined;
  return registers.find(({ name }) => name === register)?.direction;
}

/** What a register credits. Energy of a meter nobody registered credits nothing. */
export function creditsOf(
  meter: Pick<StoredMeter, 'registers'> | undefined,
  register: string,
): readonly EnergyClass[] {
  if (meter === undefined) return [];
  const direction = directionOf(meter, register);
  if (direction === undefined) return [];
  const allowed = CREDITS[direction];
  const said = meter.registers?.find(({ name }) => name === register)?.credits;
  return said === undefined ? allowed : allowed.filter((one) => said.includes(one));
}
