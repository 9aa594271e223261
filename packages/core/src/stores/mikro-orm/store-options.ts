import { z } from 'zod';

/** Limits of a SQL store; every default is written here and nowhere else. */
export const storeLimits = z.strictObject({
  /** Connections to PostgreSQL at most; sealing and health need one beside the ingestion's. */
  poolSize: z.int().min(2).max(500).default(8),
  /** Callers that may wait for a connection before more are refused. */
  maxWaiting: z.int().min(1).default(256),
  connectTimeoutMs: z.int().min(1).default(5_000),
  statementTimeoutMs: z.int().min(1).default(30_000),
  /** A batch of 2²⁰ entries hashes and writes within this, on a slow disk too; also how long a sealer waits for another. */
  sealTimeoutMs: z.int().min(1).default(300_000),
  /** How often a transaction is run again after a deadlock or a serialisation failure. */
  maxRetries: z.int().min(0).default(5),
  /** Longest pause before a retry; the pause is a random share of it, doubled with each attempt. */
  retryPauseMs: z.int().min(0).default(20),
});
export type StoreLimits = z.output<typeof storeLimits>;
