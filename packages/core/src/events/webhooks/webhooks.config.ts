import { z } from 'zod';

const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Section `webhooks` of the configuration. */
export const WebhooksConfig = z.strictObject({
  allowPrivate: z
    .boolean()
    .default(false)
    .describe(
      'Lets endpoints be on private addresses, given as addresses, and on any port. For tests and demonstrations: whoever may create an endpoint can then reach what this host reaches.',
    ),
  allowHttp: z
    .boolean()
    .default(false)
    .describe('Takes http:// besides https://. For tests and demonstrations.'),
  ports: z
    .array(z.int().min(1).max(65_535))
    .min(1)
    .max(32)
    .default([443, 8443])
    .describe('Ports an endpoint may have.'),
  ca: z
    .string()
    .min(1)
    .optional()
    .describe(
      'PEM of the authorities that endpoints have certificates of, instead of the public ones.',
    ),
  // A network's own NAT64 prefix looks like any public address: only its operator knows it.
  deny: z
    .array(z.union([z.cidrv4(), z.cidrv6()]))
    .max(64)
    .default([])
    .describe('Further networks that are never connected to, such as a NAT64 prefix of your own.'),
  secretOverlapMs: z
    .int()
    .min(0)
    .max(30 * DAY_MS)
    .default(DAY_MS)
    .describe('How long the secret before signs as well, once an endpoint has a new one.'),
  timeoutMs: z
    .int()
    .min(100)
    .max(20 * SECOND_MS)
    .default(10 * SECOND_MS)
    .describe('From looking up the name to the end of the answer.'),
  retryForMs: z
    .int()
    .min(SECOND_MS)
    .max(7 * DAY_MS)
    .default(24 * HOUR_MS)
    .describe('A delivery that has failed for this long is dead.'),
  disableAfterMs: z
    .int()
    .min(SECOND_MS)
    .max(365 * DAY_MS)
    .default(5 * DAY_MS)
    .describe('An endpoint that has taken nothing for this long is disabled.'),
  keepMs: z
    .int()
    .min(HOUR_MS)
    .max(365 * DAY_MS)
    .default(30 * DAY_MS)
    .describe('How long deliveries that are through, or dead, can be looked at.'),
  concurrency: z.int().min(1).max(32).default(4).describe('Requests at once to one endpoint.'),
  maxConcurrency: z.int().min(1).max(1024).default(64).describe('Requests at once to all.'),
  maxQueued: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe('Deliveries that wait for one endpoint; what comes then is counted as missed.'),
  maxPerAccount: z.int().min(1).max(1000).default(20).describe('Endpoints of one account.'),
});
export type WebhooksConfig = z.infer<typeof WebhooksConfig>;
