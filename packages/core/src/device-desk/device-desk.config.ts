import { z } from 'zod';

/** Section `devices.desk` of the configuration: how much of what devices say besides readings is kept. */
export const DeskConfig = z.strictObject({
  /** Bytes of the body of one report, as JSON. */
  maxBodyBytes: z.number().int().positive().default(16_384),
  /** Devices that are no registered meters; more are refused until some were silent for `keepStrangersMs`. */
  maxStrangers: z.number().int().nonnegative().default(10_000),
  /** A device that is no registered meter is forgotten after so long without a word: 30 days. */
  keepStrangersMs: z.number().int().positive().default(2_592_000_000),
  /**
   * Alerts of one device and one severity that nobody has cleared; more are refused. Counted by severity, so that no number of small
   * ones keeps an emergency out.
   */
  maxOpenAlerts: z.number().int().positive().default(100),
  /** The same of a device that is no registered meter, all severities, and of all such devices together: anybody may make up names. */
  maxOpenAlertsOfStranger: z.number().int().nonnegative().default(10),
  maxOpenAlertsOfStrangers: z.number().int().nonnegative().default(1_000),
  /** Alerts of one device that are kept; of those that were cleared the oldest make room. */
  maxAlerts: z.number().int().positive().default(1_000),
  /** How long a cleared alert is kept: a year. */
  keepAlertsMs: z.number().int().positive().default(31_536_000_000),
  /** An alert of a meter that nobody has cleared for so long is closed by the gateway, which the log and an event say: a year. */
  keepOpenAlertsMs: z.number().int().positive().default(31_536_000_000),
  /** An alert of a device that is no registered meter is forgotten so long after it came, cleared or not: 30 days. */
  keepStrangerAlertsMs: z.number().int().positive().default(2_592_000_000),
  /** Reports of one delivery, from one account; the newest stay. */
  maxProgress: z.number().int().positive().default(1_000),
  /** Reports of all deliveries from one account; the oldest make room. */
  maxProgressOfAccount: z.number().int().positive().default(100_000),
  /** How long reports of deliveries are kept: 90 days. */
  keepProgressMs: z.number().int().positive().default(7_776_000_000),
  /** Dead letters of one source, and of all; the oldest make room. */
  maxDeadLettersPerSource: z.number().int().positive().default(1_000),
  maxDeadLetters: z.number().int().positive().default(100_000),
  /** How far ahead of the gateway's clock the time of a report may lie. */
  maxFutureMs: z.number().int().nonnegative().default(60_000),
  /**
   * A device that is online and gave no sign of life for so long is taken for offline, until its next one: an hour. So are those that
   * were connected to a gateway that was killed.
   */
  silentAfterMs: z.number().int().positive().default(3_600_000),
  /** How often what was seen is written. */
  flushSeenMs: z.number().int().positive().default(10_000),
  /** Devices whose last sign of life waits to be written. */
  maxSeen: z.number().int().positive().default(100_000),
});
export type DeskConfig = z.infer<typeof DeskConfig>;
