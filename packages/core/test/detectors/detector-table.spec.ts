import { describe, expect, it } from '@jest/globals';
import { detectorTable } from '../../src/cli/detector-table.js';
import { runDetectors } from '../../src/cli/detectors.js';
import { defaultDetectors } from '../../src/detectors/open-detectors.js';

describe('The table of what detectors find in a labelled fleet', () => {
  it('is the same for the same seed, to the reading', async () => {
    const table = await detectorTable({
      meters: 32,
      towns: 1,
      days: 35,
      fromDay: 31,
      share: 0.25,
      seed: 7,
      intervalMs: 3_600_000,
      detectors: await defaultDetectors(),
    });
    const rows = [...table].map(([id, cells]) => {
      const flagged = [...cells].map(([kind, cell]) => `${kind} ${cell.readingsFound}`);
      return `${id}: ${flagged.join(', ')}`;
    });
    // As found: a new version of a detector, or of the fleet, finds something else.
    expect(rows).toEqual([
      'night-solar: honest 0, scaled-1.1 0, scaled-2 0, replay 0, time-shift 16, night-pv 28, cloned 0, constant-offset 28, clipped 0',
      'stuck-value: honest 0, scaled-1.1 0, scaled-2 0, replay 0, time-shift 0, night-pv 0, cloned 0, constant-offset 0, clipped 0',
      'robust-z: honest 184, scaled-1.1 17, scaled-2 44, replay 19, time-shift 44, night-pv 27, cloned 80, constant-offset 45, clipped 13',
      'ewma: honest 38, scaled-1.1 6, scaled-2 5, replay 4, time-shift 4, night-pv 1, cloned 5, constant-offset 2, clipped 1',
      'cusum: honest 6, scaled-1.1 2, scaled-2 1, replay 0, time-shift 0, night-pv 0, cloned 1, constant-offset 0, clipped 0',
      'neighbours: honest 0, scaled-1.1 0, scaled-2 3, replay 3, time-shift 0, night-pv 0, cloned 3, constant-offset 0, clipped 0',
      'twin: honest 0, scaled-1.1 0, scaled-2 0, replay 0, time-shift 0, night-pv 0, cloned 3, constant-offset 0, clipped 0',
      'two-sigma: honest 203, scaled-1.1 26, scaled-2 37, replay 10, time-shift 37, night-pv 11, cloned 43, constant-offset 18, clipped 16',
    ]);
    const honest = table.get('night-solar')?.get('honest');
    expect(honest).toMatchObject({ readingsFound: 0, readingsHeld: 0 });
    for (const cheat of ['time-shift', 'night-pv', 'constant-offset'] as const)
      expect(table.get('night-solar')?.get(cheat)).toMatchObject({ meters: 1, metersFound: 1 });
  });

  it('is printed by a command', async () => {
    const lines: string[] = [];
    const say = (line: string): void => void lines.push(line);
    const few = '--meters 8 --days 3 --from 1 --cheaters 50%'.split(' ');
    expect(await runDetectors(few, say, say)).toBe(0);
    expect(lines[0]).toMatch(/^meters found +honest +scaled-1\.1 +scaled-2 +replay +time-shift$/);
    expect(lines.join('\n')).toMatch(/night-solar +0\/4 +0\/1 +0\/1 +0\/1 +1\/1/);
    expect(lines.at(-1)).toBe('honest readings held: 0 in 0 meter-months');
    expect(await runDetectors([...few, '--json'], say, say)).toBe(0);
    expect(JSON.parse(lines.at(-1) as string)['night-solar'].honest.meters).toBe(4);
  });

  it.each([
    ['--meters 0'],
    ['--meters two'],
    ['--cheaters 101%'],
    ['--cheaters 0.2'],
    ['--cheaters -1%'],
    ['--from 60 --days 60'],
    ['--interval 7'],
    ['--speed 2'],
    ['--seed'],
  ])('refuses %s', async (args) => {
    const lines: string[] = [];
    expect(
      await runDetectors(
        args.split(' '),
        () => {},
        (line) => void lines.push(line),
      ),
    ).toBe(2);
    expect(lines.join('\n')).toContain('usage: wattproof detectors');
  });
});
