import {
  type ConfigProblem,
  configuredMessageSystems,
  type GatewayConfig,
  type MessageSystem,
} from '@wattproof/core/plugins';
import { table } from './table.js';

const HEAD = ['message system', 'where', 'packages', 'started here'];

/** What section `microservices` configures: a table, and what is not installed for it. */
export function messageSystems(
  { microservices, roles }: Pick<GatewayConfig, 'microservices' | 'roles'>,
  versionOf?: (name: string) => string | undefined,
): { readonly table?: string; readonly problems: readonly ConfigProblem[] } {
  if (microservices === undefined) return { problems: [] };
  const systems = configuredMessageSystems(microservices, versionOf);
  // Another replica connects to them, and has the packages.
  const isStarted = roles.includes('ingest');
  const rows = systems.map(({ name, packages }) => [
    name,
    whereIs(name, microservices),
    packages.map(({ name: one, version }) => `${one}@${version ?? '(missing)'}`).join(' '),
    isStarted ? 'yes' : 'no: roles lack ingest',
  ]);
  return {
    ...(rows.length === 0 ? {} : { table: table(HEAD, rows) }),
    problems: isStarted
      ? systems.flatMap(({ name, missing }) =>
          missing === undefined
            ? []
            : [{ path: `microservices.${name}`, message: `${missing.code}: ${missing.message}` }],
        )
      : [],
  };
}

function whereIs(name: MessageSystem, config: NonNullable<GatewayConfig['microservices']>): string {
  const { nats, rabbitmq, kafka } = config;
  if (name === 'nats' && nats) return `${hosts(nats.servers)} queue=${nats.queue}`;
  if (name === 'rabbitmq' && rabbitmq) return `${hosts(rabbitmq.urls)} queue=${rabbitmq.queue}`;
  if (name === 'kafka' && kafka) return `${hosts(kafka.brokers)} group=${kafka.groupId}`;
  const { host, port } = config[name] as { readonly host: string; readonly port: number };
  return `${host}:${port}`;
}

/** Host and port alone: a URL may hold a password. */
const hosts = (urls: readonly string[]): string =>
  urls.map((url) => url.replace(/^.*@|^\w+:\/\//s, '').replace(/[/?#].*$/s, '')).join(',');
