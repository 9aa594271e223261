import { z } from 'zod';
import { ASSURANCES } from '../logs/verdict.js';

/** Section `claims` of the configuration. */
export const ClaimsConfig = z.strictObject({
  minAssurance: z
    .enum(ASSURANCES)
    .default('device-signature')
    .describe('Weakest assurance of a reading that may be minted, certified or sold.'),
  forwardShare: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe(
      'Part of rated power × time that may be promised before it is measured; 0 forbids forward sales.',
    ),
  maxLines: z
    .int()
    .min(1)
    .max(1000)
    .default(1000)
    .describe('Intervals of one claim; its log entry names each.'),
  queue: z
    .strictObject({
      groupLines: z.int().min(1).default(2000).describe('Lines decided in one transaction.'),
      waiting: z
        .int()
        .min(1)
        .default(10_000)
        .describe('Claims that may wait before more are refused.'),
    })
    .prefault({}),
});
export type ClaimsConfig = z.infer<typeof ClaimsConfig>;
