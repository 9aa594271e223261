import { describe, expect, it } from '@jest/globals';
import { Body, Controller, Inject, Injectable, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Interval, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { mkdtemp } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  GATEWAY,
  type Gateway,
  IDENTITY,
  IngestionService,
  WattproofModule,
} from '../../src/index.js';
import { hostAdapter, prepareHttpApp, WattproofHttpModule } from '../../src/nest/http/index.js';
import { WattproofScheduleModule } from '../../src/nest/schedule/index.js';
import { gatewayConfigSchema } from '../../src/plugins/index.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { TEST_LOG_KEY } from '../../src/testing/start-test-gateway.js';
import { ask, type Host, HOSTS } from './hosts.js';

@Controller('host')
class HostController {
  constructor(@Inject(IngestionService) readonly ingestion: IngestionService) {}

  @Post('echo')
  echo(@Body() body: unknown): unknown {
    return { body, injected: this.ingestion instanceof IngestionService };
  }
}

@Injectable()
class HostWork {
  @Interval('host-work', 60_000)
  work(): void {}
}

async function hostApplication(
  host: Host,
  options: { readonly schedule: boolean; readonly prefix?: string },
) {
  const clock = new FakeClock();
  const config = gatewayConfigSchema.parse({
    origin: 'host.example/log',
    anchors: {},
    log: { key: TEST_LOG_KEY },
  });
  const stateFolder = await mkdtemp(join(tmpdir(), 'wattproof-host-'));
  @Module({
    imports: [
      ...(options.schedule ? [ScheduleModule.forRoot()] : []),
      WattproofModule.forRootAsync({
        useFactory: async () => ({
          config,
          clock,
          store: openMemoryStore({ clock }),
          plugins: [],
          stateFolder,
        }),
      }),
      WattproofHttpModule.forRoot({ without: ['accounts', 'docs'] }),
      WattproofScheduleModule.forRoot(),
    ],
    controllers: [HostController],
    providers: [HostWork],
  })
  class HostModule {}
  const app = await NestFactory.create(HostModule, await hostAdapter(host), { logger: false });
  prepareHttpApp(app);
  if (options.prefix !== undefined) app.setGlobalPrefix(options.prefix);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { app, url: `http://127.0.0.1:${port}` };
}

describe.each(HOSTS)("Inside somebody else's application on %s", (host) => {
  it('the host keeps its parsed bodies and Wattproof gets bytes', async () => {
    const { app, url } = await hostApplication(host, { schedule: false });
    const echo = await ask(`${url}/host/echo`, { body: '{"a":1,"a":2}' });
    expect(echo.json).toEqual({ body: { a: 2 }, injected: true });
    // Only text shows that a key comes twice.
    const strict = await ask(`${url}/api/v1/readings`, { body: '{"format":"x","format":"y"}' });
    expect([strict.status, strict.json.code]).toEqual([400, 'envelope_duplicate_field']);
    const large = await ask(`${url}/api/v1/readings`, { body: `[${' '.repeat(1_100_000)}]` });
    expect([large.status, large.json.code]).toEqual([413, 'message_too_large']);
    await app.close();
  });

  it.each(['backend', '/api/v1/'])('they do under the global prefix %s, too', async (prefix) => {
    const { app, url } = await hostApplication(host, { schedule: false, prefix });
    const base = `${url}/${prefix.replace(/^\/|\/$/g, '')}`;
    const echo = await ask(`${base}/host/echo`, { body: '{"a":1,"a":2}' });
    expect(echo.json).toEqual({ body: { a: 2 }, injected: true });
    const strict = await ask(`${base}/api/v1/readings`, { body: '{"format":"x","format":"y"}' });
    expect([strict.status, strict.json.code]).toEqual([400, 'envelope_duplicate_field']);
    await app.close();
  });

  it('routes that the host left out do not exist', async () => {
    const { app, url } = await hostApplication(host, { schedule: false });
    expect((await ask(`${url}/api/v1/admin/api-keys`)).status).toBe(404);
    expect((await ask(`${url}/openapi.json`)).status).toBe(404);
    expect((await ask(`${url}/health`)).status).toBe(200);
    await app.close();
  });

  it("its job table stands in the host's scheduler, whose own work is registered once", async () => {
    const { app } = await hostApplication(host, { schedule: true });
    const registry = app.get(SchedulerRegistry);
    const names = registry.getIntervals();
    expect(names.filter((name) => name === 'host-work')).toHaveLength(1);
    const gateway = app.get<Gateway>(GATEWAY);
    expect(names.filter((name) => name.startsWith('wattproof.')).sort()).toEqual(
      gateway.jobs
        .list()
        .map(({ name }) => `wattproof.${name}`)
        .sort(),
    );
    expect(app.get(IDENTITY)).toBeDefined();
    await app.close();
    expect(registry.getIntervals().filter((name) => name.startsWith('wattproof.'))).toEqual([]);
  });
});
