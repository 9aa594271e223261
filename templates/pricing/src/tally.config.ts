import { z } from 'zod';

const decimal = z.string().regex(/^\d{1,6}(\.\d{1,6})?$/, 'must be a decimal such as "0.12"');
const hour = z.int().min(0).max(23);

/** What an operator writes: every threshold of the tariff. An unknown key is an error, and every default stands here alone. */
export const TallyConfig = z.strictObject({
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .default('EUR')
    .describe('ISO 4217.'),
  base: decimal.default('0.12').describe('Price of a kWh before any factor.'),
  /** Local hours; `to` is the first hour that is not part of it any more. */
  hours: z
    .array(z.strictObject({ name: z.string().min(1), from: hour, to: hour, factor: decimal }))
    .default([
      { name: 'night', from: 23, to: 7, factor: '0.75' },
      { name: 'evening', from: 19, to: 22, factor: '1.4' },
    ])
    .describe('Parts of the day with a factor of their own; the first that fits counts.'),
  frostBelowC: z.number().default(2).describe('Temperature below which frost counts.'),
  frostFactor: decimal.default('1.25'),
});
export type TallyConfig = z.infer<typeof TallyConfig>;
