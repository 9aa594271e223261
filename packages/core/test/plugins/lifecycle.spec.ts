import { describe, expect, it } from '@jest/globals';
import {
  Lifecycle,
  type LifecyclePhase,
  type LifecycleStep,
  type Timer,
} from '../../src/plugins/index.js';

/** Timers that fire when told to, so that no test waits. */
class HandTimer {
  readonly pending = new Set<() => void>();
  readonly after: Timer = (_, fire) => {
    this.pending.add(fire);
    return () => void this.pending.delete(fire);
  };

  fireAll(): void {
    for (const fire of this.pending) fire();
  }
}

const never = (): Promise<void> => new Promise(() => {});

function recorder() {
  const journal: string[] = [];
  const step = (
    name: string,
    phase: LifecyclePhase,
    changes: Partial<LifecycleStep> = {},
  ): LifecycleStep => ({
    name,
    phase,
    start: async () => void journal.push(`+${name}`),
    stop: async () => void journal.push(`-${name}`),
    ...changes,
  });
  return { journal, step };
}

describe('the lifecycle', () => {
  it('starts stores, anchors, batcher, transports, and stops in exact reverse', async () => {
    const { journal, step } = recorder();
    const lifecycle = new Lifecycle(new HandTimer().after)
      .add(step('mqtt', 'transport'))
      .add(step('batcher', 'batcher'))
      .add(step('bitcoin', 'anchor'))
      .add(step('local', 'anchor'))
      .add(step('store', 'store'));
    await lifecycle.start();
    await lifecycle.stop();
    const started = ['store', 'bitcoin', 'local', 'batcher', 'mqtt'];
    expect(lifecycle.order()).toEqual(started);
    expect(journal).toEqual([
      ...started.map((name) => `+${name}`),
      ...started.toReversed().map((name) => `-${name}`),
    ]);
  });

  it('stops the transports first when asked to, and tells what failed there when all is stopped', async () => {
    const { journal, step } = recorder();
    const fails = async (): Promise<void> => {
      throw new Error('still busy');
    };
    const lifecycle = new Lifecycle(new HandTimer().after)
      .add(step('mqtt', 'transport'))
      .add(step('ws', 'transport', { stop: fails }))
      .add(step('store', 'store'));
    await lifecycle.start();
    journal.length = 0;
    await lifecycle.stopBackTo('transport');
    await lifecycle.stopBackTo('transport');
    expect(journal).toEqual(['-mqtt']);
    await expect(lifecycle.stop()).rejects.toMatchObject({
      errors: [{ code: 'stop_failed', step: 'ws' }],
    });
    expect(journal).toEqual(['-mqtt', '-store']);
  });

  it('undoes a start that fails, the failing step included, and says which one it was', async () => {
    const { journal, step } = recorder();
    const fails = { start: () => Promise.reject(new Error('no node')) };
    const lifecycle = new Lifecycle(new HandTimer().after)
      .add(step('store', 'store'))
      .add(step('bitcoin', 'anchor', fails))
      .add(step('mqtt', 'transport'));
    await expect(lifecycle.start()).rejects.toMatchObject({
      errors: [{ code: 'start_failed', step: 'bitcoin', cause: { message: 'no node' } }],
    });
    expect(journal).toEqual(['+store', '-bitcoin', '-store']);
    await expect(lifecycle.stop()).resolves.toBeUndefined();
  });

  it('gives up on a step that takes too long and aborts its signal', async () => {
    const timer = new HandTimer();
    const { step } = recorder();
    const signals: AbortSignal[] = [];
    const hangs = {
      start: (signal: AbortSignal) => {
        signals.push(signal);
        return never();
      },
      startTimeoutMs: 50,
    };
    const starting = new Lifecycle(timer.after).add(step('bitcoin', 'anchor', hangs)).start();
    timer.fireAll();
    await expect(starting).rejects.toMatchObject({
      errors: [{ code: 'start_timeout', message: 'bitcoin did not start within 50 ms.' }],
    });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it('stops every step whatever becomes of the others, and collects all errors', async () => {
    const { journal, step } = recorder();
    const fails = (name: string) => ({ stop: () => Promise.reject(new Error(`${name} is stuck`)) });
    const lifecycle = new Lifecycle(new HandTimer().after)
      .add(step('store', 'store', fails('store')))
      .add(step('batcher', 'batcher'))
      .add(step('mqtt', 'transport', fails('mqtt')));
    await lifecycle.start();
    await expect(lifecycle.stop()).rejects.toMatchObject({
      errors: [{ step: 'mqtt' }, { step: 'store' }],
    });
    expect(journal.slice(-1)).toEqual(['-batcher']);
  });

  it('starts and stops once however often it is told', async () => {
    const { journal, step } = recorder();
    const lifecycle = new Lifecycle(new HandTimer().after).add(step('store', 'store'));
    await Promise.all([lifecycle.start(), lifecycle.start()]);
    await Promise.all([lifecycle.stop(), lifecycle.stop()]);
    expect(journal).toEqual(['+store', '-store']);
  });

  it('ends a start under way behind its current step when told to stop', async () => {
    const { journal, step } = recorder();
    let release = (): void => undefined;
    const slow = { start: () => new Promise<void>((resolve) => (release = resolve)) };
    const lifecycle = new Lifecycle(new HandTimer().after)
      .add(step('store', 'store', slow))
      .add(step('mqtt', 'transport'));
    const starting = lifecycle.start();
    const stopping = lifecycle.stop();
    release();
    await Promise.all([starting, stopping]);
    expect(journal).toEqual(['-store']);
  });

  it('leaves no timer behind', async () => {
    const timer = new HandTimer();
    const { step } = recorder();
    const lifecycle = new Lifecycle(timer.after).add(step('store', 'store'));
    await lifecycle.start();
    await lifecycle.stop();
    expect(timer.pending.size).toBe(0);
  });
});
