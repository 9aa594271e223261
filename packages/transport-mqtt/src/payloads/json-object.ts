import type { JsonObject, JsonValue } from '@wattproof/core/spi';
import {
  decimalOf,
  JsonNumber,
  type JsonTree,
  MAX_ENERGY_UWH,
  microWattHours,
  parseJson,
  rfc3339Ms,
} from '@wattproof/core/verify';
import { PayloadError } from './payload-error.js';

/** Longest decimal, in characters, as `reading/1` has it. */
const MAX_DECIMAL_LENGTH = 40;
/** Unix times up to here are seconds, beyond they are milliseconds: the year 5138, or March 1973. */
const MAX_UNIX_SECONDS = 1e11;
/** The years 1 to 9999 in ms: RFC 3339 has no others. What is beyond was microseconds, or no time at all. */
const FIRST_MS = -62_135_596_800_000;
const LAST_MS = 253_402_300_799_999;

/** A JSON object as a device sent it, read strictly, its numbers as they were written. */
export class SentObject {
  private constructor(private readonly members: { readonly [key: string]: JsonTree }) {}

  /** Throws `JsonError`, or `PayloadError` `payload_not_object`. */
  static of(payload: Uint8Array): SentObject {
    const tree = parseJson(payload, 'literal');
    if (
      typeof tree !== 'object' ||
      tree === null ||
      Array.isArray(tree) ||
      tree instanceof JsonNumber
    )
      throw new PayloadError('payload_not_object', 'The payload must be a JSON object.');
    return new SentObject(tree);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Null counts as absent. */
  private get(name: string): JsonTree | undefined {
    return Object.hasOwn(this.members, name) ? (this.members[name] ?? undefined) : undefined;
  }

  text(name: string): string | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || value === '')
      throw new PayloadError('member_invalid', `"${name}" must be a string that is not empty.`);
    return value;
  }

  flag(name: string): boolean {
    return this.get(name) === true;
  }

  /** A number, or a string of one, as a plain decimal such as `-12.5`; none of its digits is lost. */
  decimal(name: string): string | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    const literal = value instanceof JsonNumber ? value.literal : value;
    if (
      typeof literal !== 'string' ||
      !/^-?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?$/.test(literal)
    )
      throw new PayloadError('member_invalid', `"${name}" must be a number.`);
    const { negative, digits, exponent } = decimalOf(literal);
    if (digits.length + Math.abs(exponent) >= MAX_DECIMAL_LENGTH)
      throw new PayloadError('member_invalid', `"${name}" has too many digits.`);
    return (negative && digits !== '' ? '-' : '') + plain(digits, exponent);
  }

  /** A decimal that is not negative. */
  amount(name: string): string | undefined {
    const decimal = this.decimal(name);
    if (decimal?.startsWith('-'))
      throw new PayloadError('energy_negative', `"${name}" must not be negative.`);
    return decimal;
  }

  /** kWh as µWh, rounded down. */
  energyUWh(name: string): bigint | undefined {
    const decimal = this.amount(name);
    if (decimal === undefined) return undefined;
    const energy = microWattHours(decimal);
    if (energy > MAX_ENERGY_UWH)
      throw new PayloadError('member_invalid', `"${name}" is more energy than can be counted.`);
    return energy;
  }

  /** RFC 3339, or a Unix time in seconds or milliseconds; ms since 1970, years 1 to 9999. A time that cannot be read is never replaced. */
  instantMs(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    if (typeof value === 'string') {
      const ms = rfc3339Ms(value);
      if (ms !== undefined && ms >= FIRST_MS && ms <= LAST_MS) return ms;
    } else if (value instanceof JsonNumber) {
      const number = Number(value.literal);
      const ms = Math.floor(number < MAX_UNIX_SECONDS ? number * 1_000 : number);
      if (number >= 0 && ms <= LAST_MS) return ms;
    }
    throw new PayloadError(
      'timestamp_invalid',
      `"${name}" must be an RFC 3339 time such as 2026-01-15T10:00:00Z, or a Unix time in seconds or milliseconds.`,
    );
  }

  /** All of it, numbers as doubles: for people to look at. */
  body(without: readonly string[] = []): JsonObject {
    return Object.fromEntries(
      Object.entries(this.members)
        .filter(([name]) => !without.includes(name))
        .map(([name, value]) => [name, asDoubles(value)]),
    );
  }
}

function plain(digits: string, exponent: number): string {
  if (digits === '') return '0';
  if (exponent >= 0) return digits + '0'.repeat(exponent);
  const point = digits.length + exponent;
  return point > 0
    ? `${digits.slice(0, point)}.${digits.slice(point)}`
    : `0.${'0'.repeat(-point)}${digits}`;
}

function asDoubles(value: JsonTree): JsonValue {
  if (value instanceof JsonNumber) {
    const number = Number(value.literal);
    return Number.isFinite(number) ? number : value.literal;
  }
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map((item: JsonTree) => asDoubles(item));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, asDoubles(inner)]),
    );
  return value;
}
