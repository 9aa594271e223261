import { describe, expect, it } from '@jest/globals';
import type { SendOutcome } from '../../../src/events/webhooks/webhook-sender.js';
import { Cut, type CutMoment, CutPoint } from '../../../src/testing/cut-at-await.js';
import { unjournaled } from '../../../src/testing/unjournaled.js';
import { DispatcherScene, DOWN, OK } from './dispatcher-scene.js';

const HOUR_MS = 3_600_000;
const NIGHTLY = process.env['WATTPROOF_NIGHTLY'] === '1';

/** Lets what can go on go on, until it is true. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000 && !condition(); turn += 1)
    await new Promise((resolve) => void setImmediate(resolve));
  expect(condition()).toBe(true);
}

describe('Events for webhooks', () => {
  it('reach who asked for their type and may hear of their account, from the endpoint’s beginning', async () => {
    const scene = new DispatcherScene();
    await scene.endpoint('early', { types: ['reading.flagged', 'meter.*'] });
    await scene.endpoint('all', { everyAccount: true, accountId: 'operators' });
    await scene.happen(1, 'reading.accepted', 'bob');
    await scene.clock.advance(1);
    await scene.endpoint('late', { accountId: 'bob' });
    await scene.happen(1, 'meter.state');
    await scene.happen(1, 'batch.sealed', '');
    await scene.happen(1, 'reading.flagged', 'bob');
    await scene.happen(1, 'reading.flagged');
    await scene.process().tick();
    expect(scene.arrived.toSorted()).toEqual([
      'all 1',
      'all 2',
      'all 3',
      'all 4',
      'all 5',
      'early 2',
      'early 5',
      'late 4',
    ]);
  });

  it('are not kept for anybody when nobody listens, and what comes after the first endpoint is missed by none', async () => {
    const scene = new DispatcherScene();
    const { tick } = scene.process();
    await scene.happen(3);
    await tick();
    expect(await scene.store.outbox.prune(9e15)).toBe(3);
    await scene.endpoint('a', { types: ['reading.flagged'] });
    await scene.happen(1);
    await scene.happen(1, 'reading.flagged');
    await scene.endpoint('b');
    await tick();
    expect(scene.arrived.toSorted()).toEqual(['a 5', 'b 4', 'b 5']);
  });

  it('are sent in the order of events, several at once and in order one at a time', async () => {
    const scene = new DispatcherScene({ concurrency: 3 });
    await scene.endpoint('fast');
    await scene.endpoint('strict', { inOrder: true });
    let most = 0;
    const under = new Map<string, number>();
    scene.answer = async (endpoint) => {
      under.set(endpoint, (under.get(endpoint) ?? 0) + 1);
      most = Math.max(most, under.get('fast') ?? 0);
      expect(under.get('strict') ?? 0).toBeLessThanOrEqual(1);
      await new Promise((resolve) => void setImmediate(resolve));
      under.set(endpoint, (under.get(endpoint) ?? 0) - 1);
      return OK;
    };
    await scene.happen(250);
    await scene.process().tick();
    const of = (id: string) =>
      scene.arrived.filter((line) => line.startsWith(id)).map((line) => Number(line.split(' ')[1]));
    const inOrder = Array.from({ length: 250 }, (_, n) => n + 1);
    expect([of('fast'), of('strict'), most]).toEqual([inOrder, inOrder, 3]);
  });

  it('wait behind one that fails where order was asked for, and overtake it elsewhere', async () => {
    const scene = new DispatcherScene({ concurrency: 1 });
    await scene.endpoint('loose');
    await scene.endpoint('strict', { inOrder: true });
    let failsOnce = true;
    scene.answer = (_endpoint, event) => (failsOnce && Number(event) === 1 ? DOWN : OK);
    await scene.happen(3);
    const { tick } = scene.process();
    await tick();
    expect(scene.arrived).toEqual(expect.arrayContaining(['loose 2', 'loose 3']));
    expect(await scene.states('strict')).toEqual(['pending', 'pending', 'pending']);
    failsOnce = false;
    await scene.clock.advance(10_000);
    await tick();
    expect(scene.arrived.filter((line) => line.startsWith('strict'))).toEqual([
      'strict 1',
      'strict 1',
      'strict 2',
      'strict 3',
    ]);
  });

  it('are not held up by an endpoint that does not answer, nor by one that always fails', async () => {
    const scene = new DispatcherScene({ concurrency: 2 });
    await scene.endpoint('silent');
    await scene.endpoint('broken');
    await scene.endpoint('well');
    let release: ((outcome: SendOutcome) => void) | undefined;
    const silence = new Promise<SendOutcome>((resolve) => (release = resolve));
    scene.answer = (endpoint) =>
      endpoint === 'silent' ? silence : endpoint === 'broken' ? DOWN : OK;
    await scene.happen(2);
    const { tick, dispatcher } = scene.process();
    const running = tick();
    await until(() => scene.arrived.includes('well 2'));
    // What becomes due while the silent one is waited for goes out all the same.
    await scene.happen(1);
    const events = await scene.store.outbox.between({ fromMs: 0, toMs: 9e15 }, undefined, 10);
    await dispatcher.queue(events.slice(2));
    await until(() => scene.arrived.includes('well 3'));
    expect(scene.arrived.filter((line) => line.startsWith('silent'))).toHaveLength(2);
    release?.(OK);
    await running;
    expect(await scene.states('silent')).toEqual(['delivered', 'delivered', 'delivered']);
  });

  it('are not held up by an account with many endpoints that answer late', async () => {
    const scene = new DispatcherScene({ maxConcurrency: 8 });
    const late = Array.from({ length: 10 }, (_, n) => `late-${n}`);
    for (const id of late) await scene.endpoint(id, { accountId: 'eve' });
    await scene.endpoint('well');
    let release: ((outcome: SendOutcome) => void) | undefined;
    const silence = new Promise<SendOutcome>((resolve) => (release = resolve));
    scene.answer = (endpoint) => (endpoint === 'well' ? OK : silence);
    await scene.happen(3, 'reading.accepted', 'eve');
    await scene.happen(3);
    const running = scene.process().tick();
    await until(() => scene.arrived.includes('well 6'));
    expect(scene.arrived.filter((line) => line.startsWith('late'))).toHaveLength(2);
    release?.(OK);
    await running;
    for (const id of late)
      expect(await scene.states(id)).toEqual(['delivered', 'delivered', 'delivered']);
  });

  it('are tried again ever more seldom for a day, then given up, told once, and sent when somebody says so', async () => {
    const scene = new DispatcherScene();
    await scene.endpoint('down');
    scene.answer = () => DOWN;
    await scene.happen(1);
    const { tick } = scene.process();
    const begun = scene.clock.nowMs();
    const pauses: number[] = [];
    let before = begun;
    await tick();
    while ((await scene.states('down'))[0] === 'pending') {
      const [waiting] = (await scene.store.webhooks.deliveries({ endpointId: 'down', limit: 1 }))
        .items;
      pauses.push(waiting!.nextAtMs - before);
      await scene.clock.advance(waiting!.nextAtMs - scene.clock.nowMs() - 1);
      const tried = scene.arrived.length;
      await tick();
      expect(scene.arrived).toHaveLength(tried);
      await scene.clock.advance(1);
      before = scene.clock.nowMs();
      await tick();
      expect(scene.arrived).toHaveLength(tried + 1);
    }
    // Three quarters of 5, 10, 20 s …, an hour: a random number of 0.5 is half-way between half and whole.
    expect(pauses.slice(0, 4)).toEqual([3_750, 7_500, 15_000, 30_000]);
    expect(Math.max(...pauses)).toBe(2_700_000);
    expect(scene.clock.nowMs() - begun).toBeGreaterThanOrEqual(24 * HOUR_MS);
    expect(scene.clock.nowMs() - begun).toBeLessThan(25 * HOUR_MS);
    expect(scene.arrived.length).toBeGreaterThan(20);
    expect(await scene.states('down')).toEqual(['dead']);
    expect(await scene.told()).toEqual(['webhook.failing down']);
    scene.answer = () => OK;
    const of = { endpointId: 'down', eventId: '1'.padStart(20, '0') };
    const nowMs = scene.clock.nowMs();
    await scene.store.webhooks.replay(of, { nextAtMs: nowMs, expiresAtMs: nowMs + 1 });
    await scene.clock.advance(HOUR_MS);
    await tick();
    expect(await scene.states('down')).toEqual(['delivered']);
    expect(await scene.store.webhooks.get('down')).toMatchObject({
      failures: 0,
      retryAtMs: 0,
      toldFailing: false,
      secretVersion: 0,
    });
  });

  it('stop going to an endpoint that took nothing for days, and to nobody else', async () => {
    const scene = new DispatcherScene();
    await scene.endpoint('dead');
    await scene.endpoint('well');
    scene.answer = (endpoint) => (endpoint === 'dead' ? DOWN : OK);
    const { tick } = scene.process();
    let hours = 0;
    for (
      ;
      (await scene.store.webhooks.get('dead'))?.state === 'active' && hours < 500;
      hours += 1
    ) {
      await scene.happen(1);
      await tick();
      await scene.clock.advance(HOUR_MS);
    }
    expect(hours).toBeGreaterThanOrEqual(120);
    expect(hours).toBeLessThan(130);
    expect(new Set(await scene.states('dead'))).toEqual(new Set(['dead']));
    expect(await scene.told()).toEqual(['webhook.failing dead', 'webhook.disabled dead']);
    const tried = scene.arrived.filter((line) => line.startsWith('dead')).length;
    // One at a time once it keeps failing: a queue that grows does not make for more requests.
    expect(tried).toBeLessThan(hours * 4);
    await scene.happen(1);
    await tick();
    expect(scene.arrived.filter((line) => line.startsWith('dead'))).toHaveLength(tried);
    // It hears of the other one too: that it fails, and that it was disabled.
    expect(await scene.states('well')).toHaveLength(hours + 1 + 2);
    // Made active again it begins anew; what it missed it asks for.
    const active = { to: 'active', expiresAtMs: scene.clock.nowMs() + 1 } as const;
    scene.answer = () => OK;
    await scene.store.webhooks.change('dead', { state: active }, unjournaled);
    await scene.happen(1);
    await tick();
    expect((await scene.states('dead')).at(-1)).toBe('delivered');
  });

  it('are bounded in what waits, and told when the bound was met', async () => {
    const scene = new DispatcherScene({ maxQueued: 5 });
    await scene.endpoint('slow');
    await scene.endpoint('other', { types: ['webhook.*'] });
    scene.answer = (endpoint) => (endpoint === 'slow' ? DOWN : OK);
    const { tick } = scene.process();
    await scene.happen(9);
    await tick();
    expect(await scene.states('slow')).toHaveLength(5);
    expect(await scene.store.webhooks.get('slow')).toMatchObject({ missed: 4 });
    await tick();
    expect(scene.arrived.filter((line) => line.startsWith('other'))).toEqual(['other 10']);
  });

  it('stop between two requests when the replica stops, and count nothing against the endpoint', async () => {
    const scene = new DispatcherScene({ concurrency: 1 });
    await scene.endpoint('a');
    await scene.happen(3);
    const stop = new AbortController();
    scene.answer = () => {
      stop.abort();
      return { kind: 'failed', error: 'connection' };
    };
    await scene.process().tick(stop.signal);
    expect([scene.arrived, await scene.states('a')]).toEqual([
      ['a 1'],
      ['pending', 'pending', 'pending'],
    ]);
    expect(await scene.store.webhooks.get('a')).toMatchObject({ failures: 0 });
  });

  it('arrive at least once and at most twice when the process dies anywhere and another goes on', async () => {
    const run = async (cut: CutPoint): Promise<readonly string[]> => {
      const scene = new DispatcherScene({ concurrency: 2 });
      await scene.endpoint('a');
      await scene.endpoint('b', { inOrder: true });
      await scene.happen(4);
      let failed = false;
      scene.answer = (endpoint, event) => {
        const fails = !failed && endpoint === 'a' && Number(event) === 2;
        failed ||= fails;
        return fails ? DOWN : OK;
      };
      const first = scene.process(cut);
      for (let tick = 0; tick < 2; tick += 1) {
        await first.tick().catch((error: unknown) => {
          if (!(error instanceof Cut)) throw error;
        });
        await scene.clock.advance(10_000);
      }
      const second = scene.process();
      for (let tick = 0; tick < 3; tick += 1) {
        await second.tick();
        await scene.clock.advance(10_000);
      }
      const states = [...(await scene.states('a')), ...(await scene.states('b'))];
      expect([cut.cutAt, new Set(states)]).toEqual([cut.cutAt, new Set(['delivered'])]);
      return scene.arrived;
    };
    const whole = new CutPoint(Infinity);
    expect((await run(whole)).length).toBe(9);
    let [runs, twice] = [0, 0];
    for (let at = 1; at <= whole.calls; at += NIGHTLY ? 1 : 2)
      for (const moment of ['before', 'after'] satisfies CutMoment[]) {
        const cut = new CutPoint(at, moment);
        const arrived = await run(cut);
        expect(cut.cutAt).toBeDefined();
        const times = Map.groupBy(arrived, (line) => line);
        for (const [line, all] of times) {
          // One more for the attempt that failed.
          const most = line === 'a 2' ? 3 : 2;
          expect([cut.cutAt, line, all.length <= most]).toEqual([cut.cutAt, line, true]);
        }
        expect(times.size).toBe(8);
        runs += 1;
        if (arrived.length > 9) twice += 1;
      }
    expect(twice).toBeGreaterThan(0);
    process.stdout.write(`webhooks: ${runs} crash points, every event arrived once or twice\n`);
  });
});
