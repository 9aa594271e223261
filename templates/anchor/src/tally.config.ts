import { z } from 'zod';

/** What an operator writes. An unknown key is an error, and every default and limit stands here alone. */
export const TallyConfig = z.strictObject({
  url: z.url().describe('Where a Tally node answers.'),
  chain: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/)
    .describe('Which Tally; there is no default, so nobody pays on the wrong one by accident.'),
  key: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')
    .meta({ secret: true })
    .describe('Seed of the Ed25519 key of the account that pays; use it for nothing else.'),
  baseFee: z.int().min(1).default(10).describe('Fee of a first attempt, in mites.'),
  maxFee: z.int().min(1).default(1_000).describe('An attempt that would cost more is not made.'),
  timeoutMs: z.int().min(100).default(10_000).describe('How long one call may take.'),
});
export type TallyConfig = z.infer<typeof TallyConfig>;
