import { describe, expect, it } from '@jest/globals';
import { type DynamicModule, Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unjournaled } from '../../src/testing/unjournaled.js';
import {
  BATCH_POLICY,
  type BatchPolicy,
  DETECTORS,
  GATEWAY,
  type Gateway,
  type Identity,
  IDENTITY,
  type Principal,
  WattproofModule,
} from '../../src/index.js';
import { hostAdapter, prepareHttpApp, WattproofHttpModule } from '../../src/nest/http/index.js';
import { gatewayConfigSchema } from '../../src/plugins/index.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { TEST_LOG_KEY } from '../../src/testing/start-test-gateway.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask } from './hosts.js';

const ENOUGH = Symbol('how many entries make a batch of the host');

@Module({ providers: [{ provide: ENOUGH, useValue: 2 }], exports: [ENOUGH] })
class HostSettings {}

@Injectable()
class HostPolicy implements BatchPolicy {
  constructor(@Inject(ENOUGH) private readonly enough: number) {}

  due({ external }: { readonly external: number }): boolean {
    return external >= this.enough;
  }
}

@Injectable()
class HostIdentity implements Identity {
  identify(headers: Readonly<Record<string, string | string[] | undefined>>) {
    const { authorization } = headers;
    if (authorization === undefined) return undefined;
    const principal: Principal = {
      kind: 'api-key',
      id: 'ada',
      accountId: 'host',
      role: 'operator',
      scopes: [],
    };
    return Promise.resolve(authorization === 'Bearer ada' ? principal : undefined);
  }
}

const replacements = {
  imports: [HostSettings],
  providers: [
    { provide: BATCH_POLICY, useClass: HostPolicy },
    { provide: DETECTORS, useValue: [] },
    { provide: IDENTITY, useClass: HostIdentity },
  ],
};

describe("Parts that the host's own providers replace", () => {
  it.each(['forRoot', 'forRootAsync'] as const)('are used by %s', async (way) => {
    const stateFolder = await mkdtemp(join(tmpdir(), 'wattproof-host-'));
    const clock = new FakeClock();
    const store = openMemoryStore({ clock });
    const device = new TestDevice('meter-1');
    await store.meters.register(device.stored('active'), unjournaled);
    const config = gatewayConfigSchema.parse({
      origin: 'host.example/log',
      anchors: {},
      log: { key: TEST_LOG_KEY },
      accounts: { adminApiKey: 'an-admin-key-that-nobody-reads' },
    });
    const options = { config, clock, store, plugins: [], stateFolder };
    const wattproof: DynamicModule =
      way === 'forRoot'
        ? WattproofModule.forRoot(options, replacements)
        : WattproofModule.forRootAsync({ useFactory: async () => options, ...replacements });
    @Module({ imports: [wattproof, WattproofHttpModule.forRoot()] })
    class HostModule {}
    const app = await NestFactory.create(HostModule, await hostAdapter('fastify'), {
      logger: false,
    });
    prepareHttpApp(app);
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    const api = `http://127.0.0.1:${port}/api/v1`;

    const bearer = (value: string) => ({ headers: { authorization: `Bearer ${value}` } });
    expect((await ask(`${api}/jobs`, bearer('ada'))).status).toBe(200);
    expect((await ask(`${api}/jobs`, bearer('eve'))).status).toBe(401);
    expect((await ask(`${api}/jobs`, { key: config.accounts.adminApiKey! })).status).toBe(401);

    const gateway = app.get<Gateway>(GATEWAY);
    expect(gateway.detectors).toEqual([]);
    const batches = async (): Promise<number> => {
      await gateway.jobs.run('batcher');
      return ((await store.batches.head())?.number ?? -1) + 1;
    };
    for (const sealed of [0, 1]) {
      const reading = device.reading(clock.nowMs() - sealed * 900_000);
      await ask(`${api}/readings`, { body: device.signed(reading) });
      expect(await batches()).toBe(sealed);
    }
    await app.close();
    await rm(stateFolder, { recursive: true });
  });
});
