import { decimalOf } from '../json/number-literal.js';

/** Most energy one document may state, in kWh: 9 × 10⁹ kWh in µWh still fits a signed 64-bit integer. */
export const MAX_ENERGY_KWH = 9_000_000_000n;
/** `MAX_ENERGY_KWH` in µWh. */
export const MAX_ENERGY_UWH = MAX_ENERGY_KWH * 1_000_000_000n;

/**
 * Micro-watt-hours of a kWh literal: literal × 10⁹, rounded down, from the literal's digits. Going
 * through a double would turn 8.2 kWh into 8 199 999 999 µWh. The sign is ignored.
 */
export function microWattHours(kwhLiteral: string): bigint {
  const { digits, exponent } = decimalOf(kwhLiteral);
  const shift = exponent + 9;
  if (shift >= 0) {
    if (digits.length + shift <= 15) return BigInt(Number(digits) * 10 ** shift);
    return BigInt(digits === '' ? 0 : digits) * 10n ** BigInt(shift);
  }
  const kept = digits.length + shift;
  return kept <= 0 ? 0n : BigInt(digits.slice(0, kept));
}
