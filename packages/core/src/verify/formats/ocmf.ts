import { utf8 } from '../bytes.js';
import { decimalOf, JsonNumber } from '../json/number-literal.js';
import { parseJson } from '../json/parse.js';
import type { JsonTree } from '../json/reader.js';
import type { DocumentCodec } from './codec.js';
import { MAX_ENERGY_KWH } from './energy.js';
import { FormatError, type CanonicalDocument, type MeasuredEnergy } from './format.js';
import { rfc3339Ms } from './rfc3339.js';

const NAME = 'ocmf';
/** Most entries of `RD` that are read. */
const MAX_READINGS = 1000;

/** What an entry of `RD` says, with what it leaves out taken from the one before it. */
interface Reading {
  readonly time: string;
  readonly type: string;
  /** Literal as it was written. */
  readonly value: string;
  readonly obis: string;
  readonly unit: string;
}

type Members = { readonly [name: string]: JsonTree };

function refuse(code: string, message: string, path?: string): never {
  throw new FormatError(code, message, path);
}

/**
 * `ocmf`: the payload section of a record of the Open Charge Metering Format, byte for byte as it was received; what a meter signed
 * must never be written anew. The meter is `MS`, else `GS`. Energy is what each register rose by between its begin (`TX` B) and its end
 * (`TX` E, L, R, A, P), read from the digits. The number of a transaction record (`PG` T…) is the device's sequence number.
 */
export const ocmf: DocumentCodec = Object.freeze({
  name: NAME,
  read(text: string): CanonicalDocument {
    const payload = objectOf(parseJson(text, 'literal'), 'the payload');
    const meterId = word(payload, 'MS') || word(payload, 'GS');
    if (meterId === '') refuse('missing', 'MS (or GS) must name the meter', 'MS');
    const readings = readingsOf(payload);
    const begin = readings.find(({ type }) => type === 'B');
    const end = readings.findLast(({ type }) => ENDS.has(type));
    if (begin === undefined || end === undefined) return halfTransaction(begin, end);
    const [startsMs, from] = instant(begin.time);
    const [endsMs, to] = instant(end.time);
    if (endsMs < startsMs) refuse('interval_reversed', 'RD ends before it begins', 'RD');
    const sequence = paginationOf(payload);
    return {
      format: NAME,
      bytes: utf8(text),
      reading: {
        siteId: '',
        deviceId: word(payload, 'GS'),
        meterId,
        startsMs,
        endsMs,
        energies: energiesOf(readings),
        estimated: false,
        timeStatus: worse(from, to),
        ...(sequence === undefined ? {} : { sequence }),
      },
    };
  },
});

/** The energy of a transaction needs both its register states under one signature: of two records, neither says it. */
function halfTransaction(begin: Reading | undefined, end: Reading | undefined): never {
  const advice = 'send the record of the whole transaction, which meters sign at its end';
  if (begin !== undefined)
    refuse(
      'transaction_begin_alone',
      `RD only opens a transaction (TX B): no energy yet; ${advice}`,
      'RD',
    );
  if (end !== undefined)
    refuse(
      'transaction_end_alone',
      `RD closes a transaction (TX E, L, R, A or P) without its begin (TX B): what the register rose by is not in it; ${advice}`,
      'RD',
    );
  return refuse(
    'energy_missing',
    'RD has no begin (TX B) and no end (TX E, L, R, A or P): register states alone are no energy',
    'RD',
  );
}

function objectOf(value: JsonTree | undefined, what: string): Members {
  if (
    typeof value !== 'object' ||
    value === null ||
    Array.isArray(value) ||
    value instanceof JsonNumber
  )
    return refuse('model_type', `${what} must be a JSON object`);
  return value;
}

/** A text member; '' when it is absent. */
function word(members: Members, name: string, before = ''): string {
  const value = Object.hasOwn(members, name) ? members[name] : before;
  if (typeof value !== 'string') return refuse('member_invalid', `${name} must be a string`, name);
  return value;
}

/** `T` counts transactions, `F` fiscal readings, each +1 a record (table 1). Only transactions measure an interval. */
function paginationOf(payload: Members): bigint | undefined {
  const text = word(payload, 'PG');
  const match = /^([TF])(0|[1-9]\d{0,17})$/.exec(text);
  if (match === null)
    return refuse('member_invalid', 'PG must be T or F and the number of the record', 'PG');
  return match[1] === 'T' ? BigInt(match[2]!) : undefined;
}

/** Ends of a transaction: by the user, locally, remotely, aborted, by loss of power. */
const ENDS: ReadonlySet<string> = new Set(['E', 'L', 'R', 'A', 'P']);
const TYPES: ReadonlySet<string> = new Set([...ENDS, 'B', 'C', 'X', 'S', 'T']);

function readingsOf(payload: Members): readonly Reading[] {
  const list = Object.hasOwn(payload, 'RD') ? payload['RD'] : undefined;
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_READINGS)
    return refuse('member_invalid', `RD must be a list of 1 to ${MAX_READINGS} readings`, 'RD');
  let before: Partial<Record<'TM' | 'TX' | 'RI' | 'RU' | 'ST' | 'EF', string>> = {};
  return list.map((item: JsonTree, index) => {
    const path = `RD[${index}]`;
    const members = objectOf(item, path);
    const own = (name: keyof typeof before): string => word(members, name, before[name] ?? '');
    before = {
      TM: own('TM'),
      TX: own('TX'),
      RI: own('RI'),
      RU: own('RU'),
      ST: own('ST'),
      EF: own('EF'),
    };
    const {
      TM: time = '',
      TX: type = '',
      RI: obis = '',
      RU: unit = '',
      ST: state,
      EF: errors = '',
    } = before;
    if (type !== '' && !TYPES.has(type))
      refuse('member_invalid', `${path}.TX is not known`, `${path}.TX`);
    // What the meter says of its own value: G is good; E among the errors is an error of the energy.
    if (ENERGY_UNITS.has(unit) && (state !== 'G' || errors.includes('E')))
      refuse(
        'register_not_good',
        `${path} is marked by the meter: ST ${JSON.stringify(state).slice(0, 8)}, EF ${JSON.stringify(errors).slice(0, 8)}`,
        path,
      );
    return { time, type, obis, unit, value: literalOf(members, path) };
  });
}

