/** Digits after the point that a price is rounded to. */
const PRICE_DECIMALS = 4;

/** The product of decimal strings, rounded half up: exact, so that every machine gets the same price. */
export function priceOf(base: string, factors: readonly string[]): string {
  let units = 1n;
  let decimals = 0;
  for (const decimal of [base, ...factors]) {
    const [whole = '', fraction = ''] = decimal.split('.');
    units *= BigInt(whole + fraction);
    decimals += fraction.length;
  }
  const spare = 10n ** BigInt(decimals + 1);
  const rounded = (units * 10n ** BigInt(PRICE_DECIMALS + 1) + spare / 2n) / spare;
  const digits = rounded.toString().padStart(PRICE_DECIMALS + 1, '0');
  return `${digits.slice(0, -PRICE_DECIMALS)}.${digits.slice(-PRICE_DECIMALS)}`;
}
