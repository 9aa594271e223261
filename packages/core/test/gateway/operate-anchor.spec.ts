import { describe, expect, it } from '@jest/globals';
import type { AnchoringEngine, DriveReport } from '../../src/anchoring/index.js';
import { operateAnchor } from '../../src/gateway/operate-anchor.js';

/** An engine of which only these answers are used, one after the other. */
function engineOf(...reports: readonly Partial<DriveReport>[]) {
  const left = [...reports];
  const asked: string[] = [];
  const answer = (what: string) => async () => {
    asked.push(what);
    return { driven: true, open: 0, progressed: 0, ...left.shift() };
  };
  const engine = { retry: answer('retry'), bump: answer('bump'), recheckFinals: answer('recheck') };
  return { engine: engine as unknown as AnchoringEngine, asked };
}

describe('what an operator asks of an anchor', () => {
  const { signal } = new AbortController();

  it('waits for a pass that is under way', async () => {
    const { engine, asked } = engineOf({ driven: false }, { open: 3, progressed: 1 });
    expect(await operateAnchor('bump', 'bitcoin', 0, engine, signal)).toMatchObject({
      open: 3,
      progressed: 1,
    });
    expect(asked).toEqual(['bump', 'bump']);
  });

  it('is not done when that pass takes too long, and says so', async () => {
    const { engine, asked } = engineOf();
    await expect(
      operateAnchor('retry', 'bitcoin', 0, engine, AbortSignal.abort()),
    ).rejects.toMatchObject({ code: 'anchor_busy', status: 503 });
    expect(asked).toEqual([]);
  });

  it('looks at every final checkpoint once, a hundred at a time', async () => {
    const { engine, asked } = engineOf({ open: 100 }, { open: 100, progressed: 1 }, { open: 100 });
    const report = await operateAnchor('recheck', 'bitcoin', 200, engine, signal);
    expect(report).toEqual({ open: 200, progressed: 1 });
    expect(asked).toHaveLength(2);
  });
});