/** The literal of `RV`, which some meters write as text with spaces before it. */
function literalOf(members: Members, path: string): string {
  const value = Object.hasOwn(members, 'RV') ? members['RV'] : undefined;
  const literal =
    value instanceof JsonNumber ? value.literal : typeof value === 'string' ? value.trim() : '';
  if (literal.length > 40 || !/^-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,2})?$/.test(literal))
    return refuse('member_invalid', `${path}.RV must be a decimal number`, `${path}.RV`);
  return literal;
}

/** Units of energy and what they are in kWh, as a power of ten. */
const ENERGY_UNITS: ReadonlyMap<string, number> = new Map([
  ['kWh', 0],
  ['Wh', -3],
]);

const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d),(\d{3})([+-]\d\d)(\d\d) ([UISR])$/;

/** How sure a meter is of its clock: U unknown, I informative, R relative, S synchronised (table 7). */
type TimeStatus = 'U' | 'I' | 'R' | 'S';
const FROM_WORST: readonly TimeStatus[] = ['U', 'I', 'R', 'S'];

function worse(a: TimeStatus, b: TimeStatus): TimeStatus {
  return FROM_WORST[Math.min(FROM_WORST.indexOf(a), FROM_WORST.indexOf(b))]!;
}

function instant(text: string): readonly [number, TimeStatus] {
  const match = TIME.exec(text);
  const ms =
    match === null ? undefined : rfc3339Ms(`${match[1]}.${match[2]}${match[3]}:${match[4]}`);
  if (match === null || ms === undefined)
    return refuse(
      'member_invalid',
      'TM must be a time such as 2018-07-24T13:22:04,000+0200 S',
      'RD.TM',
    );
  return [ms, match[5] as TimeStatus];
}

/** Import or export by the OBIS code's value group C (IEC 62056-61); undefined for what is no energy of a direction. */
function registerOf({ obis, unit }: Reading): 'import' | 'export' | undefined {
  if (!ENERGY_UNITS.has(unit)) return undefined;
  if (obis === '') return 'import';
  const group = /^(?:[0-9A-Za-z]{1,2}-[0-9A-Za-z]{1,2}:)?0*([0-9A-Fa-f]{1,2})(?:\.|$)/.exec(
    obis,
  )?.[1];
  switch (group?.toUpperCase()) {
    // 98: loss-compensated import; B0–B3, C0–C3: the registers OCMF itself reserves.
    case '1':
    case '98':
    case 'B0':
    case 'B1':
    case 'B2':
    case 'B3':
      return 'import';
    case '2':
    case 'C0':
    case 'C1':
    case 'C2':
    case 'C3':
      return 'export';
    default:
      return undefined;
  }
}

/** What the first register of each direction rose by. A second register of a direction counts the same energy again. */
function energiesOf(readings: readonly Reading[]): readonly MeasuredEnergy[] {
  const energies: MeasuredEnergy[] = [];
  const codes = new Map<string, string>();
  for (const first of readings) {
    const register = registerOf(first);
    if (register === undefined || codes.has(register)) continue;
    codes.set(register, first.obis);
    const own = readings.filter((one) => one.obis === first.obis && ENERGY_UNITS.has(one.unit));
    const begin = own.find(({ type }) => type === 'B');
    const end = own.findLast(({ type }) => ENDS.has(type));
    if (begin === undefined || end === undefined) continue;
    energies.push({ register, energyUWh: rise(begin, end) });
  }
  if (energies.length === 0)
    refuse('energy_missing', 'RD has no register of energy with a begin and an end', 'RD');
  return energies;
}

/** end − begin in µWh, rounded down once: each alone rounded could make a µWh of nothing. */
function rise(begin: Reading, end: Reading): bigint {
  const [from, to] = [scaled(begin), scaled(end)];
  const exponent = Math.min(from.exponent, to.exponent, UWH_EXPONENT);
  const whole = (one: Scaled): bigint => one.digits * 10n ** BigInt(one.exponent - exponent);
  const rose = whole(to) - whole(from);
  if (rose < 0n) refuse('register_reversed', `register ${begin.obis.slice(0, 40)} fell`, 'RD.RV');
  return rose / 10n ** BigInt(UWH_EXPONENT - exponent);
}

/** digits × 10^exponent kWh. */
interface Scaled {
  readonly digits: bigint;
  readonly exponent: number;
}

/** 1 µWh is 10⁻⁹ kWh. */
const UWH_EXPONENT = -9;

function scaled({ value, unit }: Reading): Scaled {
  const { negative, digits, exponent: written } = decimalOf(value);
  const exponent = written + ENERGY_UNITS.get(unit)!;
  if (negative || digits.length + exponent > MAX_ENERGY_KWH.toString().length)
    refuse('member_invalid', `RV must be 0 to ${MAX_ENERGY_KWH} kWh`, 'RD.RV');
  return { digits: BigInt(digits), exponent };
}
