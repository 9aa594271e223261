import assert from 'node:assert/strict';
import { FakeClock } from '../../src/testing/fake-clock.js';

describe('the fake clock', () => {
  it('stands still until it is advanced', async () => {
    const clock = new FakeClock(1_000);
    assert.equal(clock.nowMs(), 1_000);
    await clock.advance(250);
    assert.equal(clock.nowMs(), 1_250);
  });

  it('wakes what is due in order, each at its own instant', async () => {
    const clock = new FakeClock(0);
    const woken: string[] = [];
    const wait = async (name: string, ms: number): Promise<void> => {
      await clock.wait(ms);
      woken.push(`${name} at ${clock.nowMs()}`);
    };
    const waits = [wait('late', 30), wait('early', 10), wait('never', 100), wait('second', 10)];
    await clock.advance(50);
    assert.deepEqual(woken, ['early at 10', 'second at 10', 'late at 30']);
    assert.equal(clock.pending, 1);
    await clock.advance(50);
    await Promise.all(waits);
  });

  it('wakes a loop as often as it waits within one advance', async () => {
    const clock = new FakeClock(0);
    const turns: number[] = [];
    const loop = (async () => {
      while (turns.length < 5) {
        await clock.wait(10);
        turns.push(clock.nowMs());
      }
    })();
    await clock.advance(50);
    await loop;
    assert.deepEqual(turns, [10, 20, 30, 40, 50]);
  });

  it('ends a wait with the reason of its signal', async () => {
    const clock = new FakeClock(0);
    const controller = new AbortController();
    const waiting = clock.wait(10, controller.signal);
    controller.abort(new Error('stopped'));
    await assert.rejects(waiting, /stopped/);
    assert.equal(clock.pending, 0);
    await assert.rejects(clock.wait(10, controller.signal), /stopped/);
  });
});
