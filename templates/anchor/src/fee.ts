import { AnchorError, type Fee } from '@wattproof/core/spi';

/**
 * A bounded schedule: half of the base fee more with every bump, at least what Tally asks now, and more than the attempt
 * that it takes the place of. Throws `capped` instead of going over a cap.
 */
export function feeFor(wanted: {
  readonly baseFee: number;
  readonly bump: number;
  readonly minimumFee: bigint;
  /** Fees of the attempts on the same sequence number. */
  readonly replaced: readonly bigint[];
  readonly caps: readonly bigint[];
}): Fee {
  const floors = [wanted.minimumFee, ...wanted.replaced.map((fee) => fee + 1n)];
  const scheduled = BigInt(wanted.baseFee) + (BigInt(wanted.baseFee) * BigInt(wanted.bump)) / 2n;
  const amount = floors.reduce((most, floor) => (floor > most ? floor : most), scheduled);
  for (const cap of wanted.caps)
    if (amount > cap)
      throw new AnchorError(
        'capped',
        `An anchor costs ${amount} mites now and may cost ${cap}. Raise the cap or wait.`,
      );
  return { amount, unit: 'mite' };
}
