import type { CustomStrategy, GrpcOptions, KafkaOptions } from '@nestjs/microservices';
import { Transport } from '@nestjs/microservices';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { withPeers } from '../../peers/with-peers.js';
import type { z } from 'zod';
import { IngestionConfig } from '../../ingestion/ingestion.config.js';
import { MESSAGE_SYSTEMS, type MessageSystem, MicroservicesConfig } from '../../plugins/index.js';
import { NatsIngestServer } from './servers/nats.js';
import { RabbitmqIngestServer } from './servers/rabbitmq.js';
import { RedisIngestServer } from './servers/redis.js';
import { TcpIngestServer } from './servers/tcp.js';

const { shape } = MicroservicesConfig;
const DEFAULTS = MicroservicesConfig.parse({});
const MESSAGE_BYTES = IngestionConfig.parse({}).limits.messageBytes;

/** Settings of one system as in section `microservices`; what may be left out has its default there. */
type Settings<Name extends MessageSystem> = z.input<ReturnType<(typeof shape)[Name]['unwrap']>>;

/** Characters of JSON around and within a message of so many bytes: every one of them may be escaped. */
const TCP_CHARACTERS_PER_BYTE = 6;
/** The proportions of kafkajs: of 30 s one heartbeat each 3 s, and a fetch waits for 5 s. */
const HEARTBEATS_PER_SESSION = 10;
const FETCHES_PER_SESSION = 6;

/** A NATS server for `connectMicroservice`: a queue group, and an answer after commit to whoever asks for one. */
export async function natsTransporter(
  settings: Settings<'nats'> = {},
  drainMs = DEFAULTS.drainMs,
): Promise<CustomStrategy> {
  const { servers, queue, user, password, token, tls } = shape.nats.unwrap().parse(settings);
  await loaded('nats');
  const options = {
    servers,
    queue,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(tls === undefined ? {} : { tls: given(tls) }),
  };
  return { strategy: new NatsIngestServer(options, drainMs) };
}

/** A RabbitMQ consumer for `connectMicroservice`: acknowledged after commit, bounded, durable. */
export async function rabbitmqTransporter(
  settings: Settings<'rabbitmq'>,
  drainMs = DEFAULTS.drainMs,
): Promise<CustomStrategy> {
  const { urls, queue, declare, deadLetterExchange, prefetch, tls } = shape.rabbitmq
    .unwrap()
    .parse(settings);
  await loaded('rabbitmq');
  const options = {
    urls,
    queue,
    noAssert: !declare,
    prefetchCount: prefetch,
    consumerTag: `wattproof-${randomUUID()}`,
    queueOptions: {
      durable: true,
      ...(deadLetterExchange === undefined ? {} : { deadLetterExchange }),
    },
    socketOptions: {
      reconnectTimeInSeconds: 1,
      ...(tls === undefined ? {} : { connectionOptions: given(tls) }),
    },
  };
  return { strategy: new RabbitmqIngestServer(options, drainMs) };
}

/** A Kafka consumer for `connectMicroservice`: the offset of a message is committed when its handler is done. */
export async function kafkaTransporter(settings: Settings<'kafka'>): Promise<KafkaOptions> {
  await loaded('kafka');
  const { brokers, groupId, clientId, sessionTimeoutMs, tls, sasl } = shape.kafka
    .unwrap()
    .parse(settings);
  const options: KafkaOptions['options'] = {
    client: {
      brokers,
      clientId,
      ...(tls === undefined ? {} : { ssl: given(tls) }),
      ...(sasl === undefined ? {} : { sasl: sasl as never }),
    },
    consumer: {
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: sessionTimeoutMs / HEARTBEATS_PER_SESSION,
      // While a broker waits for something to give, no heartbeat goes out.
      maxWaitTimeInMs: sessionTimeoutMs / FETCHES_PER_SESSION,
    },
    // Nest would add `-server` to both ids, and nobody would find the group under the name it was given.
    postfixId: '',
    // Numbers stay what was sent.
    parser: { keepBinary: true },
    subscribe: { fromBeginning: true },
  };
  return { transport: Transport.KAFKA, options };
}

/** A Redis subscriber for `connectMicroservice`. Whoever publishes while no gateway listens has lost what was published. */
export async function redisTransporter(
  settings: Settings<'redis'> = {},
  drainMs = DEFAULTS.drainMs,
): Promise<CustomStrategy> {
  await loaded('redis');
  const { host, port, username, password, tls } = shape.redis.unwrap().parse(settings);
  const options = {
    host,
    port,
    retryAttempts: Number.MAX_SAFE_INTEGER,
    retryDelay: 1000,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: given(tls) }),
  };
  return { strategy: new RedisIngestServer(options, drainMs) };
}

/** A TCP server for `connectMicroservice`, in the framing of Nest's own client. */
export function tcpTransporter(
  settings: Settings<'tcp'> = {},
  drainMs = DEFAULTS.drainMs,
  maxMessageBytes = MESSAGE_BYTES,
): CustomStrategy {
  const { host, port, tls } = shape.tcp.unwrap().parse(settings);
  const options = {
    host,
    port,
    maxBufferSize: maxMessageBytes * TCP_CHARACTERS_PER_BYTE,
    ...(tls === undefined ? {} : { tlsOptions: serverTls(tls) }),
  };
  return { strategy: new TcpIngestServer(options, drainMs) };
}

/** A gRPC server of `wattproof.v1.Ingest` for `connectMicroservice`; its proto file is in this package under `proto/`. */
export async function grpcTransporter(
  settings: Settings<'grpc'> = {},
  maxMessageBytes = MESSAGE_BYTES,
): Promise<GrpcOptions> {
  const { host, port, tls } = shape.grpc.unwrap().parse(settings);
  const [grpc] = await loaded('grpc');
  const { ServerCredentials } = grpc as GrpcPackage;
  const credentials =
    tls === undefined
      ? {}
      : {
          credentials: ServerCredentials.createSsl(
            tls.clientCa === undefined ? null : Buffer.from(tls.clientCa),
            [{ private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) }],
            tls.clientCa !== undefined,
          ),
        };
  return {
    transport: Transport.GRPC,
    options: {
      url: `${host}:${port}`,
      package: 'wattproof.v1',
      protoPath: protoPath(),
      maxReceiveMessageLength: maxMessageBytes + GRPC_AROUND_BYTES,
      // Calls under way are answered.
      gracefulShutdown: true,
      ...credentials,
    },
  };
}

/** Fields of a request beside its payload. */
const GRPC_AROUND_BYTES = 4096;

interface GrpcPackage {
  readonly ServerCredentials: {
    createSsl(ca: Buffer | null, pairs: readonly object[], check: boolean): unknown;
  };
}

/** Absolute path of the proto file that this package brings. */
export function protoPath(): string {
  const own = createRequire(import.meta.url).resolve('@wattproof/core/package.json');
  return own.replace(/package\.json$/, 'proto/wattproof/v1/ingest.proto');
}

function given<T extends object>(options: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  const present = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as never;
}

function serverTls({ cert, key, clientCa }: NonNullable<Settings<'tcp'>['tls']>): object {
  return {
    cert,
    key,
    ...(clientCa === undefined
      ? {}
      : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  };
}

/** Nest ends the process when one of them is missing; asked for before, that is an error like any other. */
function loaded(system: MessageSystem): Promise<readonly unknown[]> {
  const { title, packages } = MESSAGE_SYSTEMS[system];
  return withPeers(`The ${title} transporter`, packages, () =>
    Promise.all(packages.map((name): Promise<unknown> => import(name))),
  );
}
