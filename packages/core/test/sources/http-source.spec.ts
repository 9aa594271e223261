import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { AddressInfo } from 'node:net';
import httpSource from '../../src/sources/http-json/index.js';
import { HttpSourceConfig } from '../../src/sources/http-json/http-source.config.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { gapsAfter } from '../../src/sources/http-json/source-state.js';
import type { Logger } from '../../src/spi/index.js';
import type { Store } from '../../src/stores/store.js';
import { TestDevice } from '../ingestion/test-devices.js';

const START_MS = Date.parse('2026-03-01T00:00:00Z');
const QUARTER_MS = 900_000;
const HOUR_MS = 3_600_000;

/** A byte now and then, without end. */
function drip(response: ServerResponse): void {
  const timer = setInterval(() => response.write(' '), 10);
  response.on('close', () => clearInterval(timer));
}

/** A meter with a small memory: it tells quarter hours that end within the time it is asked for. */
class MeterServer {
  /** End of the quarter → Wh. */
  readonly quarters = new Map<number, number>();
  readonly asked: { readonly fromMs: number; readonly toMs: number }[] = [];
  answer:
    | ((
        url: URL,
      ) =>
        | { status?: number; body: string | Buffer; type?: string; headers?: object }
        | 'never'
        | 'drip'
        | 'cut')
    | undefined;
  private constructor(private readonly server: Server) {}

