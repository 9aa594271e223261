import { JsonNumber, decimalOf, isExactDouble } from '../json/number-literal.js';
import { FormatError } from './format.js';
import { pythonFloat } from './python-float.js';

/**
 * The number coercions of the reference implementation's validator (pydantic 2, lax mode), with one
 * stricter rule: a literal that a double cannot hold exactly is refused instead of rounded.
 */

/** Longest integer, in digits: CPython's own limit for reading one from text. */
const MAX_INTEGER_DIGITS = 4300;
/** Floats become integers only within a signed 64-bit integer. */
const INT64_LIMIT = 2 ** 63;

/** White space as Unicode defines it (White_Space); ECMAScript's `trim` differs in U+0085 and U+FEFF. */
const OUTER_SPACE =
  /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/g;
const FLOAT_TEXT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const NOT_FINITE_TEXT = /^[+-]?(?:inf|infinity|nan)$/i;
const DIGITS = /^\d+$/;

/** An integer field as its shortest decimal digits, exact at any size. */
export function integerDigits(raw: unknown, path: string): string {
  if (raw instanceof JsonNumber) {
    const literal = raw.literal;
    return isDigits(literal) ? limited(literal, path) : fromFloatLiteral(literal, path);
  }
  switch (typeof raw) {
    case 'string':
      return fromIntegerText(raw, path);
    case 'boolean':
      return raw ? '1' : '0';
    case 'bigint':
      return limited(String(raw), path);
    case 'number':
      if (Number.isSafeInteger(raw)) return String(raw === 0 ? 0 : raw);
      // Beyond 2^53 nobody can tell any more which integer was meant.
      if (Number.isInteger(raw)) throw inexact(String(raw), path);
      return fromFloatLiteral(String(raw), path);
    default:
      throw new FormatError('int_type', `${path} must be an integer`, path);
  }
}

/** A double field in its canonical form, Python's `repr`. Its decimal value is the literal's own. */
export function floatText(raw: unknown, path: string): string {
  if (typeof raw === 'number') {
    if (!Number.isFinite(raw)) throw notFinite(path);
    return pythonFloat(raw);
  }
  const literal = floatLiteral(raw, path);
  return pythonFloat(Number(literal));
}

/** A double field as a decimal literal that is exactly a double. */
export function floatLiteral(raw: unknown, path: string): string {
  let literal: string;
  if (raw instanceof JsonNumber) {
    literal = raw.literal;
    // An integer literal has no negative zero, a double has.
    if (literal === '-0') return '0';
  } else if (typeof raw === 'string') literal = fromFloatText(raw, path);
  else if (typeof raw === 'number') literal = Object.is(raw, -0) ? '-0.0' : String(raw);
  else if (typeof raw === 'boolean') return raw ? '1' : '0';
  else if (typeof raw === 'bigint') literal = String(raw);
  else throw new FormatError('float_type', `${path} must be a number`, path);
  if (!isExactDouble(literal)) throw inexact(literal, path);
  return literal;
}

function fromFloatText(text: string, path: string): string {
  // The reference trims white space or drops underscores, never both.
  const literal = text.includes('_') ? withoutUnderscores(text) : text.replace(OUTER_SPACE, '');
  if (literal === undefined || !FLOAT_TEXT.test(literal)) {
    if (literal !== undefined && NOT_FINITE_TEXT.test(literal)) throw notFinite(path);
    throw new FormatError('float_parsing', `${path} is not a decimal number`, path);
  }
  return literal;
}

function fromIntegerText(text: string, path: string): string {
  let rest = text.replace(OUTER_SPACE, '');
  let sign = '';
  if (rest.startsWith('+')) rest = rest.slice(1);
  else if (rest.startsWith('-')) {
    sign = '-';
    rest = rest.slice(1);
  }
  const significant = withoutLeadingZeros(rest)?.replace(/\.0+$/, '');
  const digits = significant === undefined ? undefined : withoutUnderscores(significant);
  if (digits === undefined || !DIGITS.test(digits))
    throw new FormatError('int_parsing', `${path} is not an integer`, path);
  return limited(sign + digits, path);
}

/** True of an integer literal of JSON: digits, perhaps behind a minus. */
function isDigits(literal: string): boolean {
  for (let i = literal.charCodeAt(0) === 45 ? 1 : 0; i < literal.length; i += 1) {
    const unit = literal.charCodeAt(i);
    if (unit < 48 || unit > 57) return false;
  }
  return true;
}

/** Underscores between leading zeros vanish with them: `0_0300` and `0__5` are integers to the reference. */
function withoutLeadingZeros(text: string): string | undefined {
  if (!text.startsWith('0')) return text;
  for (let i = 1; i < text.length; i += 1) {
    const char = text[i]!;
    if (char === '.') return text.slice(i - 1);
    if (char >= '1' && char <= '9') return text.slice(i);
    if (char !== '0' && char !== '_') return undefined;
  }
  return text.slice(-1);
}

/** Underscores may separate digits, but neither begin nor end nor follow one another. */
function withoutUnderscores(text: string): string | undefined {
  if (!text.includes('_')) return text;
  if (text.startsWith('_') || text.endsWith('_') || text.includes('__')) return undefined;
  return text.replaceAll('_', '');
}

/** `300.0`, `3e2`: a double that happens to be an integer. */
function fromFloatLiteral(literal: string, path: string): string {
  const value = Number(literal);
  if (!Number.isFinite(value)) throw notFinite(path);
  if (decimalOf(literal).exponent < 0)
    throw new FormatError('int_from_float', `${path} has a fraction; it must be an integer`, path);
  if (value >= INT64_LIMIT || value < -INT64_LIMIT)
    throw new FormatError(
      'int_parsing_size',
      `${path} is too large for a float notation; write all its digits`,
      path,
    );
  const digits = String(BigInt(value));
  const read = decimalOf(digits);
  const written = decimalOf(literal);
  if (read.digits !== written.digits || read.exponent !== written.exponent)
    throw inexact(literal, path);
  return digits;
}

function limited(digits: string, path: string): string {
  if (digits.length > MAX_INTEGER_DIGITS + (digits.startsWith('-') ? 1 : 0))
    throw new FormatError(
      'int_parsing_size',
      `${path} has more than ${MAX_INTEGER_DIGITS} digits`,
      path,
    );
  return digits === '-0' ? '0' : digits;
}

function notFinite(path: string): FormatError {
  return new FormatError('finite_number', `${path} must be a finite number`, path);
}

function inexact(literal: string, path: string): FormatError {
  if (!Number.isFinite(Number(literal))) return notFinite(path);
  return new FormatError(
    'json_number_precision',
    `${path}: a double cannot hold ${literal.slice(0, 40)} exactly (it reads ${Number(literal)}); send an integer in full, as text, or fewer digits`,
    path,
  );
}
