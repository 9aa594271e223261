import { z } from 'zod';

const tls = z.strictObject({
  port: z.int().min(0).max(65_535).default(8883).describe('Port to listen on; 0 takes a free one.'),
  cert: z.string().min(1).describe('PEM certificate chain.'),
  key: z.string().min(1).meta({ secret: true }).describe('PEM private key.'),
  clientCa: z
    .string()
    .min(1)
    .optional()
    .describe(
      'PEM of the CA that signs client certificates. A certificate whose key is a registered device key says who the device is.',
    ),
  clientCertificate: z
    .enum(['required', 'optional'])
    .default('required')
    .describe('With clientCa: whether devices without a certificate of it may connect, too.'),
});

/** An origin as browsers send it: scheme, host and, when it is not the scheme's own, port (RFC 6454, 6). */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+$/;

const websocket = z
  .strictObject({
    path: z
      .string()
      .startsWith('/')
      .optional()
      .describe("Path on the gateway's own server, for example /mqtt."),
    port: z
      .int()
      .min(0)
      .max(65_535)
      .optional()
      .describe('Or a port of its own; 0 takes a free one.'),
    tls: z
      .boolean()
      .default(false)
      .describe('Whether that port speaks TLS, with the certificates of "tls".'),
    allowedOrigins: z
      .array(z.string().regex(ORIGIN, 'must be an origin such as https://app.example.org').max(256))
      .max(64)
      .default([])
      .describe('Pages that may connect, besides those of the host that is connected to.'),
  })
  .refine(({ path, port }) => path !== undefined || port !== undefined, {
    message: 'A path, a port, or both.',
  });

const limits = z.strictObject({
  // A connection that idles costs some 20 KiB.
  connections: z.int().min(1).default(20_000).describe('Connections at a time.'),
  // A device has one or two; a key that a whole site shares one for each of its devices.
  connectionsPerCaller: z
    .int()
    .min(1)
    .default(1_000)
    .describe('Those of one key; one more is refused (quota exceeded), unless it takes over.'),
  // A restart brings every device back at once; what a gateway can authenticate without starving those it has.
  connectsPerSecond: z
    .number()
    .positive()
    .default(500)
    .describe('New connections a second; twice as many in a burst.'),
  connectsPerAddressPerMinute: z
    .number()
    .positive()
    .default(6_000)
    .describe('New connections a minute from one address, which may be a whole site.'),
  handshakeMs: z
    .int()
    .min(1)
    .default(10_000)
    .describe('Until CONNECT has to be here and answered.'),
  // What HTTP takes as one body, and a topic.
  maxPacketBytes: z
    .int()
    .min(1024)
    .max(268_435_455)
    .default(1_114_112)
    .describe('Largest packet of a device.'),
  packetMs: z
    .int()
    .min(1)
    .default(30_000)
    .describe('Until a packet that has begun has to be complete.'),
  partialBytes: z
    .int()
    .min(65_536)
    .default(67_108_864)
    .describe('Bytes of incomplete packets, of all connections together.'),
  inFlight: z
    .int()
    .min(1)
    .max(65_535)
    .default(64)
    .describe(
      'Messages of one connection that wait for their commit; then its socket is not read.',
    ),
  inFlightBytes: z.int().min(1_024).default(4_194_304).describe('The same in bytes.'),
  allInFlightBytes: z
    .int()
    .min(1_024)
    .default(268_435_456)
    .describe('Bytes of all connections together that wait for their commit; then none is read.'),
  queuedBytes: z
    .int()
    // More than what a socket takes before it says that it is full.
    .min(65_536)
    .default(262_144)
    .describe('Bytes that wait to be read by one device; a slower one is disconnected.'),
  maxKeepAliveSeconds: z
    .int()
    .min(1)
    .max(65_535)
    .default(1_800)
    .describe('Longest silence of a device that asks for no keep alive; MQTT 5 devices are told.'),
});

const sessions = z.strictObject({
  // A device needs a handful; an account a few for each of its meters.
  subscriptions: z
    .int()
    .min(1)
    .default(1_000)
    .describe('Subscriptions of one client id of one caller.'),
  max: z.int().min(0).default(10_000).describe('Sessions kept for devices that are away.'),
  // A device has one or two; an account with a concentrator on each site one for each.
  perCaller: z
    .int()
    .min(1)
    .default(100)
    .describe('Those of one key that are kept; the one left longest ago makes room.'),
  expirySeconds: z.int().min(0).default(86_400).describe('How long a session is kept.'),
  queuedMessages: z
    .int()
    .min(0)
    .default(100)
    .describe('Messages kept for one device that is away or does not acknowledge.'),
  queuedBytes: z.int().min(1_024).default(262_144).describe('The same in bytes.'),
  allQueuedBytes: z
    .int()
    .min(1_024)
    .default(134_217_728)
    .describe('Bytes kept for all devices together.'),
  willBytes: z
    .int()
    .min(65_536)
    .default(8_388_608)
    .describe('Bytes of last wills that wait for their delay or for the store; more are lost.'),
  willRetryMs: z
    .int()
    .min(0)
    .default(3_600_000)
    .describe('How long a last will is tried again that cannot be stored.'),
});

/** The embedded broker. */
export const BrokerConfig = z
  .strictObject({
    // Nobody but this machine, until an operator decides otherwise.
    host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
    port: z
      .int()
      .min(0)
      .max(65_535)
      .nullable()
      .default(1883)
      .describe('Port without TLS; 0 takes a free one, null none.'),
    whenTaken: z
      .enum(['fail', 'free-port'])
      .default('fail')
      .describe('When the port without TLS is taken: do not start, or listen on a free one.'),
    tls: tls.optional(),
    websocket: websocket.optional(),
    anonymous: z
      .boolean()
      .default(false)
      .describe(
        'Whether devices without credentials may connect. They can publish, and read nothing.',
      ),
    // The study of acknowledgements, c2: withhold, stop reading, close after 30 s.
    withholdMs: z
      .int()
      .min(0)
      .default(30_000)
      .describe('How long a device waits while nothing can be stored, before it is disconnected.'),
    drainMs: z
      .int()
      .min(0)
      .default(10_000)
      .describe('How long commits under way are waited for when the gateway stops.'),
    limits: limits.prefault({}),
    sessions: sessions.prefault({}),
  })
  .refine(
    ({ port, tls, websocket }) => port !== null || tls !== undefined || websocket !== undefined,
    { message: 'Nothing to listen on: give a "port", "tls" or "websocket".' },
  )
  .refine(({ websocket, tls }) => websocket?.tls !== true || tls !== undefined, {
    path: ['websocket', 'tls'],
    message: 'Needs the certificate of "tls".',
  });
export type BrokerConfig = z.infer<typeof BrokerConfig>;
