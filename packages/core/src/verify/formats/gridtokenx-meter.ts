import { utf8 } from '../bytes.js';
import { decimalOf, JsonNumber } from '../json/number-literal.js';
import { parseJson } from '../json/parse.js';
import type { JsonTree } from '../json/reader.js';
import { checkClosedObject, required, text } from './closed-object.js';
import type { DocumentCodec } from './codec.js';
import { MAX_ENERGY_KWH, microWattHours } from './energy.js';
import { FormatError, type CanonicalDocument } from './format.js';
import { rfc3339Ms } from './rfc3339.js';

const NAME = 'gridtokenx-meter/1';
/** First line of the message a GridTokenX meter signs; what a document can never begin with. */
const FIRST_LINE = 'GRIDTOKENX_METER_READING\n';
const MESSAGE =
  /^GRIDTOKENX_METER_READING\nmeter_serial: ([^\n]*)\ntimestamp: ([^\n]*)\nkwh_amount: ([^\n]*)\nwallet: ([^\n]*)$/;
/** Digits after the point of the signed amount. */
const DECIMALS = 6;
/** A reading with one timestamp t covers [t − 15 min, t). */
const COVERED_MS = 900_000;
const LITERAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/;
/** Longest literal of an amount, in characters. */
const MAX_LITERAL_LENGTH = 40;

// The message is made of lines: with a control character inside, two documents could have the same message.
const line = text(/^[^\p{Cc}\p{Cs}]{1,255}$/u, 'a string of 1 to 255 characters without controls');
const time = (value: JsonTree): string | undefined =>
  typeof value === 'string' && rfc3339Ms(value) !== undefined
    ? undefined
    : 'an RFC 3339 time with an offset such as 2025-12-03T04:00:00+00:00';
const amount = (value: JsonTree): string | undefined =>
  literalOf(value) === undefined ? 'a number, or a decimal as a string' : undefined;

const SCHEMA = Object.freeze({
  meter_serial: required(line),
  timestamp: required(time),
  kwh_amount: required(amount),
  wallet: required(line),
});

/**
 * `gridtokenx-meter/1`: the message GridTokenX meters sign, in five lines without a line feed at the end. It is rebuilt from
 * a JSON document of `meter_serial`, `timestamp`, `kwh_amount` and `wallet`: the timestamp verbatim, the amount from the digits
 * of its literal with exactly six decimals (more: `amount_precision`). The message itself is read, too.
 */
export const gridtokenxMeter: DocumentCodec = Object.freeze({
  name: NAME,
  read(source: string): CanonicalDocument {
    const document = source.startsWith(FIRST_LINE)
      ? checkClosedObject(membersOf(source), SCHEMA)
      : checkClosedObject(parseJson(source, 'literal'), SCHEMA);
    const [serial, timestamp, wallet] = ['meter_serial', 'timestamp', 'wallet'].map(
      (name) => document[name] as string,
    ) as [string, string, string];
    const kwh = sixDecimals(literalOf(document['kwh_amount']!)!);
    const endsMs = rfc3339Ms(timestamp)!;
    return {
      format: NAME,
      bytes: utf8(
        `${FIRST_LINE}meter_serial: ${serial}\ntimestamp: ${timestamp}\nkwh_amount: ${kwh}\nwallet: ${wallet}`,
      ),
      reading: {
        siteId: '',
        deviceId: '',
        meterId: serial,
        startsMs: endsMs - COVERED_MS,
        endsMs,
        energies: [{ register: 'generation', energyUWh: microWattHours(kwh) }],
        estimated: false,
        wallet,
      },
    };
  },
});

function membersOf(message: string): { readonly [name: string]: string } {
  const match = MESSAGE.exec(message);
  if (match === null)
    throw new FormatError('message_lines', `The message is not the five lines of ${NAME}`);
  const [, serial, timestamp, kwh, wallet] = match as unknown as readonly string[];
  return { meter_serial: serial!, timestamp: timestamp!, kwh_amount: kwh!, wallet: wallet! };
}

function literalOf(value: JsonTree): string | undefined {
  const literal = value instanceof JsonNumber ? value.literal : value;
  return typeof literal === 'string' &&
    literal.length <= MAX_LITERAL_LENGTH &&
    LITERAL.test(literal)
    ? literal
    : undefined;
}

/** The literal's value with exactly six decimals. Digits it would lose are refused, zeros among them. */
function sixDecimals(literal: string): string {
  const refuse = (code: string, what: string): never => {
    throw new FormatError(code, `kwh_amount ${what}, got ${literal}`, 'kwh_amount');
  };
  const [mantissa = '', power = '0'] = literal.split(/[eE]/);
  const written = (mantissa.split('.')[1] ?? '').length - Number(power);
  if (written > DECIMALS) refuse('amount_precision', `has at most ${DECIMALS} decimals`);
  const { negative, digits, exponent } = decimalOf(literal);
  if (negative) refuse('member_invalid', 'must not be negative');
  if (digits.length + exponent > MAX_ENERGY_KWH.toString().length)
    refuse('member_invalid', `is at most ${MAX_ENERGY_KWH}`);
  const units = `${digits}${'0'.repeat(DECIMALS + exponent)}`.padStart(DECIMALS + 1, '0');
  return `${units.slice(0, -DECIMALS)}.${units.slice(-DECIMALS)}`;
}
