import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { unjournaled } from '../../src/testing/unjournaled.js';
import type { ConfiguredPlugin } from '../../src/plugins/index.js';
import {
  type DomainEvent,
  defineTransport,
  type Ingest,
  type PluginContext,
} from '../../src/spi/index.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway } from '../../src/testing/start-test-gateway.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask, HOSTS } from './hosts.js';

/** A transport that uses everything a host lends, and writes down what happens to it. */
function everythingTransport() {
  const happened: string[] = [];
  const events: DomainEvent[] = [];
  let ingest: Ingest | undefined;
  let context: PluginContext | undefined;
  const plugin = defineTransport({
    name: 'everything',
    config: z.strictObject({}),
    capabilities: {
      protocol: 'test',
      commands: false,
      needs: {
        events: ['reading.accepted'],
        http: true,
        jobs: true,
        collections: [{ name: 'notes', version: 1 }],
      },
    },
    create(_config, lent) {
      context = lent;
      lent.http?.route('POST', 'echo', async (request) => ({
        status: 201,
        headers: { 'content-type': 'text/plain', 'x-method': request.method },
        body: Buffer.from(await request.arrayBuffer()),
      }));
      lent.http?.route('GET', '/fails', async () => {
        throw new Error('inside a plugin');
      });
      lent.events?.subscribe('all', async (event) => void events.push(event));
      lent.jobs?.every('sweep', 1000, async () => void happened.push('sweep'));
      return {
        async start(given) {
          ingest = given;
          happened.push('start');
        },
        async stop() {
          happened.push('stop');
        },
        health: async () => ({ live: true, ready: true }),
      };
    },
  });
  const loaded: ConfiguredPlugin = {
    entry: {
      instanceId: 'every',
      kind: 'transport',
      use: 'everything',
      config: {},
      path: 'transports.every',
    },
    plugin,
    config: {},
    url: import.meta.url,
    package: { name: 'everything', version: '1.2.3' },
  };
  return { happened, events, loaded, ingest: () => ingest as Ingest, context: () => context };
}

describe.each(HOSTS)('A plugin on %s', (host) => {
  it('is lent what it declared, started before the gateway listens and stopped before the store', async () => {
    const clock = new FakeClock();
    const probe = everythingTransport();
    const gateway = await startTestGateway({ host, clock, parts: { plugins: [probe.loaded] } });
    expect(probe.happened).toEqual(['start']);
    expect(probe.context()).not.toHaveProperty('signer');

    const own = `${gateway.url}/api/v1/plugins/every`;
    const echoed = await ask(`${own}/echo`, { body: '{"a":1,"a":2}' });
    expect([echoed.status, echoed.text]).toEqual([201, '{"a":1,"a":2}']);
    expect(echoed.headers.get('x-method')).toBe('POST');
    const failed = await ask(`${own}/fails`);
    expect([failed.status, failed.json.code]).toEqual([500, 'internal']);
    expect(failed.text).not.toContain('inside a plugin');

    const device = new TestDevice('meter-1');
    await gateway.services.store.meters.register(device.stored('active'), unjournaled);
    const answer = await probe.ingest().accept({
      contentType: 'application/json',
      bytes: Buffer.from(JSON.stringify(device.signed(device.reading(clock.nowMs())))),
      assurance: 'unsigned',
    });
    expect(answer).toMatchObject({ kind: 'items', items: [{ verdict: 'accepted' }] });
    await gateway.settle();
    expect(probe.events.map(({ type }) => type)).toEqual(['reading.accepted']);
    expect(probe.happened).toContain('sweep');

    const notes = probe.context()?.collections;
    expect(await notes?.put('notes', 'a', { text: 'kept' }, 0)).toBe(1);
    const shown = await ask(`${gateway.url}/api/v1/plugins`, { key: gateway.adminKey });
    expect(shown.json.plugins).toEqual([
      expect.objectContaining({
        instance: 'every',
        kind: 'transport',
        package: 'everything',
        version: '1.2.3',
        health: { live: true, ready: true },
      }),
    ]);
    const jobs = await ask(`${gateway.url}/api/v1/jobs`, { key: gateway.adminKey });
    expect(jobs.json.map(({ name }: { name: string }) => name)).toContain('transport.every.sweep');

    await gateway.stop();
    expect(probe.happened.at(-1)).toBe('stop');
  });

  it('that cannot start keeps the gateway from starting, and says why', async () => {
    const probe = everythingTransport();
    const plugin = {
      ...probe.loaded.plugin,
      create: () => ({
        start: async () => {
          throw new Error('port 1883 is taken');
        },
        stop: async () => undefined,
        health: async () => ({ live: true, ready: false }),
      }),
    } as never;
    await expect(
      startTestGateway({ host, parts: { plugins: [{ ...probe.loaded, plugin }] } }),
    ).rejects.toThrow('port 1883 is taken');
  });
});
