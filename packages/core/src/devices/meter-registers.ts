import {
  CREDITS,
  type Direction,
  DIRECTIONS,
  ENERGY_CLASSES,
  type EnergyClass,
} from '../energy-ledger/energy-class.js';
import { MeterError } from './meter-error.js';
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

/** A register as somebody asks for it: nothing is known of the words yet. */
export interface AskedRegister {
  readonly name: string;
  readonly direction: string;
  readonly credits?: readonly string[] | undefined;
}

/**
 * The registers of one meter, if together they count nothing twice. Two that measure the same flow, as the gross and the net
 * of one plant, would each credit it: so of each direction at most one register credits a class. Storage stands beside
 * generation, what it discharges was drawn before. Throws `MeterError`.
 */
export function checkedRegisters(asked: readonly AskedRegister[]): readonly MeterRegister[] {
  if (asked.length === 0)
    throw new MeterError('registration_invalid', 'a meter has at least one register');
  const registers = asked.map(checkedRegister);
  const names = new Set<string>();
  const crediting = new Map<string, string>();
  for (const register of registers) {
    const { name, direction } = register;
    if (names.has(name))
      throw new MeterError('register_duplicate', `register "${name}" is named twice`);
    names.add(name);
    for (const one of creditsOf({ registers }, name)) {
      const other = crediting.get(`${direction}/${one}`);
      if (other !== undefined)
        throw new MeterError(
          'register_credits_twice',
          `registers "${other}" and "${name}" would both credit ${one}; state "credits": [] of the one that is contained in the other`,
        );
      crediting.set(`${direction}/${one}`, name);
    }
  }
  return registers;
}

function checkedRegister({ name, direction, credits }: AskedRegister): MeterRegister {
  if (!isOneOf(DIRECTIONS, direction))
    throw new MeterError(
      'register_direction_unknown',
      `register "${name}": "direction" is one of ${DIRECTIONS.join(', ')}`,
    );
  if (credits === undefined) return { name, direction };
  const allowed = CREDITS[direction];
  const own = ENERGY_CLASSES.filter((one) => credits.includes(one));
  if (own.length !== credits.length || !own.every((one) => allowed.includes(one)))
    throw new MeterError(
      'register_credits_invalid',
      `register "${name}": ${direction} credits ${allowed.join(' and ') || 'nothing'}, each named at most once`,
    );
  return { name, direction, credits: own };
}

/** Registers that mean something else afterwards, or are gone. One that meant nothing so far is not among them. */
export function changedRegisters(
  from: readonly MeterRegister[] | undefined,
  to: readonly MeterRegister[],
): readonly string[] {
  const before = from === undefined ? {} : { registers: from };
  const names = from?.map(({ name }) => name) ?? Object.keys(UNNAMED);
  return names.filter(
    (name) =>
      directionOf(before, name) !== directionOf({ registers: to }, name) ||
      creditsOf(before, name).join() !== creditsOf({ registers: to }, name).join(),
  );
}

/** Names of the registers a meter is known to have. */
export function registerNames({ registers }: Pick<StoredMeter, 'registers'>): readonly string[] {
  return registers?.map(({ name }) => name) ?? Object.keys(UNNAMED);
}

function isOneOf<T extends string>(values: readonly T[], value: string): value is T {
  return (values as readonly string[]).includes(value);
}
