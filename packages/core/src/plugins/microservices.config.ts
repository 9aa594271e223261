import { z } from 'zod';

/** Marks what may never be printed; `redact` reads it from the JSON Schema. */
const secret = { secret: true } as const;

const text = z.string().min(1);

const clientTls = z
  .strictObject({
    ca: text.optional().describe('PEM of the authority that signed the broker’s certificate.'),
    cert: text.optional().describe('PEM certificate of this gateway.'),
    key: text.optional().meta(secret).describe('PEM private key of that certificate.'),
  })
  .describe('TLS to the broker; {} trusts the authorities of the system.');

const serverTls = z.strictObject({
  cert: text.describe('PEM certificate chain.'),
  key: text.meta(secret).describe('PEM private key.'),
  clientCa: text.optional().describe('PEM of the CA that signs clients; others may not connect.'),
});

const nats = z.strictObject({
  servers: z.array(text.meta(secret)).min(1).default(['nats://127.0.0.1:4222']),
  queue: text
    .default('wattproof')
    .describe('Queue group: of all replicas in it, one is given each message.'),
  user: text.optional(),
  password: text.optional().meta(secret),
  token: text.optional().meta(secret),
  tls: clientTls.optional(),
});

const rabbitmq = z.strictObject({
  urls: z
    .array(
      z
        .string()
        .regex(/^amqps?:\/\//, 'expected amqp://user:password@host:5672/vhost or amqps://…')
        .meta(secret),
    )
    .min(1)
    .describe('Of one cluster; the next is tried when one is lost.'),
  queue: text.default('wattproof.readings').describe('Durable queue that all replicas consume.'),
  declare: z
    .boolean()
    .default(true)
    .describe(
      'Declares the queue, durable, when it is not there; false: it is declared elsewhere.',
    ),
  deadLetterExchange: text
    .optional()
    .describe(
      'Where the broker puts what is refused for good, with refused: reject. Part of the queue: an existing one must have it.',
    ),
  prefetch: z
    .int()
    .min(1)
    .max(65_535)
    .default(256)
    .describe('Messages this replica holds without having acknowledged them.'),
  tls: clientTls.optional().describe('Beside amqps:// URLs.'),
});

const kafka = z.strictObject({
  brokers: z.array(text).min(1),
  groupId: text.default('wattproof').describe('Consumer group of all replicas.'),
  clientId: text.default('wattproof'),
  sessionTimeoutMs: z
    .int()
    .min(1000)
    .max(1_800_000)
    .default(30_000)
    .describe(
      'How long a replica that says nothing keeps its partitions. The broker bounds it (group.min.session.timeout.ms).',
    ),
  tls: clientTls.optional(),
  sasl: z
    .strictObject({
      mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
      username: text,
      password: text.meta(secret),
    })
    .optional(),
});

const redis = z.strictObject({
  host: text.default('127.0.0.1'),
  port: z.int().min(1).max(65_535).default(6379),
  username: text.optional(),
  password: text.optional().meta(secret),
  tls: clientTls.optional(),
});

const tcp = z.strictObject({
  host: text.default('127.0.0.1').describe('Address to listen on.'),
  port: z.int().min(0).max(65_535).default(3001).describe('0 picks a free port.'),
  tls: serverTls.optional(),
});

const grpc = z.strictObject({
  host: text.default('127.0.0.1').describe('Address to listen on.'),
  port: z.int().min(0).max(65_535).default(5000).describe('0 picks a free port.'),
  tls: serverTls.optional(),
});

/** How messages are treated, whichever transporter brings them. */
export const MessageRules = z.object({
  requireApiKey: z
    .boolean()
    .default(false)
    .describe(
      'Whether a message must carry a key. Without one, signed readings are judged by their signature, others by devices.unsigned.',
    ),
  maxUnderWay: z
    .int()
    .min(1)
    .default(1000)
    .describe('Messages in work at once; what comes beyond is told to come later.'),
  refused: z
    .enum(['acknowledge', 'reject'])
    .default('acknowledge')
    .describe(
      'RabbitMQ: what becomes of a message of which nothing was kept. Either way it is a dead letter of the gateway; reject also gives it to the dead letter exchange of its queue, where there is one.',
    ),
  requeueDelayMs: z
    .int()
    .min(10)
    .max(600_000)
    .default(1000)
    .describe('RabbitMQ and Kafka: the least wait before what could not be kept is tried again.'),
});
export type MessageRules = z.output<typeof MessageRules>;

/** Section `microservices`: message systems of the house, spoken to by Nest's transporters. */
export const MicroservicesConfig = z.strictObject({
  ...MessageRules.shape,
  startWithinMs: z
    .int()
    .min(1)
    .default(30_000)
    .describe('A message system that cannot be reached by then ends the start.'),
  drainMs: z
    .int()
    .min(0)
    .default(8_000)
    .describe('The longest that messages under way are waited for when the gateway stops.'),
  nats: nats.optional(),
  rabbitmq: rabbitmq.optional(),
  kafka: kafka.optional(),
  redis: redis.optional(),
  grpc: grpc.optional(),
  tcp: tcp.optional(),
});
export type MicroservicesConfig = z.output<typeof MicroservicesConfig>;
