/**
 * A finite double as CPython's `repr` writes it: shortest round-trip digits, always with a point or an
 * exponent, fixed notation for 1e-4 ≤ |x| < 1e16, exponents of at least two digits.
 */
export function pythonFloat(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e16) {
    const text = String(value);
    return Number.isInteger(value) ? `${text}.0` : text;
  }
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const text = value.toExponential();
  const mark = text.indexOf('e');
  const digits = text.slice(mark + 2);
  return `${text.slice(0, mark + 2)}${digits.length < 2 ? '0' : ''}${digits}`;
}
