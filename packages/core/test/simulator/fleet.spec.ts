import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  createFleet,
  drawHousehold,
  generationW,
  readingDocument,
  SeededRandom,
} from '../../src/simulator/index.js';

const HOUR_MS = 3_600_000;
const SUMMER_MS = Date.parse('2025-06-21T00:00:00Z');
const WINTER_MS = Date.parse('2025-12-21T00:00:00Z');
const seeds = fc.integer({ min: 0, max: 0xffff_ffff });

/** What every meter of a fleet says over some hours, as documents. */
function told(seed: number, size: number, startsMs: number, hours: number): object[] {
  return createFleet({ seed, size }).flatMap(({ meter, device }) =>
    Array.from({ length: hours }, (_unused, hour) => {
      const at = startsMs + hour * HOUR_MS;
      const interval = meter.interval(at, at + HOUR_MS);
      return { key: device.publicKey, ...readingDocument(meter, interval, hour) };
    }),
  );
}

describe('a simulated fleet', () => {
  it('says the same for the same seed, keys included', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 5 }), (seed, size) => {
        expect(told(seed, size, SUMMER_MS, 6)).toEqual(told(seed, size, SUMMER_MS, 6));
      }),
      { numRuns: 25 },
    );
  });

  it('says something else for another seed', () => {
    expect(told(1, 2, SUMMER_MS, 6)).not.toEqual(told(2, 2, SUMMER_MS, 6));
  });

  it('has the same first meters when it is larger', () => {
    expect(told(3, 8, SUMMER_MS, 3).slice(0, 6)).toEqual(told(3, 2, SUMMER_MS, 3));
  });

  it('generates nothing in the dark and something on every summer day', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 364 }), (seed, day) => {
        const random = new SeededRandom(seed);
        const household = drawHousehold(random, 0);
        const midnight = WINTER_MS + day * 24 * HOUR_MS;
        // Between 41 and 54 degrees north no sun is up from half past nine in the evening UTC to half past two.
        for (const hour of [-1.5, -0.5, 0.5, 1.5]) {
          const at = midnight + hour * HOUR_MS;
          expect(generationW(household, at, at + HOUR_MS, random)).toBe(0);
        }
        const noon = midnight + 11 * HOUR_MS;
        const produced = generationW(household, noon, noon + HOUR_MS, random);
        expect(produced).toBeGreaterThan(0);
        expect(produced).toBeLessThanOrEqual(household.pvPeakW);
      }),
      { numRuns: 100 },
    );
  });

  it('uses and makes what households do in a year', () => {
    const days = 365;
    for (const { meter } of createFleet({ seed: 11, size: 4 })) {
      let imported = 0;
      let exported = 0;
      let generated = 0;
      // Counted, not asserted one by one: 35,000 expectations take seconds.
      let impossible = 0;
      for (let hour = 0; hour < days * 24; hour += 1) {
        const at = WINTER_MS + hour * HOUR_MS;
        const interval = meter.interval(at, at + HOUR_MS);
        const bothWays = Math.min(interval.importWh, interval.exportWh) !== 0;
        if (bothWays || !(interval.importWh < meter.ratingW)) impossible += 1;
        imported += interval.importWh;
        exported += interval.exportWh;
        generated += interval.generationWh;
      }
      expect(impossible).toBe(0);
      expect(imported).toBeGreaterThan(500_000);
      expect(imported).toBeLessThan(20_000_000);
      expect(exported).toBeLessThanOrEqual(generated);
      expect(generated).toBeLessThan(15_000_000);
    }
  });

  it('loses no energy to rounding, however short the intervals are', () => {
    const sum = (stepMs: number): number => {
      const [{ meter }] = createFleet({ seed: 5, size: 2 }).slice(1) as [
        ReturnType<typeof createFleet>[number],
      ];
      let total = 0;
      for (let at = SUMMER_MS; at < SUMMER_MS + 24 * HOUR_MS; at += stepMs) {
        total += meter.interval(at, at + stepMs).importWh;
      }
      return total;
    };
    const hourly = sum(HOUR_MS);
    // Seconds of a few hundred watts are fractions of a watt-hour: rounded one by one they would be nothing.
    expect(sum(5000) / hourly).toBeGreaterThan(0.6);
    expect(sum(5000) / hourly).toBeLessThan(1.4);
  });
});
