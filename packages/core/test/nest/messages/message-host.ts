import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GATEWAY, type Gateway, WattproofModule } from '../../../src/index.js';
import { hostAdapter } from '../../../src/nest/http/index.js';
import {
  WattproofMessagesModule,
  type WattproofMessagesModuleOptions,
} from '../../../src/nest/messages/index.js';
import { type GatewayConfigInput, gatewayConfigSchema } from '../../../src/plugins/index.js';
import { openMemoryStore } from '../../../src/stores/memory/open-memory-store.js';
import { FakeClock } from '../../../src/testing/fake-clock.js';
import { TEST_ADMIN_KEY, TEST_LOG_KEY } from '../../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../../src/testing/unjournaled.js';
import { WrappingDevice } from '../../ingestion/wrapping-device.js';

export interface MessageHost {
  readonly app: INestApplication;
  readonly gateway: Gateway;
  readonly device: WrappingDevice;
  /** A signed reading of the next quarter of an hour. */
  next(): { readonly jws: string };
  stop(): Promise<void>;
}

/** Somebody's application with Wattproof in it and one registered meter; no HTTP, no transporter yet. */
export async function messageHost(
  rules: WattproofMessagesModuleOptions = {},
  config: Partial<GatewayConfigInput> = {},
): Promise<MessageHost> {
  const stateFolder = await mkdtemp(join(tmpdir(), 'wattproof-messages-'));
  const app = await NestFactory.create(
    messageRoot(stateFolder, rules, config),
    await hostAdapter('fastify'),
    { logger: false },
  );
  await app.init();
  const gateway = app.get<Gateway>(GATEWAY);
  const device = new WrappingDevice('M-messages', 'Ed25519');
  await gateway.store.meters.register(device.stored(), unjournaled);
  let seq = 0;
  let endsMs = gateway.clock.nowMs() - 24 * 3_600_000;
  return {
    app,
    gateway,
    device,
    next() {
      endsMs += 900_000;
      seq += 1;
      return { jws: device.jws(device.canonical(device.reading(endsMs, { seq }))) };
    },
    async stop() {
      await app.close();
      await rm(stateFolder, { recursive: true, force: true });
    },
  };
}

/** The root module of such an application. */
export function messageRoot(
  stateFolder: string,
  rules: WattproofMessagesModuleOptions = {},
  config: Partial<GatewayConfigInput> = {},
): object & (new () => object) {
  const clock = new FakeClock();
  @Module({
    imports: [
      WattproofModule.forRootAsync({
        useFactory: async () => ({
          config: gatewayConfigSchema.parse({
            origin: 'messages.example/log',
            anchors: {},
            accounts: { adminApiKey: TEST_ADMIN_KEY },
            ...config,
            log: { key: TEST_LOG_KEY },
          }),
          clock,
          store: openMemoryStore({ clock }),
          plugins: [],
          stateFolder,
        }),
      }),
      WattproofMessagesModule.forRootAsync({ useFactory: () => rules }),
    ],
  })
  class Root {}
  return Root;
}
