import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { levelOf, RegisterHistory } from '../../src/detectors/register-history.js';

const QUARTER_MS = 900_000;
const point = (quarter: number, energyUWh = BigInt(quarter)) => ({
  startsMs: quarter * QUARTER_MS,
  endsMs: (quarter + 1) * QUARTER_MS,
  energyUWh,
});

describe('The history of a register', () => {
  it('is what a sorted list without repetitions would be, in whatever order it came', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 400 }),
        fc.integer({ min: 0, max: 310 }),
        fc.integer({ min: 0, max: 310 }),
        (quarters, from, until) => {
          const history = new RegisterHistory(1000);
          for (const quarter of quarters) history.add(point(quarter));
          const expected = [...new Set(quarters)]
            .sort((a, b) => a - b)
            .filter((quarter) => quarter >= from && quarter < until)
            .map((quarter) => point(quarter));
          const { length, startsMs, endsMs, energyUWh, level } = history.before(
            until * QUARTER_MS,
            from * QUARTER_MS,
          );
          const found = Array.from({ length }, (_unused, i) => ({
            startsMs: startsMs[i],
            endsMs: endsMs[i],
            energyUWh: energyUWh[i],
          }));
          expect(found).toEqual(expected);
          expect([...(level as Float64Array)]).toEqual(expected.map(levelOf));
        },
      ),
    );
  });

  it('keeps the newest when it is full, and never what ends after a reading begins', () => {
    const history = new RegisterHistory(16);
    for (let quarter = 0; quarter < 200; quarter += 1) history.add(point(quarter));
    expect(history.length).toBe(16);
    expect(history.before(200 * QUARTER_MS, 0).startsMs[0]).toBe(184 * QUARTER_MS);
    expect(history.before(190.5 * QUARTER_MS, 0).length).toBe(6);
  });

  it('has the mean power of an interval and the energy of a point as its level', () => {
    const hour = { startsMs: 0, endsMs: 3_600_000 };
    expect(levelOf({ ...hour, energyUWh: 1_000_000_000n })).toBe(1_000_000);
    expect(levelOf({ ...hour, energyUWh: 999_999n })).toBe(999);
    expect(levelOf({ startsMs: 5, endsMs: 5, energyUWh: 42n })).toBe(42);
  });
});
