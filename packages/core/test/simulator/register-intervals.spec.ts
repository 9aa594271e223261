import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { kwhFromWh, registerIntervals, whFromKwh } from '../../src/simulator/index.js';

const HOUR_MS = 3_600_000;

/** A register that only rises, with hours that may be missing. */
const registers = fc
  .array(
    fc.record({
      hours: fc.integer({ min: 1, max: 60 }),
      riseWh: fc.bigInt({ min: 0n, max: 50_000n }),
      estimated: fc.boolean(),
    }),
    { minLength: 2, maxLength: 60 },
  )
  .map((steps) => {
    let atMs = 0;
    let registerWh = 0n;
    return steps.map(({ hours, riseWh, estimated }) => {
      atMs += hours * HOUR_MS;
      registerWh += riseWh;
      return { atMs, registerWh, estimated };
    });
  });

describe('register intervals', () => {
  it('add up to the difference of the register and leave no time out', () => {
    fc.assert(
      fc.property(registers, (values) => {
        const intervals = registerIntervals(values, HOUR_MS);
        const [first, last] = [values[0]!, values.at(-1)!];
        expect(intervals.reduce((sum, { energyWh }) => sum + energyWh, 0n)).toBe(
          last.registerWh - first.registerWh,
        );
        expect(intervals[0]!.startsMs).toBe(first.atMs);
        expect(intervals.at(-1)!.endsMs).toBe(last.atMs);
        for (let i = 1; i < intervals.length; i += 1) {
          expect(intervals[i]!.startsMs).toBe(intervals[i - 1]!.endsMs);
        }
      }),
    );
  });

  it('make one longer interval of a gap and count what is missing', () => {
    const values = [0, 1, 4].map((hour) => ({
      atMs: hour * HOUR_MS,
      registerWh: BigInt(hour * 100),
      estimated: false,
    }));
    expect(registerIntervals(values, HOUR_MS)).toEqual([
      { startsMs: 0, endsMs: HOUR_MS, energyWh: 100n, estimated: false, missingValues: 0 },
      {
        startsMs: HOUR_MS,
        endsMs: 4 * HOUR_MS,
        energyWh: 300n,
        estimated: false,
        missingValues: 2,
      },
    ]);
  });

  it('are estimated when either end was', () => {
    const values = [false, true, false, false].map((estimated, hour) => ({
      atMs: hour * HOUR_MS,
      registerWh: BigInt(hour),
      estimated,
    }));
    const intervals = registerIntervals(values, HOUR_MS);
    expect(intervals.map(({ estimated }) => estimated)).toEqual([true, true, false]);
  });

  it('are refused for a register that falls', () => {
    const values = [
      { atMs: 0, registerWh: 500n, estimated: false },
      { atMs: HOUR_MS, registerWh: 499n, estimated: false },
    ];
    expect(() => registerIntervals(values, HOUR_MS)).toThrow(/falls from 500 Wh to 499 Wh/);
  });

  it('read and write kilowatt-hours without losing a watt-hour', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 15n }), (energyWh) => {
        expect(whFromKwh(kwhFromWh(energyWh))).toBe(energyWh);
      }),
    );
    expect(kwhFromWh(7n)).toBe('0.007');
    expect(whFromKwh('1016.867')).toBe(1_016_867n);
    for (const literal of ['1.0005', '-1', '', '1,5', '1e3']) {
      expect(() => whFromKwh(literal)).toThrow(RangeError);
    }
  });
});
