import 'reflect-metadata';
import { hostAdapter, serveGateway } from '@wattproof/core/http';
import { GatewayClient, runSimulation, shareOf } from '@wattproof/core/simulator';
import { WattproofScheduleModule } from '@wattproof/core/schedule';
import type { GatewayConfig } from '@wattproof/core/plugins';
import type { Logger } from '@wattproof/core/spi';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { banner, transportsOf } from './banner.js';
import { commandContext } from './cli/command.js';
import { ConfigError } from './config/config-errors.js';
import { loadConfig } from './config/load-config.js';
import { durabilityOf, durabilityProblem, warningsFor } from './config/warnings.js';
import { messagesOf } from './messages.js';
import { withDemoAdminKey } from './demo/admin-key.js';
import { gatewayLogger } from './logger.js';

export interface StartOptions {
  /** Absolute path of the configuration file. */
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly out?: (line: string) => void;
  readonly logger?: Logger;
}

export interface RunningGateway {
  /** `http://HOST:PORT` */
  readonly url: string;
  /** Drains, then closes everything in order. A second call is the same stop. */
  stop(): Promise<void>;
}

/**
 * Reads the configuration, starts everything and prints the ready line. Rejects with the reason when
 * anything cannot start; nothing is left running then.
 */
export async function startGateway(options: StartOptions): Promise<RunningGateway> {
  const { env, workingDirectory, out = printLine } = options;
  const { file, plugins, ...loaded } = await loadConfig(options);
  const { config, keyFile } = await withDemoAdminKey(loaded.config, workingDirectory);
  const warnings = [...loaded.exposed, ...warningsFor(config, plugins)];
  const problem = durabilityProblem(config, durabilityOf(config.store.url));
  if (problem) throw new ConfigError(file, [problem]);
  const logger = options.logger ?? gatewayLogger(env.WATTPROOF_LOG_LEVEL ?? 'info');
  const adapter = await hostAdapter('fastify', config.http);
  const messages = await messagesOf(config);
  const served = await serveGateway({ config, configFile: file, plugins, logger }, adapter, [
    WattproofScheduleModule.forRoot(),
    ...(messages === undefined ? [] : [messages.module]),
  ]);
  const microservices = await messages?.start(served);
  const simulated = config.simulator?.size;
  const transports = await transportsOf(served.gateway, served.url);
  const told = { file, workingDirectory, simulated, transports, warnings };
  for (const line of banner(served.gateway, told)) out(line);
  if (keyFile !== undefined) out(`  administrator  X-API-Key: $(cat ${keyFile})`);
  if (microservices !== undefined) out(`  messages       ${microservices.names.join(', ')}`);
  out(`wattproof listening on ${served.url}`);
  const simulation = simulate(config, served.url, logger);
  return {
    url: served.url,
    async stop() {
      await simulation.stop();
      await microservices?.stop();
      await served.stop();
    },
  };
}

/** The fleet of the demo, over HTTP like any other devices. */
function simulate(
  { simulator, accounts }: GatewayConfig,
  url: string,
  logger: Logger,
): { stop(): Promise<void> } {
  if (simulator === undefined) return { stop: async () => undefined };
  const aborter = new AbortController();
  const { signal } = aborter;
  const clock = { nowMs: () => Date.now() };
  const apiKey = accounts.adminApiKey;
  const run = runSimulation({
    client: new GatewayClient(url, apiKey === undefined ? {} : { apiKey }),
    clock,
    ...simulator,
    cheaters: shareOf(simulator.cheaters),
    signal,
    until: async (atMs) => {
      await wait(Math.max(0, atMs - clock.nowMs()), undefined, { signal }).catch(() => undefined);
    },
    onProgress: (progress) => logger.debug('simulated readings sent', progress),
  }).then(
    () => undefined,
    (error: unknown) => {
      if (!signal.aborted) logger.error('the simulated meters stopped', { error });
    },
  );
  return {
    async stop() {
      aborter.abort();
      await run;
    },
  };
}

/** Runs until SIGTERM or SIGINT, then drains. Resolves to the exit code. */
export async function runGateway(options: StartOptions): Promise<number> {
  let told: (signal: NodeJS.Signals) => void = () => undefined;
  const signalled = new Promise<NodeJS.Signals>((resolve) => {
    told = resolve;
  });
  process.once('SIGTERM', told).once('SIGINT', told);
  let gateway: RunningGateway;
  try {
    gateway = await startGateway(options);
  } catch (error) {
    process.stderr.write(`${reason(error)}\n`);
    return 1;
  }
  await signalled;
  try {
    await gateway.stop();
    return 0;
  } catch (error) {
    process.stderr.write(`${reason(error)}\n`);
    return 1;
  }
}

/** `code: message`, with the code of the error that began it. */
function reason(error: unknown): string {
  const { message, stack } = error as { readonly message?: string; readonly stack?: string };
  const first = error instanceof AggregateError ? ((error.errors[0] as unknown) ?? error) : error;
  const { code } = first as { readonly code?: unknown };
  return typeof code === 'string'
    ? `${code}: ${message ?? ''}`
    : (stack ?? message ?? String(error));
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

const executed = process.argv[1];
if (executed !== undefined && import.meta.url === pathToFileURL(executed).href) {
  const context = commandContext({
    env: process.env,
    workingDirectory: process.cwd(),
    out: printLine,
    err: (line) => void process.stderr.write(`${line}\n`),
  });
  const code = await runGateway({
    file: context.configFile(process.argv.slice(2)),
    env: context.env,
    workingDirectory: context.workingDirectory,
  });
  // Whatever a driver still holds open does not keep an ended gateway alive.
  process.exit(code);
}
