import type { INestApplication, INestMicroservice } from '@nestjs/common';
import type { MicroserviceOptions, NestMicroservice } from '@nestjs/microservices';
import type { Gateway } from '../../gateway/gateway.js';
import type { MicroservicesConfig } from '../../plugins/index.js';
import type { Health } from '../../spi/index.js';
import { GATEWAY } from '../tokens.js';
import { within } from './servers/under-way.js';
import {
  grpcTransporter,
  kafkaTransporter,
  natsTransporter,
  rabbitmqTransporter,
  redisTransporter,
  tcpTransporter,
} from './transporters.js';

/** Beyond what draining may take: connections that do not end are left to the end of the process. */
const CLOSE_WITHIN_MS = 3000;

export class MicroserviceError extends Error {
  override readonly name = 'MicroserviceError';

  constructor(
    readonly code: 'microservice_start_failed' | 'microservice_start_timeout',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface StartedMicroservices {
  readonly names: readonly string[];
  /** Takes nothing more, ends what is under way, leaves the brokers. A second call is the same stop. */
  stop(): Promise<void>;
}

/**
 * Connects every message system of section `microservices` to a running application that has `WattproofMessagesModule`.
 * Rejects with the first that cannot be reached in time, having left the others.
 */
export async function startMicroservices(
  app: INestApplication,
  config: MicroservicesConfig,
  maxMessageBytes: number,
): Promise<StartedMicroservices> {
  const gateway = app.get<Gateway>(GATEWAY);
  const connected: { readonly name: string; readonly service: INestMicroservice }[] = [];
  let stopping: Promise<void> | undefined;
  const closeWithinMs = config.drainMs + CLOSE_WITHIN_MS;
  const stop = (): Promise<void> =>
    (stopping ??= Promise.all(
      connected.map(({ service }) => within(closeWithinMs, closeServer(service))),
    ).then(() => undefined));
  try {
    for (const [name, options] of await transporters(config, maxMessageBytes)) {
      const service = app.connectMicroservice<MicroserviceOptions>(options);
      connected.push({ name, service });
      await listening(name, service, config.startWithinMs);
      gateway.health.add({
        name: `microservice ${name}`,
        essential: false,
        check: statusOf(name, service),
      });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { names: connected.map(({ name }) => name), stop };
}

async function transporters(
  config: MicroservicesConfig,
  maxMessageBytes: number,
): Promise<readonly (readonly [string, MicroserviceOptions])[]> {
  const { nats, rabbitmq, kafka, redis, grpc, tcp, drainMs } = config;
  const found: [string, MicroserviceOptions][] = [];
  if (nats !== undefined) found.push(['nats', await natsTransporter(nats, drainMs)]);
  if (rabbitmq !== undefined)
    found.push(['rabbitmq', await rabbitmqTransporter(rabbitmq, drainMs)]);
  if (kafka !== undefined) found.push(['kafka', await kafkaTransporter(kafka)]);
  if (redis !== undefined) found.push(['redis', await redisTransporter(redis, drainMs)]);
  if (grpc !== undefined) found.push(['grpc', await grpcTransporter(grpc, maxMessageBytes)]);
  if (tcp !== undefined) found.push(['tcp', tcpOptions(tcp, drainMs, maxMessageBytes)]);
  return found;
}

/** Its server is made here, and its certificates are read. */
function tcpOptions(...settings: Parameters<typeof tcpTransporter>): MicroserviceOptions {
  try {
    return tcpTransporter(...settings);
  } catch (cause) {
    throw failed('tcp', cause);
  }
}

function failed(name: string, cause: unknown): MicroserviceError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new MicroserviceError('microservice_start_failed', `microservices.${name}: ${message}`, {
    cause,
  });
}

/** Some clients try for ever; an operator wants to be told. */
async function listening(
  name: string,
  service: INestMicroservice,
  withinMs: number,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        new MicroserviceError(
          'microservice_start_timeout',
          `microservices.${name}: not reached within ${withinMs} ms. Is it running where the configuration says?`,
        ),
      );
    }, withinMs);
  });
  try {
    await Promise.race([service.listen(), late]);
  } catch (cause) {
    if (cause instanceof MicroserviceError) throw cause;
    throw failed(name, cause);
  } finally {
    clearTimeout(timer);
  }
}

function statusOf(name: string, service: INestMicroservice): () => Promise<Health> {
  let status = 'connected';
  // gRPC has no status.
  if (name !== 'grpc')
    service.status.subscribe((now: string) => {
      status = now;
    });
  return async () => ({ live: true, ready: status === 'connected', detail: status });
}

/** Only the connection: the application itself goes on. */
async function closeServer(service: INestMicroservice): Promise<void> {
  await (service as NestMicroservice).getTransportServer().close();
}
