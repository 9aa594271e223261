import { type DynamicModule, type INestApplication, Module } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { Gateway } from '../../gateway/gateway.js';
import { GATEWAY } from '../tokens.js';
import { WattproofModule, type WattproofModuleOptions } from '../wattproof.module.js';
import { createHttpApp } from './create-http-app.js';
import { WattproofHttpModule } from './wattproof-http.module.js';

@Module({})
class GatewayRoot {}

export interface ServedGateway {
  /** `http://127.0.0.1:3000`, no slash at the end. */
  readonly url: string;
  readonly app: INestApplication;
  readonly gateway: Gateway;
  /** Answers what is under way, refuses what is new, stops everything in order. A second call is the same stop. */
  stop(): Promise<void>;
}

/** A whole gateway as the reference gateway runs it: services, REST API, and whatever modules come beside. */
export async function serveGateway(
  options: WattproofModuleOptions,
  adapter: AbstractHttpAdapter,
  beside: readonly DynamicModule[] = [],
): Promise<ServedGateway> {
  const { http, ingestion } = options.config;
  const root: DynamicModule = {
    module: GatewayRoot,
    imports: [
      WattproofModule.forRoot(options),
      WattproofHttpModule.forRoot({
        open: http.open,
        guards: http.guards,
        certificateProxies: http.certificateProxies,
        maxBodyBytes: ingestion.limits.messageBytes,
      }),
      ...beside,
    ],
  };
  const app = await createHttpApp(root, adapter, {
    corsOrigins: http.cors.origins,
    ...(options.logger === undefined ? {} : { logger: options.logger }),
  });
  const gateway = app.get<Gateway>(GATEWAY);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= app.close());
  try {
    if (http.tls !== undefined && !(app.getHttpServer() instanceof TlsServer)) {
      throw new Error(
        'http.tls is configured and the adapter serves plain HTTP; make it with hostAdapter(host, { tls }).',
      );
    }
    await app.listen(http.port, http.host);
  } catch (error) {
    await stop();
    throw error;
  }
  const server = app.getHttpServer() as Server;
  const { address, port, family } = server.address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  const scheme = server instanceof TlsServer ? 'https' : 'http';
  return { url: `${scheme}://${host}:${port}`, app, gateway, stop };
}
