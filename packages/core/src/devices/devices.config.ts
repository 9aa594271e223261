import { z } from 'zod';
import { CommandsConfig } from '../device-commands/commands.config.js';
import { DeskConfig } from '../device-desk/device-desk.config.js';
import { SIGNATURE_ALGORITHMS } from '../verify/spki.js';

/** Section `devices` of the configuration. */
export const DevicesConfig = z.strictObject({
  /** What happens to a reading without a device signature. */
  unsigned: z.enum(['require', 'review', 'accept']).default('require'),
  /** Who may register a meter: after review, when listed, or anyone. */
  registration: z.enum(['review', 'allowlist', 'open']).default('review'),
  /** Meter ids that may register under `allowlist`, beside those listed with POST /api/v1/admin/meters/allowlist. */
  allowlist: z.array(z.string().min(1).max(256)).max(100_000).default([]),
  /** Signature algorithms devices may use. */
  algorithms: z
    .array(z.enum(SIGNATURE_ALGORITHMS))
    .min(1)
    .default([...SIGNATURE_ALGORITHMS]),
  /** How long before and after a rotation both keys speak for what was measured: a day. */
  keyOverlapMs: z.number().int().nonnegative().default(86_400_000),
  /**
   * Keys of one meter over all its life, after which it is not rotated any more; each is looked at with every reading. A new one
   * each month lasts for 21 years. What people decide, recoveries and corrections, is not bound by it.
   */
  maxKeysPerMeter: z.number().int().positive().default(256),
  /** Until when an admin can approve the recovery of a lost key: seven days. */
  recoveryTtlMs: z.number().int().positive().default(604_800_000),
  /**
   * How far behind the highest sequence number of its key a reading may come without being held for review. 4,096 quarters of an
   * hour are six weeks.
   */
  sequenceWindow: z.union([z.number().int().positive(), z.literal('none')]).default(4096),
  /** Life of a challenge for proof of possession. */
  challengeTtlMs: z.number().int().positive().default(300_000),
  /** Challenges one network may ask for without a key: a token bucket. The burst is a fleet behind one address. */
  challengeRate: z
    .strictObject({
      perSecond: z.number().positive().default(10),
      burst: z.number().int().positive().default(10_000),
      /** Networks remembered; the longest silent is forgotten first. */
      sources: z.number().int().positive().default(10_000),
    })
    .prefault({}),
  /** Challenges that devices made themselves to connect with, remembered until they are too old; further ones are refused. */
  connectChallenges: z.number().int().positive().default(100_000),
  /** Life of an offer to hand a meter over, when it does not state its own: seven days. */
  transferTtlMs: z.number().int().positive().default(604_800_000),
  /** For so long after a hand-over, readings that were under way are looked for: far longer than one can be. */
  settleOwnersMs: z.number().int().positive().default(600_000),
  /** How far back the health of a meter is told: 31 days when nobody says, at most 400. */
  health: z
    .strictObject({
      rangeMs: z.number().int().positive().default(2_678_400_000),
      maxRangeMs: z.number().int().positive().default(34_560_000_000),
    })
    .prefault({}),
  /** How often the owner of a meter is told that somebody else wants to register it: a token bucket per meter. */
  claimRate: z
    .strictObject({
      perSecond: z
        .number()
        .positive()
        .default(1 / 3600),
      burst: z.number().int().positive().default(3),
      /** Meters remembered; the longest silent is forgotten first. */
      sources: z.number().int().positive().default(10_000),
    })
    .prefault({}),
  /** How long a change made by another process may stay unseen. */
  directoryMaxStaleMs: z.number().int().nonnegative().default(200),
  /** Meters, and unknown ids, remembered at once. */
  directoryEntries: z.number().int().positive().default(100_000),
  /** Unsigned readings, and readings of meters that wait for approval, one source may send: a token bucket. */
  unsignedRate: z
    .strictObject({
      perSecond: z.number().positive().default(100),
      burst: z.number().int().positive().default(1000),
      /** Sources remembered; the longest silent is forgotten first. */
      sources: z.number().int().positive().default(10_000),
    })
    .prefault({}),
  desk: DeskConfig.prefault({}),
  commands: CommandsConfig.prefault({}),
});
export type DevicesConfig = z.infer<typeof DevicesConfig>;
