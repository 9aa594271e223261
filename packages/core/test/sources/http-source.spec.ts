import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import httpSource from '../../src/sources/http-json/index.js';
import { HttpSourceConfig } from '../../src/sources/http-json/http-source.config.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import type { Store } from '../../src/stores/store.js';
import { TestDevice } from '../ingestion/test-devices.js';

const START_MS = Date.parse('2026-03-01T00:00:00Z');
const QUARTER_MS = 900_000;
const HOUR_MS = 3_600_000;

/** A meter with a small memory: it tells quarter hours that end within the time it is asked for. */
class MeterServer {
  /** End of the quarter → Wh. */
  readonly quarters = new Map<number, number>();
  readonly asked: { readonly fromMs: number; readonly toMs: number }[] = [];
  answer:
    | ((url: URL) => { status?: number; body: string | Buffer; type?: string } | 'never' | 'cut')
    | undefined;
  private constructor(private readonly server: Server) {}

  static async open(): Promise<MeterServer> {
    const server = createServer();
    const meter = new MeterServer(server);
    server.on('request', (request, response) => {
      const url = new URL(request.url ?? '/', 'http://meter');
      const said = (meter.answer ?? ((asked: URL) => meter.history(asked)))(url);
      if (said === 'cut') return void request.socket.destroy();
      if (said === 'never') return;
      response.writeHead(said.status ?? 200, { 'content-type': said.type ?? 'application/json' });
      response.end(said.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return meter;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  measure(fromMs: number, toMs: number, wh = 100): void {
    for (let endMs = fromMs + QUARTER_MS; endMs <= toMs; endMs += QUARTER_MS)
      this.quarters.set(endMs, wh);
  }

  private history(url: URL) {
    const [fromMs, toMs] = ['from', 'to'].map((name) =>
      Date.parse(url.searchParams.get(name)!),
    ) as [number, number];
    this.asked.push({ fromMs, toMs });
    const values = [...this.quarters]
      .filter(([endMs]) => endMs > fromMs && endMs <= toMs)
      .sort(([a], [b]) => a - b)
      .map(([endMs, wh]) => `{"time":"${new Date(endMs).toISOString()}","energy":{"wh":${wh}.0}}`);
    return { body: `{"data":{"values":[${values.join(',')}]}}` };
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const mapping = {
  rows: 'data.values',
  time: { columns: ['time'] },
  intervalS: 900,
  meters: [
    {
      id: 'roof',
      site: 'home',
      registers: [{ column: 'energy.wh', field: 'generation_kwh', kind: 'interval', unit: 'Wh' }],
    },
  ],
};

describe('A meter that is asked over HTTP', () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  async function scene(more: object = {}) {
    const meter = await MeterServer.open();
    closing.push(() => meter.close());
    const clock = new FakeClock(START_MS);
    const store: Store = openMemoryStore({ clock });
    await store.meters.register(
      new TestDevice('roof').stored('active', { accountId: 'ada', ratingW: 20_000 }),
      unjournaled,
    );
    const begin = async (): Promise<TestGateway> => {
      const gateway = await startTestGateway({
        clock,
        parts: { store },
        config: {
          transports: {
            meter: {
              use: 'http-source',
              url: `${meter.url}/values?from={from}&to={to}`,
              ...mapping,
              ...more,
            },
          },
          anchors: {},
        },
        plugins: { 'http-source': httpSource },
      });
      closing.push(() => gateway.stop());
      return gateway;
    };
    const gateway = await begin();
    return {
      meter,
      clock,
      store,
      gateway,
      begin,
      read: (on: TestGateway = gateway) => on.services.jobs.run('transport.meter.read'),
      source: () =>
        gateway.services.plugins.find(({ instanceId }) => instanceId === 'meter')!
          .instance as unknown as { health(): Promise<object> },
      /** Ends of the readings in store, in hours from the start, with their energy in kWh. */
      read_: async () => {
        const { items } = await store.entries.list({ limit: 1000, source: 'external' });
        return items.map(({ bytes, assurance }) => {
          const { end, generation_kwh: kwh } = JSON.parse(
            Buffer.from(bytes).toString('utf8'),
          ) as Record<string, string>;
          return [(Date.parse(end!) - START_MS) / HOUR_MS, kwh, assurance];
        });
      },
    };
  }

  it('is read on from its last reading, whoever stood still in between, and vouched for as a reader', async () => {
    const { meter, clock, store, gateway, begin, read, read_ } = await scene({ backfillS: 7200 });
    meter.measure(START_MS - 3 * HOUR_MS, START_MS);
    await read();
    // Two hours back at first, no further.
    expect((await read_()).map(([hours]) => hours)).toEqual([
      -1.75, -1.5, -1.25, -1, -0.75, -0.5, -0.25, 0,
    ]);
    expect((await read_())[0]).toEqual([-1.75, '0.1', 'reader']);
    meter.measure(START_MS, START_MS + HOUR_MS);
    await clock.advance(HOUR_MS);
    await read();
    expect(meter.asked.at(-1)).toEqual({ fromMs: START_MS, toMs: START_MS + HOUR_MS });
    expect(await read_()).toHaveLength(12);
    // The source is away, then the gateway.
    meter.answer = () => ({ status: 503, body: '' });
    meter.measure(START_MS + HOUR_MS, START_MS + 3 * HOUR_MS);
    await clock.advance(HOUR_MS);
    await read();
    await gateway.stop();
    meter.answer = undefined;
    await clock.advance(HOUR_MS);
    const next = await begin();
    await read(next);
    expect(meter.asked.at(-1)).toEqual({
      fromMs: START_MS + HOUR_MS,
      toMs: START_MS + 3 * HOUR_MS,
    });
    expect(await read_()).toHaveLength(20);
    const { items } = await store.entries.list({ limit: 1, source: 'external' });
    expect(items[0]).toMatchObject({ accountId: 'ada', verdict: 'accepted' });
  });

  it('fills its gaps later, each asked for again until it is too old', async () => {
    const { meter, clock, read, read_, store } = await scene({ backfillS: 4 * 3600 });
    const gaps = async () => {
      const collections = await store.collections('transport.meter', [
        { name: 'state', version: 1 },
      ]);
      return ((await collections.get('state', 'source'))!.value as unknown as { gaps: unknown[] })
        .gaps;
    };
    meter.measure(START_MS - 4 * HOUR_MS, START_MS - 2 * HOUR_MS);
    meter.measure(START_MS - HOUR_MS, START_MS);
    await read();
    expect(await gaps()).toEqual([{ fromMs: START_MS - 2 * HOUR_MS, toMs: START_MS - HOUR_MS }]);
    meter.quarters.set(START_MS - 1.5 * HOUR_MS, 70);
    await clock.advance(QUARTER_MS);
    await read();
    expect(await read_()).toContainEqual([-1.5, '0.07', 'reader']);
    expect(await gaps()).toEqual([
      { fromMs: START_MS - 2 * HOUR_MS, toMs: START_MS - 1.75 * HOUR_MS },
      { fromMs: START_MS - 1.5 * HOUR_MS, toMs: START_MS - HOUR_MS },
    ]);
    meter.measure(START_MS - 2 * HOUR_MS, START_MS - HOUR_MS);
    for (let round = 0; round < 3; round += 1) await read();
    expect(await gaps()).toEqual([]);
    expect(await read_()).toHaveLength(16);
  });

  it('that is asked for months is asked window by window', async () => {
    const { meter, read, read_ } = await scene({ backfillS: 48 * 3600, windowS: 12 * 3600 });
    meter.measure(START_MS - 48 * HOUR_MS, START_MS);
    await read();
    expect(meter.asked.map(({ fromMs, toMs }) => (toMs - fromMs) / HOUR_MS)).toEqual([
      12, 12, 12, 12,
    ]);
    expect(await read_()).toHaveLength(192);
  });

  it('may tell its register alone: what lies between two answers is a reading', async () => {
    const { meter, clock, read, read_ } = await scene({
      rows: undefined,
      time: { columns: ['$received'], form: 'unix-ms' },
      meters: [
        {
          id: 'roof',
          site: 'home',
          registers: [{ column: 'total', field: 'generation_kwh', kind: 'register', unit: 'kWh' }],
        },
      ],
    });
    for (const total of ['100.000', '100.250', '100.250', '101.0000001']) {
      meter.answer = () => ({ body: `{"total":${total}}` });
      await read();
      await clock.advance(QUARTER_MS);
    }
    expect(await read_()).toEqual([
      [0.25, '0.25', 'reader'],
      [0.5, '0', 'reader'],
      [0.75, '0.7500001', 'reader'],
    ]);
  });

  it.each([
    ['a status', { status: 404, body: '{}' }, 'source_status'],
    ['a redirect', { status: 302, body: '' }, 'source_status'],
    ['no JSON', { body: '<html>' }, 'source_answer'],
    ['no rows', { body: '{"data":{}}' }, 'source_answer'],
    ['rows that are none', { body: '{"data":{"values":[1]}}' }, 'source_answer'],
    ['twice the same member', { body: '{"data":{"values":[]},"data":{}}' }, 'source_answer'],
    ['no UTF-8', { body: Buffer.from([0x22, 0xff, 0x22]) }, 'source_answer'],
    ['too much', { body: ' '.repeat(5000) }, 'source_answer'],
    ['nothing', 'cut' as const, 'source_unreachable'],
  ])(
    'that answers with %s is said to be not ready, and read again later',
    async (_what, said, code) => {
      const { meter, source, read, read_ } = await scene({
        maxBytes: 4096,
        backfillS: 3600,
      });
      meter.answer = () => said;
      await read();
      expect(await source().health()).toMatchObject({
        live: true,
        ready: false,
        detail: expect.stringContaining(code),
      });
      meter.answer = undefined;
      meter.measure(START_MS - HOUR_MS, START_MS);
      await read();
      expect(await source().health()).toEqual({ live: true, ready: true });
      expect(await read_()).toHaveLength(4);
    },
  );

  it('that never answers is given up', async () => {
    const { meter, source, read } = await scene({ timeoutMs: 20 });
    meter.answer = () => 'never';
    await read();
    expect(await source().health()).toMatchObject({
      ready: false,
      detail: expect.stringContaining('source_unreachable'),
    });
  });

  it('loses one bad row and no other', async () => {
    const { meter, read, read_ } = await scene({ backfillS: 3600 });
    const row = (quarter: number, wh: string) =>
      `{"time":"${new Date(START_MS - quarter * QUARTER_MS).toISOString()}","energy":{"wh":${wh}}}`;
    meter.answer = () => ({
      body: `{"data":{"values":[${row(3, '50')},${row(2, '"many"')},${row(1, '-1')},{"time":"noon"},{},${row(0, '60')}]}}`,
    });
    await read();
    expect((await read_()).map(([, kwh]) => kwh)).toEqual(['0.05', '0.06']);
  });

  it.each([
    ['ftp', { url: 'ftp://meter/' }],
    ['no host', { url: 'http://' }],
    [
      'a meter without an id',
      { meters: [{ ...mapping.meters[0], id: undefined, idColumn: 'who' }] },
    ],
    ['an unknown key', { more: 1 }],
    ['a header with a line feed', { headers: { 'x\n': 'y' } }],
  ])('is not configured with %s', (_what, more) => {
    expect(HttpSourceConfig.safeParse({ url: 'http://meter/', ...mapping, ...more }).success).toBe(
      false,
    );
    expect(HttpSourceConfig.safeParse({ url: 'http://meter/', ...mapping }).success).toBe(true);
  });
});
