import 'reflect-metadata';
import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GATEWAY, IDENTITY } from '@wattproof/core';
import { hostAdapter } from '@wattproof/core/http';
import {
  type StartedMicroservices,
  startMicroservices,
  WattproofMessagesModule,
} from '@wattproof/core/messages';
import { MicroservicesConfig } from '@wattproof/core/plugins';
import {
  defineTransport,
  type Health,
  type Ingest,
  type Plugin,
  type PluginContext,
  type Transport,
} from '@wattproof/core/spi';

const MESSAGE_BYTES = 1_048_576;

@Module({})
class House {}

/**
 * Section `microservices` as a transport, for the kit: an application with `WattproofMessagesModule` and the transporters of
 * that section, on what the kit lends in the place of a gateway. No commands go over message systems, and whose an API key is
 * says the gateway's identity provider, not the host of a plugin: neither is declared.
 */
export function messagesTransport(protocol: string): Plugin<'transport'> {
  return defineTransport({
    name: protocol,
    config: MicroservicesConfig,
    capabilities: { protocol, commands: false, needs: { desk: true } },
    create: (config, context) => new MessagesTransport(config, context),
  });
}

class MessagesTransport implements Transport {
  readonly #checks: (() => Promise<Health>)[] = [];
  #app: INestApplication | undefined;
  #started: StartedMicroservices | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    private readonly config: MicroservicesConfig,
    private readonly context: PluginContext,
  ) {}

  async start(ingest: Ingest): Promise<void> {
    const { desk, logger } = this.context;
    const health = {
      add: ({ check }: { check(): Promise<Health> }) => void this.#checks.push(check),
    };
    const gateway = { ingestion: ingest, desk, logger, health };
    const house = {
      module: House,
      providers: [
        { provide: GATEWAY, useValue: gateway },
        { provide: IDENTITY, useValue: { identify: () => undefined } },
      ],
      exports: [GATEWAY, IDENTITY],
    };
    const { requireApiKey, maxUnderWay, refused, requeueDelayMs } = this.config;
    const rules = { requireApiKey, maxUnderWay, refused, requeueDelayMs };
    const root = WattproofMessagesModule.forRootAsync({
      imports: [house],
      useFactory: () => rules,
    });
    this.#app = await NestFactory.create(root, await hostAdapter('fastify'), { logger: false });
    await this.#app.init();
    this.#started = await startMicroservices(this.#app, this.config, MESSAGE_BYTES);
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }
  async #stop(): Promise<void> {
    await this.#started?.stop();
    await this.#app?.close();
  }

  async health(): Promise<Health> {
    const { nats, rabbitmq } = this.config;
    const checks = await Promise.all(this.#checks.map((check) => check()));
    const isOpen = this.#started !== undefined && this.#stopped === undefined;
    return {
      live: true,
      ready: isOpen && checks.every(({ ready }) => ready),
      facts: { url: nats?.servers[0] ?? rabbitmq?.urls[0] ?? '' },
    };
  }
}
