import { z } from 'zod';

/** What an operator writes. An unknown key is an error, and every default and limit stands here alone. */
export const TallyConfig = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
  port: z.int().min(0).max(65_535).describe('Port to listen on; 0 takes a free one.'),
  maxLineBytes: z
    .int()
    .min(64)
    .max(16_777_216)
    .default(65_536)
    .describe('A longer line is refused and its connection closed.'),
});
export type TallyConfig = z.infer<typeof TallyConfig>;
