import { z } from 'zod';

/** Section `devices.commands` of the configuration. */
export const CommandsConfig = z.strictObject({
  /**
   * What becomes of an answer without a signature: `accept` is for firmware that cannot sign, and makes whoever can write to the
   * device's topic able to answer for it.
   */
  unsignedAnswers: z.enum(['refuse', 'accept']).default('refuse'),
  /** How long a device has for its answer when nobody says, and at most: seven days. */
  timeoutMs: z.number().int().positive().default(60_000),
  maxTimeoutMs: z.number().int().positive().default(604_800_000),
  /** How long it has to send readings again: an hour. */
  resendTimeoutMs: z.number().int().positive().default(3_600_000),
  /** Gaps that one command names; those that are left are asked for by the next. */
  maxRanges: z.number().int().positive().max(1_000).default(64),
  /** Bytes of a command's body, and of its answer's, as JSON. */
  maxBodyBytes: z.number().int().positive().default(16_384),
  /** Commands of one meter that wait for an answer, and of all meters. */
  maxOpenPerMeter: z.number().int().positive().default(32),
  maxOpen: z.number().int().positive().default(10_000),
  /** Commands `resend` of one meter that wait, so that they leave room for others. */
  maxOpenResends: z.number().int().positive().default(4),
  /** A command is sent again after so long, then after twice as long, and so on, up to the longest. */
  resendAfterMs: z.number().int().positive().default(5_000),
  resendAtMostMs: z.number().int().positive().default(60_000),
  /** A transport that has not sent by then is given up for this time. */
  sendWithinMs: z.number().int().positive().default(10_000),
  /** How often it is looked what is to be sent, and whose time is over. */
  lookEveryMs: z.number().int().positive().default(1_000),
  /** Whoever waits for an answer looks this often for one that came in at another replica. */
  pollMs: z.number().int().positive().default(500),
  /** How many may wait at once in one process. */
  maxWaiting: z.number().int().positive().default(500),
  /** How long a command that is over is kept: 31 days. */
  keepMs: z.number().int().positive().default(2_678_400_000),
});
export type CommandsConfig = z.infer<typeof CommandsConfig>;
