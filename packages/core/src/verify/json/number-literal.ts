/** Numbers as they were written. A double is only ever compared with the literal, never trusted instead of it. */

/** A JSON number with its literal kept, so that no digit is lost before somebody decided what it means. */
export class JsonNumber {
  constructor(readonly literal: string) {}
}

/** value = (negative ? −1 : 1) × digits × 10^exponent; `digits` has no zero at either end, '' is zero. */
export interface Decimal {
  readonly negative: boolean;
  readonly digits: string;
  readonly exponent: number;
}

/** The decimal value of a literal such as `-12.340e-3`. Accepts what JSON accepts, and `.5`, `5.`, `+5`. */
export function decimalOf(literal: string): Decimal {
  let start = 0;
  let negative = false;
  if (literal.charCodeAt(0) === 45) {
    negative = true;
    start = 1;
  } else if (literal.charCodeAt(0) === 43) start = 1;
  let end = literal.length;
  let exponent = 0;
  const mark = literal.search(/[eE]/);
  if (mark >= 0) {
    exponent = Number(literal.slice(mark + 1));
    end = mark;
  }
  let digits = literal.slice(start, end);
  const point = digits.indexOf('.');
  if (point >= 0) {
    exponent -= digits.length - point - 1;
    digits = digits.slice(0, point) + digits.slice(point + 1);
  }
  let last = digits.length;
  while (last > 0 && digits.charCodeAt(last - 1) === 48) last -= 1;
  exponent += digits.length - last;
  let first = 0;
  while (first < last && digits.charCodeAt(first) === 48) first += 1;
  digits = digits.slice(first, last);
  return digits === '' ? { negative, digits, exponent: 0 } : { negative, digits, exponent };
}

/**
 * True when the shortest decimal that round-trips to the literal's double is the literal's own value,
 * so that reading it as a double changes nothing. False for literals that overflow.
 */
export function isExactDouble(literal: string): boolean {
  // Decimals of up to 15 digits are all told apart by doubles (IEEE 754 binary64: DBL_DIG = 15).
  if (literal.length <= 15 && !hasExponent(literal)) return true;
  const value = Number(literal);
  if (!Number.isFinite(value)) return false;
  const shortest = String(value);
  if (shortest === literal) return true;
  const written = decimalOf(literal);
  const read = decimalOf(shortest);
  return written.digits === read.digits && written.exponent === read.exponent;
}

function hasExponent(literal: string): boolean {
  for (let i = 0; i < literal.length; i += 1) {
    const unit = literal.charCodeAt(i);
    if (unit === 101 || unit === 69) return true;
  }
  return false;
}

/** True when the literal's decimal value is an integer, whatever its notation (`300.0`, `3e2`). */
export function isIntegral(literal: string): boolean {
  return decimalOf(literal).exponent >= 0;
}
