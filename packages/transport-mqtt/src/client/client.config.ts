import { z } from 'zod';

const PROTOCOLS: ReadonlySet<string> = new Set(['mqtt:', 'mqtts:', 'ws:', 'wss:']);

/** No credentials in the URL: it is shown in messages. */
export function isMqttUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const isNamed = PROTOCOLS.has(url.protocol) && url.hostname !== '';
  return isNamed && url.username === '' && url.password === '';
}

export function isTlsUrl(text: string): boolean {
  return /^(?:mqtts|wss):/i.test(text);
}

const secret = z.string().min(1).meta({ secret: true });

/** The gateway as a client of a broker. */
export const ClientConfig = z
  .strictObject({
    version: z.enum(['5', '3.1.1']).default('5').describe('Protocol version the broker speaks.'),
    clientId: z
      .string()
      .regex(/^[\w.:-]{1,128}$/)
      .optional()
      .describe(
        'Name of the session at the broker: the same after a restart, another one for every replica. By default made from the origin of the log and the name of this instance.',
      ),
    group: z
      .string()
      .regex(/^[\w.-]{1,64}$/)
      .optional()
      .describe(
        'Shared subscription: replicas with the same group divide the messages among them. Needs a clientId for each.',
      ),
    username: z.string().min(1).optional(),
    password: secret.optional(),
    tls: z
      .strictObject({
        ca: z
          .string()
          .min(1)
          .optional()
          .describe("PEM of who signed the broker's certificate, when it is no public authority."),
        cert: z.string().min(1).optional().describe('PEM of our certificate, for mutual TLS.'),
        key: secret.optional().describe('PEM of its key.'),
        passphrase: secret.optional(),
        serverName: z
          .string()
          .min(1)
          .optional()
          .describe('Name to expect, when it is not the host.'),
      })
      .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
        message: '"cert" and "key" are given together.',
      })
      .optional(),
    keepAliveSeconds: z.int().min(5).max(3_600).default(30),
    connectTimeoutMs: z
      .int()
      .min(100)
      .max(300_000)
      .default(10_000)
      .describe('Time for CONNACK, and as much again for SUBACK.'),
    sessionExpirySeconds: z
      .int()
      .min(60)
      .max(4_294_967_294)
      .default(604_800)
      .describe('How long an MQTT 5 broker keeps what arrives while the gateway is away: a week.'),
    maxInFlight: z
      .int()
      .min(1)
      .max(65_535)
      .default(512)
      .describe('Messages that may wait for their commit at once; the Receive Maximum of MQTT 5.'),
    maxInFlightBytes: z
      .int()
      .min(1_024)
      .default(16_777_216)
      .describe('Bytes of payload that may wait for their commit at once.'),
    maxPacketBytes: z
      .int()
      .min(1_024)
      .max(268_435_455)
      .default(4_194_304)
      .describe('Maximum Packet Size of MQTT 5: a broker drops what is larger.'),
    maxOutgoing: z
      .int()
      .min(1)
      .max(65_535)
      .default(256)
      .describe(
        "Our own messages that may wait for the broker's PUBACK; fewer if the broker says so.",
      ),
    outgoingTimeoutMs: z
      .int()
      .min(1_000)
      .max(600_000)
      .default(30_000)
      .describe(
        'How long the broker may confirm none of our own messages before the connection is cut and made anew.',
      ),
    withholdMs: z
      .int()
      .min(0)
      .max(600_000)
      .default(30_000)
      .describe(
        'How long a message that cannot be kept now is held and tried again, before the connection is cut so that the broker sends it again.',
      ),
    ackOrderMs: z
      .int()
      .min(0)
      .max(60_000)
      .default(250)
      .describe(
        'How long a PUBACK waits for those of messages that came before, which is the order MQTT asks for; then it passes them.',
      ),
    drainMs: z
      .int()
      .min(0)
      .max(600_000)
      .default(10_000)
      .describe(
        'How long commits under way are waited for when the gateway stops; what is not acknowledged then comes again.',
      ),
    reconnectMinMs: z
      .int()
      .min(10)
      .max(60_000)
      .default(500)
      .describe('First wait, doubled each time.'),
    reconnectMaxMs: z.int().min(100).max(600_000).default(30_000).describe('Longest wait.'),
  })
  .refine(({ group, clientId }) => group === undefined || clientId !== undefined, {
    message: '"group" needs a "clientId" of its own for every replica.',
  });
export type ClientConfig = z.infer<typeof ClientConfig>;
