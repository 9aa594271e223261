import { z } from 'zod';

/** Places of a degree that are kept: about 11 km. Enough for the sun's height, too little to find a house. */
const PLACES = 1;

function degrees(bound: number): z.ZodType<number, number> {
  return z
    .number()
    .min(-bound)
    .max(bound)
    .transform((value) => Number(value.toFixed(PLACES)) + 0);
}

/** Where a meter is, coarsely: degrees (WGS 84) rounded to a tenth, or the name of a zone. */
export const MeterLocation = z.union([
  z.strictObject({ latitude: degrees(90), longitude: degrees(180) }),
  /** A bidding or time zone such as `DE-LU` or `Europe/Rome`. */
  z.strictObject({ zone: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_+./:-]{0,63}$/) }),
]);
export type MeterLocation = z.infer<typeof MeterLocation>;