  static async open(): Promise<MeterServer> {
    const server = createServer();
    const meter = new MeterServer(server);
    server.on('request', (request, response) => {
      const url = new URL(request.url ?? '/', 'http://meter');
      const answer: NonNullable<typeof meter.answer> =
        meter.answer ?? ((asked) => meter.history(asked));
      const said = answer(url);
      if (said === 'cut') return void request.socket.destroy();
      if (said === 'never') return;
      if (said === 'drip') return drip(response);
      response.writeHead(said.status ?? 200, {
        'content-type': said.type ?? 'application/json',
        ...said.headers,
      });
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

  async function scene({
    path = '/values?from={from}&to={to}',
    logger,
    ...more
  }: { path?: string; logger?: Logger; [key: string]: unknown } = {}) {
    const meter = await MeterServer.open();
    closing.push(() => meter.close());
    const clock = new FakeClock(START_MS);
    const store: Store = openMemoryStore({ clock });
    for (const meterId of ['roof', 'shed'])
      await store.meters.register(
        new TestDevice(meterId).stored('active', { accountId: 'ada', ratingW: 20_000 }),
        unjournaled,
      );
    // What it remembers cannot be written while this is true.
    const broken = { now: false };
    const collections = store.collections.bind(store);
    store.collections = async (...given) => {
      const opened = await collections(...given);
      const put = opened.put.bind(opened);
      opened.put = (...what) =>
        broken.now && (what[2] as { pending?: unknown }).pending === undefined
          ? Promise.reject(new Error('the connection ended'))
          : put(...what);
      return opened;
    };
    const begin = async (): Promise<TestGateway> => {
      const gateway = await startTestGateway({
        clock,
        parts: { store, ...(logger === undefined ? {} : { logger }) },
        config: {
          transports: {
            meter: {
              use: 'http-source',
              url: `${meter.url}${path}`,
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
      broken,
      begin,
      letters: async () => (await store.desk.deadLetters({ limit: 100 })).items,
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

  const ONE_REGISTER = {
    rows: undefined,
    time: { columns: ['t'], form: 'unix-s' },
    meters: [
      {
        id: 'roof',
        site: 'home',
        registers: [{ column: 'total', field: 'generation_kwh', kind: 'register', unit: 'kWh' }],
      },
    ],
  };

  it('is asked from now on when nothing of before is wanted', async () => {
    const { meter, clock, read, read_ } = await scene({ backfillS: 0 });
    await read();
    meter.measure(START_MS - HOUR_MS, START_MS + HOUR_MS);
    await clock.advance(HOUR_MS);
    await read();
    expect(await read_()).toHaveLength(4);
  });

  it('may have a clock that lies: what lies ahead is told, and what comes later is read all the same', async () => {
    const { meter, clock, read, read_, letters } = await scene({
      ...ONE_REGISTER,
      backfillS: 3600,
    });
    const at = (ms: number, total: number): string => `{"t":${ms / 1000},"total":${total}}`;
    meter.answer = () => ({
      body: `[${at(START_MS - QUARTER_MS, 1)},${at(4_000_000_000_000, 2)},${at(START_MS, 3)},{"t":9999999999999,"total":1}]`,
    });
    await read();
    await clock.advance(QUARTER_MS);
    meter.answer = () => ({ body: at(START_MS + QUARTER_MS, 5) });
    await read();
    expect(await read_()).toEqual([
      [0, '2', 'reader'],
      [0.25, '2', 'reader'],
    ]);
    expect(new Set((await letters()).map(({ code }) => code))).toEqual(
      new Set(['time_in_future', 'time_invalid']),
    );
  });

  it('that tells intervals that are not over is asked for them when they are', async () => {
    const { meter, clock, read, read_ } = await scene({ backfillS: 3600 });
    meter.measure(START_MS - HOUR_MS, START_MS);
    const history = { body: '' };
    meter.answer = () => history;
    const row = (endMs: number): string =>
      `{"time":"${new Date(endMs).toISOString()}","energy":{"wh":100}}`;
    history.body = `{"data":{"values":[${[START_MS, START_MS + QUARTER_MS, START_MS + 24 * HOUR_MS].map(row).join(',')}]}}`;
    await read();
    expect((await read_()).map(([hours]) => hours)).toEqual([0]);
    meter.answer = undefined;
    meter.measure(START_MS, START_MS + HOUR_MS);
    await clock.advance(HOUR_MS);
    await read();
    expect((await read_()).map(([hours]) => hours)).toEqual(
      expect.arrayContaining([0, 0.25, 0.5, 0.75, 1]),
    );
  });

  it('keeps the sum of its register when the gateway ends between its reading and its place', async () => {
    const { meter, clock, read, begin, gateway, broken, read_ } = await scene({
      ...ONE_REGISTER,
      time: { columns: ['$received'], form: 'unix-ms' },
    });
    let total = 10;
    meter.answer = () => ({ body: `{"total":${total}}` });
    await read();
    for (const crash of [false, true, false, true]) {
      await clock.advance(QUARTER_MS);
      total += 2;
      broken.now = crash;
      await read().catch(() => undefined);
    }
    broken.now = false;
    await gateway.stop();
    const next = await begin();
    await clock.advance(QUARTER_MS);
    total += 2;
    await read(next);
    const kwh = (await read_()).map(([hours, one]) => [hours, one]);
    expect(kwh).toEqual([0.25, 0.5, 0.75, 1, 1.25].map((hours) => [hours, '2']));
  });

  it('that is not asked for times is asked once a turn, however long nobody asked', async () => {
    const { meter, clock, read } = await scene({ ...ONE_REGISTER, path: '/now' });
    let asked = 0;
    meter.answer = () => {
      asked += 1;
      return { body: '{"t":1,"total":1}' };
    };
    await read();
    await clock.advance(48 * HOUR_MS);
    await read();
    expect(asked).toBe(2);
  });

  it('with more than one meter misses none that is late', async () => {
    const meters = ['roof', 'shed'].map((id) => ({
      id,
      site: 'home',
      registers: [{ column: id, field: 'generation_kwh', kind: 'interval', unit: 'Wh' }],
    }));
    const { meter, clock, read, read_ } = await scene({ meters, backfillS: 3600, rows: undefined });
    const row = (quarter: number, shed: string): string =>
      `{"time":"${new Date(START_MS - quarter * QUARTER_MS).toISOString()}","roof":100,"shed":${shed}}`;
    meter.answer = () => ({
      body: `[${row(3, '50')},${row(2, '50')},${row(1, 'null')},${row(0, 'null')}]`,
    });
    await read();
    expect(await read_()).toHaveLength(6);
    meter.answer = (url) => ({
      body: `[${[1, 0]
        .filter(
          (quarter) => START_MS - quarter * QUARTER_MS > Date.parse(url.searchParams.get('from')!),
        )
        .map((quarter) => row(quarter, '50'))
        .join(',')}]`,
    });
    await clock.advance(60_000);
    await read();
    expect((await read_()).filter(([, kwh]) => kwh === '0.05')).toHaveLength(4);
  });

  it('with thousands of bad rows is told of in a few dead letters', async () => {
    const { meter, read, letters } = await scene({ backfillS: 3600 });
    meter.answer = () => ({
      body: `{"data":{"values":[${Array.from({ length: 3000 }, () => '{"time":"noon"}').join(',')}]}}`,
    });
    await read();
    const told = await letters();
    expect(told).toHaveLength(21);
    expect(told[0]).toMatchObject({ code: 'more_rows', detail: expect.stringContaining('2980') });
  });

  it('is asked again when the clock was set back', async () => {
    const { meter, clock, store, read, read_ } = await scene({ backfillS: 3600 });
    const collections = await store.collections('transport.meter', [{ name: 'state', version: 1 }]);
    await collections.put('state', 'source', {
      readToMs: START_MS + 1e12,
      carry: { registers: {} },
      gaps: [],
    });
    await read();
    meter.measure(START_MS, START_MS + HOUR_MS);
    await clock.advance(HOUR_MS);
    await read();
    expect(await read_()).toHaveLength(4);
  });

  it('has gaps where some meter has nothing, and none where an interval spans two questions', () => {
    const gap = (fromMs: number, toMs: number) => ({ fromMs, toMs });
    expect(gapsAfter([gap(5, 12)], gap(12, 30), [[gap(0, 15), gap(15, 30)]], 0)).toEqual([]);
    expect(gapsAfter([], gap(0, 30), [[gap(0, 30)], [gap(0, 10), gap(20, 30)]], 0)).toEqual([
      gap(10, 20),
    ]);
    expect(gapsAfter([gap(0, 5)], gap(5, 10), [[]], 5)).toEqual([gap(0, 10)]);
    expect(gapsAfter([gap(0, 5)], gap(7, 10), [[gap(7, 10)]], 5)).toEqual([]);
    const many = Array.from({ length: 3000 }, (_, at) => gap(2 * at, 2 * at + 1));
    const left = gapsAfter([], gap(0, 6000), [many], 0);
    expect([left.length, left.at(-1)]).toEqual([1000, gap(5999, 6000)]);
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

  it('that asks to be left alone is asked again when it said, by whichever replica', async () => {
    const { meter, clock, read, read_, begin, source } = await scene({ backfillS: 3600 });
    meter.measure(START_MS - HOUR_MS, START_MS);
    let asked = 0;
    for (const [said, waitMs] of [
      ['120', 120_000],
      [new Date(START_MS + 420_000).toUTCString(), 300_000],
    ] as const) {
      meter.answer = () => {
        asked += 1;
        return { status: 429, body: '', headers: { 'retry-after': said } };
      };
      await read();
      expect(await source().health()).toMatchObject({ ready: false });
      const before = asked;
      await clock.advance(waitMs - 1);
      const replica = await begin();
      await read(replica);
      await replica.stop();
      await read();
      expect(asked).toBe(before);
      await clock.advance(1);
    }
    meter.answer = undefined;
    await read();
    expect(await read_()).toHaveLength(4);
    expect(await source().health()).toEqual({ live: true, ready: true });
  });

  it('that asks for years, or for nothing that can be read, is asked again tomorrow or at its next turn', async () => {
    const { meter, clock, read } = await scene({ backfillS: 3600 });
    let asked = 0;
    let said = '99999999999';
    meter.answer = () => {
      asked += 1;
      return { status: 503, body: '', headers: { 'retry-after': said } };
    };
    await read();
    await clock.advance(86_400_000);
    said = 'soon';
    await read();
    await read();
    expect(asked).toBe(3);
  });

  it('may tell its register newest first, or in no order, and each step is a reading all the same', async () => {
    for (const order of [
      [4, 3, 2, 1, 0],
      [2, 0, 4, 1, 3, 3],
    ]) {
      const { meter, read, read_ } = await scene({ ...ONE_REGISTER, backfillS: 7200 });
      const rows = order.map(
        (at) => `{"t":${(START_MS - (4 - at) * QUARTER_MS) / 1000},"total":${at * at}}`,
      );
      meter.answer = () => ({ body: `[{"t":"never"},${rows.join(',')}]` });
      await read();
      expect((await read_()).map(([hours, kwh]) => [hours, kwh])).toEqual([
        [-0.75, '1'],
        [-0.5, '3'],
        [-0.25, '5'],
        [0, '7'],
      ]);
    }
  });

  it('is read by one of two replicas at a time, and each of its values once', async () => {
    const { meter, gateway, begin, read_, clock } = await scene({ backfillS: 3600 });
    const other = await begin();
    const readBoth = () =>
      Promise.all(
        [gateway, other].map(({ services }) => services.jobs.run('transport.meter.read')),
      );
    for (let turn = 0; turn < 4; turn += 1) {
      meter.measure(clock.nowMs() - HOUR_MS, clock.nowMs());
      const before = meter.asked.length;
      expect((await readBoth()).sort()).toEqual(['held-elsewhere', 'ran']);
      expect(meter.asked.length).toBe(before + 1);
      await clock.advance(HOUR_MS);
    }
    expect(await read_()).toHaveLength(16);
  });

  it('that answers with a bomb, drips or hangs is given up, and stops with the gateway', async () => {
    const { meter, source, read, gateway } = await scene({ maxBytes: 4096, timeoutMs: 400 });
    const bomb = gzipSync(Buffer.alloc(20_000_000, ' '));
    meter.answer = () => ({ body: bomb, headers: { 'content-encoding': 'gzip' } });
    await read();
    expect(await source().health()).toMatchObject({
      detail: expect.stringContaining('longer than 4096 bytes'),
    });
    meter.answer = () => 'drip';
    await read();
    expect(await source().health()).toMatchObject({
      detail: expect.stringContaining('source_unreachable'),
    });
    const asked = new Promise<void>((resolve) => {
      meter.answer = () => {
        resolve();
        return 'never';
      };
    });
    const hanging = read();
    await asked;
    await gateway.stop();
    await hanging;
  });

  it('is asked with a secret that nobody else is told, whatever goes wrong', async () => {
    const secret = 'Bearer s3cr3t-of-the-roof';
    const lines: unknown[] = [];
    const say = (...given: readonly unknown[]): void => void lines.push(given);
    const logger = { trace: say, debug: say, info: say, warn: say, error: say };
    const { meter, source, read, letters } = await scene({
      headers: { authorization: secret },
      timeoutMs: 50,
      logger,
    });
    const elsewhere = await MeterServer.open();
    closing.push(() => elsewhere.close());
    let followed = 0;
    elsewhere.answer = () => {
      followed += 1;
      return { body: '{}' };
    };
    const said: object[] = [];
    for (const answer of [
      { status: 401, body: secret },
      { status: 302, body: '', headers: { location: elsewhere.url } },
      { body: '{"data":{"values":[{"time":"noon"}]}}' },
      { body: '<html>', type: 'text/html' },
      'cut' as const,
      'never' as const,
    ]) {
      meter.answer = () => answer;
      await read();
      said.push(await source().health());
    }
    expect(followed).toBe(0);
    const everything = inspect([lines, said, await letters()], {
      depth: 5,
      maxStringLength: Infinity,
      maxArrayLength: Infinity,
    });
    expect(lines.length).toBeGreaterThan(1);
    expect(everything).not.toContain('s3cr3t');
  });

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
    ['a time in its host', { url: 'http://meter:{from:unix-s}/' }],
    ['a place for a time that there is not', { url: 'http://meter/?from={from:iso8601}' }],
    ['a password in its URL', { url: 'http://user:secret@meter/' }],
    ['a header that no header can hold', { headers: { authorization: 'Bearer a\nb' } }],
    ['a header beyond ASCII', { headers: { authorization: 'Bearer \u20ac' } }],
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
