import { z } from 'zod';

const bytes = z.number().int().positive();
const ms = z.number().int().nonnegative();

/** Section `ingestion` of the configuration: every limit of the pipeline, written once. */
export const IngestionConfig = z.strictObject({
  limits: z
    .strictObject({
      /** One message, as received. */
      messageBytes: bytes.default(1024 * 1024),
      /** Items of one array or NDJSON message. */
      items: z.number().int().positive().default(1000),
      /** One item, as received. */
      itemBytes: bytes.default(64 * 1024),
      /** Items under one signature of `batch/1`. */
      batchItems: z.number().int().positive().max(1024).default(1024),
      /** Ids of site, device and meter, in UTF-8. */
      idBytes: bytes.default(256),
    })
    .prefault({}),
  time: z
    .strictObject({
      /** How far a reading may end ahead of the gateway's clock. */
      maxFutureMs: ms.default(60_000),
      /** How old a reading may be without the scope `backfill`; `none` takes any age. */
      maxAgeMs: z.union([ms, z.literal('none')]).default(7 * 24 * 3_600_000),
    })
    .prefault({}),
  energy: z
    .strictObject({
      /** The most one submitted reading (one timestamp, no interval) may say. */
      maxSubmittedKWh: z.number().int().positive().max(9_000_000_000).default(100),
      /** An interval may exceed rated power × duration by this much before it is held, in per cent. */
      ratingTolerancePercent: z.number().int().nonnegative().max(100).default(5),
    })
    .prefault({}),
  /** The least assurance that may occupy an interval of a meter. */
  minAssurance: z
    .enum(['device-signature', 'transport', 'reader', 'import', 'unsigned'])
    .default('device-signature'),
  /** Account of entries that neither a registered meter nor a key gives an owner. */
  defaultAccount: z.string().min(1).max(256).default('default'),
  commit: z
    .strictObject({
      /** Rows of one transaction; one request is never split. */
      groupRows: z.number().int().positive().default(1000),
      groupBytes: bytes.default(4 * 1024 * 1024),
      /** The longest a row waits for company while another group is being written. */
      lingerMs: ms.default(4),
      /** Groups written side by side. */
      flushers: z.number().int().min(1).max(4).default(2),
      /** Rows and bytes held in memory, waiting or being written; beyond it messages are shed. */
      queueRows: z.number().int().positive().default(20_000),
      queueBytes: bytes.default(64 * 1024 * 1024),
      /** Messages are shed while the oldest waiting row is older. */
      maxQueueAgeMs: z.number().int().positive().default(1000),
      /** What a shed sender is told to wait. */
      retryAfterMs: z.number().int().positive().default(1000),
    })
    .prefault({}),
  receipts: z
    .strictObject({
      /** An entry is promised to be in a batch this long after its commit. */
      includeWithinMs: z.number().int().positive().default(3_600_000),
    })
    .prefault({}),
});
export type IngestionConfig = z.infer<typeof IngestionConfig>;
