import { z } from 'zod';
import { MAX_BATCH_ENTRIES } from '../verify/batch-log.js';

/** When a batch is sealed, and as which tree. */
export const BatchingConfig = z.strictObject({
  profile: z
    .enum(['rfc9162', 'kwh-btc-iot'])
    .default('rfc9162')
    .describe('Shape of the Merkle tree of a batch.'),
  maxEntries: z
    .int()
    .min(1)
    .max(MAX_BATCH_ENTRIES)
    .default(65_536)
    .describe('Seals at this many entries.'),
  // Ten minutes: one anchor transaction per Bitcoin block at the most.
  maxAgeMs: z.int().min(100).default(600_000).describe('Seals when the oldest entry is this old.'),
});
export type BatchingConfig = z.infer<typeof BatchingConfig>;
