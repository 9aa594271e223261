import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { unjournaled } from '../../src/testing/unjournaled.js';
import type { ConfiguredPlugin } from '../../src/plugins/index.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { fakeAnchor, FakeLedger } from '../../src/testing/fake-ledger/index.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask } from './hosts.js';

const MINUTE_MS = 60_000;

describe('A gateway with two ledgers', () => {
  const clock = new FakeClock();
  const ledgers = {
    cheap: new FakeLedger({ exclusion: 'ledger' }),
    dear: new FakeLedger({ exclusion: 'ledger', balance: 1_500n }),
  };
  const device = new TestDevice('meter-1');
  const said: { readonly message: string; readonly fields: Record<string, unknown> }[] = [];
  let gateway: TestGateway;
  let batch = '';

  const anchor = (instanceId: keyof typeof ledgers): ConfiguredPlugin => ({
    entry: { instanceId, kind: 'anchor', use: 'fake', config: {}, path: `anchors.${instanceId}` },
    plugin: fakeAnchor('ledger'),
    config: { ledger: ledgers[instanceId], baseFee: 100n },
    url: import.meta.url,
    package: undefined,
  });
  const get = async (path: string) =>
    (await ask(`${gateway.url}${path}`, { key: gateway.adminKey })).json;
  const post = (path: string) =>
    ask(`${gateway.url}/api/v1${path}`, { method: 'POST', key: gateway.adminKey });
  const anchors = async () => {
    const [cheap, dear] = await get('/api/v1/anchors');
    return { cheap, dear };
  };
  const send = async (quartersAgo: number): Promise<void> => {
    const { status } = await ask(`${gateway.url}/api/v1/readings`, {
      body: device.signed(device.reading(clock.nowMs() - quartersAgo * 15 * MINUTE_MS)),
    });
    expect(status).toBe(200);
  };
  const seal = async (): Promise<string> => {
    const { json } = await post('/batches/flush');
    await gateway.settle();
    return json.id;
  };
  /** One series as Prometheus reads it, once what the store said before is too old to be told again. */
  const series = async (name: string): Promise<string | undefined> => {
    await clock.advance(5_000);
    const { text } = await ask(`${gateway.url}/metrics`);
    return text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')
      .at(-1);
  };

  beforeAll(async () => {
    const say = (message: string, fields?: object): void => {
      said.push({ message, fields: { ...fields } });
    };
    gateway = await startTestGateway({
      clock,
      config: {
        devices: { registration: 'open' },
        anchors: {
          cheap: { use: 'fake', policy: { finalityDepth: 2, maxFeePerDay: 1_000 } },
          dear: { use: 'fake', policy: { finalityDepth: 2, maxFeePerIntent: 120 } },
        },
        anchoring: { require: 'all' },
      },
      parts: {
        plugins: [anchor('cheap'), anchor('dear')],
        logger: { debug: say, info: say, warn: say, error: say },
      },
    });
    await gateway.services.store.meters.register(device.stored('active'), unjournaled);
    await send(3);
    await send(5);
    batch = await seal();
  });
  afterAll(() => gateway.stop());

  it('calls a batch anchored when the rule is met, and says who meets it', async () => {
    const shown = () => get(`/api/v1/batches/${batch}`);
    expect(await shown()).toMatchObject({ anchor_status: 'pending', anchor_txid: null });
    ledgers.cheap.mine(2);
    await gateway.settle();
    expect(await shown()).toMatchObject({
      anchor_status: 'pending',
      anchor_txid: null,
      anchoring: {
        state: 'pending',
        required: 2,
        of: ['cheap', 'dear'],
        included: ['cheap'],
        final: ['cheap'],
      },
    });
    expect(await series('wattproof_batch_log_anchored_size{level="anchored"}')).toBe('0');
    ledgers.dear.mine(1);
    await gateway.settle();
    const anchored = await shown();
    expect(anchored).toMatchObject({ anchor_status: 'anchored' });
    expect(await series('wattproof_batch_log_anchored_size{level="anchored"}')).toBe('1');
    expect(await series('wattproof_batch_log_anchored_size{level="final"}')).toBe('0');
    ledgers.dear.mine(1);
    await gateway.settle();
    const { anchoring, anchors: each } = await get(`/api/v1/batches/${batch}/anchors`);
    expect(anchoring).toMatchObject({ state: 'final', final: ['cheap', 'dear'] });
    expect(each.map(({ paid }: { paid: object }) => paid)).toEqual([
      { amount: '100', unit: 'grain' },
      { amount: '100', unit: 'grain' },
    ]);
    expect((await shown()).anchor_txid).toBe(each[0].txid);
  });

  it('tells its operator what every ledger has cost, and what is left to spend', async () => {
    const { cheap, dear } = await anchors();
    expect(cheap).toMatchObject({
      anchor: 'cheap',
      checkpoints: { final: 1 },
      final_size: 1,
      oldest_pending: null,
      paid: '100',
      unit: 'grain',
      entries: '2',
      paid_per_million_entries: '50000000',
      paid_per_batch: '100',
      paid_by_day: [
        {
          day: new Date(clock.nowMs()).toISOString().slice(0, 10),
          paid: '100',
          unit: 'grain',
          transactions: 1,
        },
      ],
      budget: { per_checkpoint: null, per_day: '1000', spent_today: '100', left_today: '900' },
      balance: '999900',
      runway_anchors: 9_999,
      alerts: [],
    });
    expect(dear).toMatchObject({ balance: '1400', runway_anchors: 14 });
    expect(dear.alerts).toMatchObject([{ code: 'low_balance' }]);
    expect(await series('wattproof_anchor_budget_left{anchor="cheap",unit="grain"}')).toBe('900');
    expect(
      await series('wattproof_anchor_fees_per_million_entries{anchor="dear",unit="grain"}'),
    ).toBe('50000000');
    expect(await series('wattproof_anchor_fees_per_batch{anchor="dear",unit="grain"}')).toBe('100');
    expect(await series('wattproof_anchor_runway{anchor="dear"}')).toBe('14');
    expect(await series('wattproof_anchor_alert{anchor="dear",alert="low_balance"}')).toBe('1');
    expect(await series('wattproof_anchor_alert{anchor="dear",alert="capped"}')).toBe('0');
  });

  it('makes what waits dearer when an operator says so, never beyond a cap, and writes down who it was', async () => {
    await send(7);
    await seal();
    said.length = 0;
    const bumped = await post('/admin/anchors/cheap/bump');
    expect(bumped.json).toMatchObject({
      anchor: 'cheap',
      operation: 'bump',
      looked_at: 1,
      changed: 1,
      open: [{ size: 2, state: 'broadcast', attempts: 2 }],
    });
    expect(said.map(({ message }) => message)).toEqual([
      'An operator asks an anchor for something.',
      'What an operator asked of an anchor is done.',
    ]);
    expect(said[0]?.fields).toEqual({ operation: 'bump', anchor: 'cheap', principal: 'admin' });
    const { json } = await post('/admin/anchors/dear/bump');
    expect(json.open).toMatchObject([{ size: 2, state: 'capped', attempts: 1 }]);
    await gateway.services.jobs.run('watch.dear');
    const { dear } = await anchors();
    expect(dear.alerts.map(({ code }: { code: string }) => code)).toEqual([
      'capped',
      'low_balance',
    ]);
    expect(dear.oldest_pending).toMatchObject({ since: expect.any(String) });
  });

  it('tries again at once when an operator says so', async () => {
    ledgers.cheap.mine(2);
    ledgers.dear.mine(2);
    await gateway.settle();
    ledgers.cheap.setDown(true);
    await send(9);
    await seal();
    await gateway.services.jobs.run('watch.cheap');
    const { cheap } = await anchors();
    expect(cheap.alerts).toMatchObject([
      { code: 'unreachable', detail: 'the node does not answer' },
    ]);
    ledgers.cheap.setDown(false);
    await gateway.services.jobs.run('anchor.cheap');
    expect((await gateway.services.store.anchors.open('cheap', 1))[0]?.attempts).toEqual([]);
    const { json } = await post('/admin/anchors/cheap/retry');
    expect(json).toMatchObject({
      changed: 1,
      open: [{ size: 3, state: 'broadcast', attempts: 1 }],
    });
  });

  it('finds a deep reorganisation when an operator has it look', async () => {
    const quiet = await post('/admin/anchors/dear/recheck');
    expect(quiet.json).toMatchObject({ looked_at: 2, changed: 0 });
    ledgers.dear.reorg(3, { forget: true });
    const { json } = await post('/admin/anchors/dear/recheck');
    expect(json.looked_at).toBe(2);
    expect(json.open).toEqual(
      expect.arrayContaining([expect.objectContaining({ size: 2, state: 'reorged' })]),
    );
  });

  it('alerts of a checkpoint that is late, and says for how long', async () => {
    const [late] = await gateway.services.store.anchors.open('dear', 1);
    const createdAtMs = late?.createdAtMs ?? 0;
    await clock.advance(createdAtMs + 25 * 60 * MINUTE_MS - clock.nowMs());
    await gateway.services.jobs.run('watch.dear');
    const { dear } = await anchors();
    expect(dear.alerts).toContainEqual({
      code: 'stuck',
      since: new Date(createdAtMs + 24 * 60 * MINUTE_MS).toISOString(),
      detail: expect.stringContaining('past its deadline'),
    });
    expect(await series('wattproof_anchor_alert{anchor="dear",alert="stuck"}')).toBe('1');
    const seconds = await series('wattproof_anchor_alert_age_seconds{anchor="dear",alert="stuck"}');
    expect(Number(seconds)).toBeGreaterThanOrEqual(3_600);
    expect(await series('wattproof_anchor_alert_age_seconds{anchor="cheap",alert="stuck"}')).toBe(
      '0',
    );
  });

  it('says which anchors there are when asked for another', async () => {
    const unknown = await post('/admin/anchors/nowhere/retry');
    expect([unknown.status, unknown.json.code]).toEqual([404, 'unknown_anchor']);
    expect(unknown.json.detail).toContain('cheap, dear');
  });
});
