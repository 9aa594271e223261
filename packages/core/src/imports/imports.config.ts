import { z } from 'zod';

/** Section `imports` of the configuration: what is remembered of files that were imported. */
export const ImportsConfig = z.strictObject({
  /**
   * How long an import and its report of refused rows are kept after its last part, whether it was done or not: 90 days. The readings that
   * it brought stay in the log.
   */
  keepMs: z.number().int().positive().default(7_776_000_000),
});
export type ImportsConfig = z.infer<typeof ImportsConfig>;
