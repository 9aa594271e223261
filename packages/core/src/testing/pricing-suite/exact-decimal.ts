import assert from 'node:assert/strict';

/** `units` × 10^−`decimals`. */
export interface Decimal {
  readonly units: bigint;
  readonly decimals: number;
}

export function decimalOf(text: string): Decimal {
  assert.match(text, /^-?\d+(\.\d+)?$/, `"${text}" is not a decimal string`);
  const [whole = '', fraction = ''] = text.split('.');
  return { units: BigInt(whole + fraction), decimals: fraction.length };
}

export function product(texts: readonly string[]): Decimal {
  return texts.map(decimalOf).reduce(
    (left, right) => ({
      units: left.units * right.units,
      decimals: left.decimals + right.decimals,
    }),
    { units: 1n, decimals: 0 },
  );
}

/** True when `rounded` differs from `exact` by less than one of its own last digits: any rounding rule will do. */
export function within(rounded: Decimal, exact: Decimal): boolean {
  const decimals = Math.max(rounded.decimals, exact.decimals);
  const scaled = ({ units, decimals: own }: Decimal): bigint =>
    units * 10n ** BigInt(decimals - own);
  const difference = scaled(rounded) - scaled(exact);
  const oneDigit = 10n ** BigInt(decimals - rounded.decimals);
  return (difference < 0n ? -difference : difference) < oneDigit || difference === 0n;
}
