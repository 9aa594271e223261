import { z } from 'zod';

/** An origin as browsers send it: scheme, host and, when it is not the scheme's own, port (RFC 6454 §6). */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+$/;

const ms = (least: number, most: number): z.ZodInt => z.int().min(least).max(most);

/** What an operator writes. An unknown key is an error, and every default and limit stands here alone. */
export const WsConfig = z.strictObject({
  path: z
    .string()
    .regex(/^\/[\w./~-]*$/)
    .max(256)
    .default('/ws')
    .describe("Where the gateway's own server takes connections."),
  anonymous: z
    .boolean()
    .default(false)
    .describe(
      'Whether somebody without a credential may send readings. They hear nothing, and what they do not sign is unsigned.',
    ),
  allowedOrigins: z
    .array(z.string().regex(ORIGIN, 'must be an origin such as https://app.example.org').max(256))
    .max(64)
    .default([])
    .describe("Pages that may connect, besides those of the gateway's own host."),
  maxConnections: z.int().min(1).max(1_000_000).default(20_000),
  maxUnauthenticated: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1_000)
    .describe('Connections that have not shown yet who they are.'),
  maxConnectionsPerKey: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1_000)
    .describe('Connections of one device, or under one key of an account, at once.'),
  authTimeoutMs: ms(100, 300_000).default(10_000).describe('Time to show who one is.'),
  maxMessageBytes: z
    .int()
    .min(1_024)
    .max(16_777_216)
    .default(1_114_112)
    .describe(
      'Largest message; the default leaves 64 KiB around what the gateway takes as one (ingestion.limits.messageBytes).',
    ),
  messageTimeoutMs: ms(1_000, 600_000)
    .default(30_000)
    .describe('A message that has begun must have ended by then.'),
  maxInFlight: z
    .int()
    .min(1)
    .max(4_096)
    .default(64)
    .describe('Messages of one connection under way at once; then nothing more is read from it.'),
  maxInFlightBytes: z
    .int()
    .min(1_024)
    .max(268_435_456)
    .default(4_194_304)
    .describe('The same in bytes.'),
  maxAllInFlightBytes: z
    .int()
    .min(1_024)
    .default(268_435_456)
    .describe('Bytes under way of all connections together; then nothing more is read.'),
  maxPartialBytes: z
    .int()
    .min(65_536)
    .default(67_108_864)
    .describe('Bytes of messages that have begun and not ended, of all connections together.'),
  maxSubscriptions: z.int().min(1).max(256).default(16).describe('Of one connection.'),
  maxBufferedBytes: z
    .int()
    .min(16_384)
    .max(67_108_864)
    .default(1_048_576)
    .describe(
      'What waits for a client that does not read. Then events are left out, and nothing more is read from it.',
    ),
  slowReader: z
    .enum(['drop', 'close'])
    .default('drop')
    .describe(
      'What becomes of a subscriber that reads too slowly: it is told how many events it missed, or it is closed.',
    ),
  maxFaults: z
    .int()
    .min(1)
    .max(10_000)
    .default(20)
    .describe('Messages that cannot be understood, after which a connection is closed.'),
  pingIntervalMs: ms(1_000, 3_600_000).default(30_000),
  pongTimeoutMs: ms(500, 600_000)
    .default(20_000)
    .describe('A client that is silent for so long after a ping is gone.'),
  drainMs: ms(0, 600_000)
    .default(10_000)
    .describe(
      'How long commits under way are waited for when the gateway stops; what is not answered then stays unanswered.',
    ),
  recheckMs: ms(1_000, 3_600_000)
    .default(30_000)
    .describe(
      'How often it is asked whether a credential still holds, when the client sends nothing.',
    ),
});
export type WsConfig = z.output<typeof WsConfig>;
