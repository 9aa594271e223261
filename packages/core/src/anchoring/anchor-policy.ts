import { z } from 'zod';

/** An amount in a ledger's smallest unit: YAML numbers and digit strings both become bigint. */
const amount = z
  .union([z.bigint(), z.number().int(), z.string().regex(/^\d{1,30}$/)])
  .transform((value) => BigInt(value))
  .refine((value) => value >= 0n, 'must not be negative');

/** How one anchor instance is driven. Every default and limit of the engine is written here and nowhere else. */
export const anchorPolicySchema = z.strictObject({
  /** Blocks, the including one counted, after which a probabilistic ledger's inclusion is final. */
  finalityDepth: z.number().int().min(1).max(10_000).default(6),
  /** How long an attempt may wait unincluded before it is replaced, or a child pays for it. */
  bumpEveryMs: z.number().int().min(1_000).default(600_000),
  /** Dearer attempts per intent; a reached limit is the state `capped`. */
  maxBumps: z.number().int().min(0).max(100).default(8),
  /**
   * Most that one intent may cost, whichever of its attempts win: replacements share a conflict key and only the
   * dearest counts, children are paid on top. Absent: no cap, for ledgers that charge nothing.
   */
  maxFeePerIntent: amount.optional(),
  /**
   * Most that what is signed within 24 hours may cost together, counted the same way over all intents: one conflict
   * key once, at its dearest; different keys added up; what has provably expired or lost not at all.
   */
  maxFeePerDay: amount.optional(),
  /** A balance that pays for fewer anchors than this at the fee of the last one is reported low. */
  lowRunway: z.number().int().min(0).max(1_000_000).default(20),
  /** An intent older than this and not yet included is reported `stalled`; it goes on being driven. */
  deadlineMs: z.number().int().min(1_000).default(86_400_000),
  /** Only the newest waiting checkpoint is published: it covers the older ones. */
  coalesce: z.boolean().default(true),
  /** Shortest pause after a failure; it grows by half of the time waited so far. */
  retryMinMs: z.number().int().min(100).default(5_000),
  retryMaxMs: z.number().int().min(1_000).default(600_000),
  /** Open intents looked at in one pass. */
  batchSize: z.number().int().min(1).max(10_000).default(100),
  /**
   * Longest wait for one answer of the ledger; what is late counts as `unavailable`. Never more than half of `leaseMs`,
   * so that no call outlasts the lease.
   */
  callTimeoutMs: z.number().int().min(100).max(600_000).default(30_000),
  /** Lease of one pass; renewed before each intent, and before a call when a third of it is over. */
  leaseMs: z.number().int().min(1_000).default(60_000),
});

export type AnchorPolicy = z.output<typeof anchorPolicySchema>;

/** Length of the window of `maxFeePerDay`. */
export const FEE_DAY_MS = 86_400_000;
