import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { unjournaled } from '../../src/testing/unjournaled.js';
import type { ConfiguredPlugin } from '../../src/plugins/index.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { fakeAnchor, FakeLedger } from '../../src/testing/fake-ledger/index.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask } from './hosts.js';

const QUARTER_MS = 900_000;

/** Series and their values, as Prometheus would read them. */
async function scrape(url: string): Promise<ReadonlyMap<string, number>> {
  const { status, type, text } = await ask(`${url}/metrics`);
  expect([status, type]).toEqual([200, expect.stringContaining('text/plain')]);
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  );
}

describe('What Prometheus reads', () => {
  const clock = new FakeClock();
  const ledger = new FakeLedger({ exclusion: 'ledger' });
  const device = new TestDevice('meter-1');
  const store = openMemoryStore({ clock });
  const commit = store.ingest.commit.bind(store.ingest);
  let gateway: TestGateway;

  const anchor = (instanceId: string): ConfiguredPlugin => ({
    entry: { instanceId, kind: 'anchor', use: 'fake', config: {}, path: `anchors.${instanceId}` },
    plugin: fakeAnchor('ledger'),
    config: { ledger, baseFee: 100n },
    url: import.meta.url,
    package: undefined,
  });

  beforeAll(async () => {
    await store.meters.register(device.stored('active'), unjournaled);
    gateway = await startTestGateway({
      clock,
      config: {
        batching: { maxAgeMs: 60_000 },
        ingestion: { commit: { flushers: 1 } },
        anchors: {
          paid: { use: 'fake', policy: { finalityDepth: 2 } },
          poor: { use: 'fake', policy: { maxFeePerIntent: 50 } },
        },
      },
      parts: { store, plugins: [anchor('paid'), anchor('poor')] },
    });
  });
  afterAll(() => gateway.stop());

  const send = (quarter: number) =>
    ask(`${gateway.url}/api/v1/readings`, {
      body: device.signed(device.reading(clock.nowMs() - quarter * QUARTER_MS)),
    });
  /** What the store was asked for stays as it is for five seconds. */
  const later = async () => {
    await clock.advance(5_000);
    return scrape(gateway.url);
  };

  it('shows readings that wait for their group: how many, how large, how long', async () => {
    const idle = await scrape(gateway.url);
    expect(idle.get('wattproof_ingest_queue_bytes')).toBe(0);
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    store.ingest.commit = async (...given) => gate.then(() => commit(...given));
    const answers = [send(3)];
    const { ingestQueue } = gateway.services;
    while (ingestQueue.facts().groupsUnderWay === 0) await new Promise(setImmediate);
    answers.push(send(4));
    while (ingestQueue.facts().waitingRows === 0) await new Promise(setImmediate);
    const busy = await later();
    expect(busy.get('wattproof_ingest_queue_rows{state="writing"}')).toBe(1);
    expect(busy.get('wattproof_ingest_queue_rows{state="waiting"}')).toBe(1);
    expect(busy.get('wattproof_ingest_queue_bytes')).toBeGreaterThan(2_000);
    expect(busy.get('wattproof_ingest_queue_oldest_age_seconds')).toBe(5);
    open();
    await Promise.all(answers);
    expect((await later()).get('wattproof_ingest_queue_rows{state="waiting"}')).toBe(0);
  });

  it('shows what waits for a batch, how late the batcher is, and the log it leads to', async () => {
    await clock.advance(80_000);
    const late = await later();
    expect(late.get('wattproof_unsealed_entries{source="external"}')).toBe(2);
    const age = late.get('wattproof_unsealed_oldest_age_seconds') ?? 0;
    expect(age).toBeGreaterThan(80);
    expect(late.get('wattproof_batcher_lag_seconds')).toBe(age - 60);
    expect(late.get('wattproof_batch_log_size')).toBe(0);
    await gateway.settle();
    const sealed = await later();
    expect(sealed.get('wattproof_unsealed_entries{source="external"}')).toBe(0);
    expect(sealed.get('wattproof_batcher_lag_seconds')).toBe(0);
    expect(sealed.get('wattproof_batch_log_size')).toBe(1);
  });

  it('shows every anchor by state, what it paid, and which wait for a person', async () => {
    const waiting = await later();
    expect(waiting.get('wattproof_anchor_intents{anchor="paid",state="final"}')).toBe(0);
    expect(waiting.get('wattproof_anchor_attempts{anchor="paid",state="seen"}')).toBe(1);
    expect(waiting.get('wattproof_anchor_intents{anchor="poor",state="capped"}')).toBe(1);
    expect(waiting.get('wattproof_anchor_oldest_open_age_seconds{anchor="poor"}')).toBeGreaterThan(
      0,
    );
    expect(waiting.has('wattproof_anchor_fees_spent{anchor="paid",unit="grain"}')).toBe(false);
    ledger.mine(2);
    await gateway.settle();
    const final = await later();
    expect(final.get('wattproof_anchor_intents{anchor="paid",state="final"}')).toBe(1);
    expect(final.get('wattproof_anchor_fees_spent{anchor="paid",unit="grain"}')).toBe(100);
    expect(final.get('wattproof_anchor_oldest_open_age_seconds{anchor="paid"}')).toBe(0);
  });

  it('shows runs and failures of jobs', async () => {
    let fails = true;
    const { jobs } = gateway.services;
    const run = async (): Promise<void> => {
      if (fails) throw new Error('no node');
    };
    jobs.add({ name: 'probe', role: 'api', periodMs: 1000, leaseMs: 1000, run });
    expect((await scrape(gateway.url)).get('wattproof_job_failures{job="probe"}')).toBe(0);
    await jobs.run('probe');
    fails = false;
    await jobs.run('probe');
    const shown = await scrape(gateway.url);
    expect(shown.get('wattproof_job_failures{job="probe"}')).toBe(1);
    expect(shown.get('wattproof_job_runs{job="probe"}')).toBe(2);
  });

  it('has no more series after hostile paths, ids and meters than before', async () => {
    const visit = async (name: string) => {
      for (const path of [`/api/v1/logs/${name}`, `/api/v1/${name}`, `/api/v1/meters/${name}`])
        await ask(gateway.url + path, { key: gateway.adminKey });
      const stranger = new TestDevice(name);
      await ask(`${gateway.url}/api/v1/readings`, {
        body: stranger.signed(stranger.reading(clock.nowMs())),
      });
    };
    await visit('first');
    const before = [...(await scrape(gateway.url)).keys()];
    for (const name of ['second', 'third', 'fourth']) await visit(name);
    expect([...(await scrape(gateway.url)).keys()]).toEqual(before);
  });

  it('goes on without what the store cannot say', async () => {
    store.anchors.totals = async () => {
      throw new Error('connection refused');
    };
    const shown = await later();
    expect([...shown.keys()].filter((series) => series.startsWith('wattproof_anchor'))).toEqual([]);
    expect(shown.get('wattproof_part_ready{part="store"}')).toBe(1);
    expect(shown.get('wattproof_batch_log_size')).toBe(1);
  });
});
