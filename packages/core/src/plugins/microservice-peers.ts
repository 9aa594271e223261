import { findPackageJSON } from 'node:module';
import { readFileSync } from 'node:fs';
import { PeerMissing } from '../peers/with-peers.js';
import { MicroservicesConfig } from './microservices.config.js';

const NEST = '@nestjs/microservices';

/** The message systems of section `microservices`, and the optional packages that the transporter of each stands on besides Nest's own. */
export const MESSAGE_SYSTEMS = {
  nats: { title: 'NATS', packages: ['@nats-io/transport-node'] },
  rabbitmq: { title: 'RabbitMQ', packages: ['amqplib', 'amqp-connection-manager'] },
  kafka: { title: 'Kafka', packages: ['kafkajs'] },
  redis: { title: 'Redis', packages: ['ioredis'] },
  grpc: { title: 'gRPC', packages: ['@grpc/grpc-js', '@grpc/proto-loader'] },
  tcp: { title: 'TCP', packages: [] },
} as const satisfies Partial<
  Record<
    keyof MicroservicesConfig,
    { readonly title: string; readonly packages: readonly string[] }
  >
>;
export type MessageSystem = keyof typeof MESSAGE_SYSTEMS;

/** A configured message system, and what its transporter stands on. */
export interface ConfiguredMessageSystem {
  readonly name: MessageSystem;
  readonly packages: readonly { readonly name: string; readonly version: string | undefined }[];
  /** What is to be installed; undefined when everything is there. */
  readonly missing: PeerMissing | undefined;
}

/** The configured message systems. Loads nothing. `versionOf`: of a package as this one finds it, undefined when it is not there. */
export function configuredMessageSystems(
  config: MicroservicesConfig,
  versionOf: (name: string) => string | undefined = installedVersion,
): readonly ConfiguredMessageSystem[] {
  return (Object.keys(MESSAGE_SYSTEMS) as MessageSystem[])
    .filter((name) => config[name] !== undefined)
    .map((name) => {
      const { title, packages } = MESSAGE_SYSTEMS[name];
      const needed = [NEST, ...packages];
      const found = needed.map((one) => ({ name: one, version: versionOf(one) }));
      const absent = found.flatMap((one) => (one.version === undefined ? [one.name] : []));
      const [first] = absent;
      const missing =
        first === undefined
          ? undefined
          : new PeerMissing(`The ${title} transporter`, first, absent, {});
      return { name, packages: found, missing };
    });
}

function installedVersion(name: string): string | undefined {
  try {
    const file = findPackageJSON(name, import.meta.url);
    if (file === undefined) return undefined;
    return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version?: string }).version ?? '?';
  } catch {
    return undefined;
  }
}
