import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sineOf, sineOfSunElevation } from '../../src/detectors/sun-elevation.js';

const elevationDeg = (at: string, latitude: number, longitude: number): number =>
  (Math.asin(sineOfSunElevation(Date.parse(at), { latitude, longitude })) * 180) / Math.PI;

describe('The elevation of the sun', () => {
  it('is that of the example of the Solar Position Algorithm (NREL/TP-560-34302, appendix A.5)', () => {
    // Without refraction 39.872046°.
    expect(elevationDeg('2003-10-17T19:30:30Z', 39.742476, -105.1786)).toBeCloseTo(39.872, 1);
  });

  it.each([
    // Solstices and equinox at noon of the place, and the pole in the middle of its summer.
    ['2026-06-21T11:25:00Z', 47.7, 9.2, 90 - 47.7 + 23.44],
    ['2026-12-21T11:21:30Z', 47.7, 9.2, 90 - 47.7 - 23.44],
    ['2026-03-20T14:46:00Z', 0, -39.6, 90],
    ['2026-06-21T03:00:00Z', 90, 0, 23.44],
    ['2028-02-29T00:00:00Z', -90, 0, 7.9],
  ])('%s at %d°, %d° is %d°', (at, latitude, longitude, expected) => {
    expect(Math.abs(elevationDeg(at, latitude, longitude) - expected)).toBeLessThan(0.15);
  });

  it('rests on a sine that is right to ten places', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e7, max: 1e7, noNaN: true }), (degrees) => {
        const reduced = ((degrees % 360) * Math.PI) / 180;
        expect(Math.abs(sineOf(degrees) - Math.sin(reduced))).toBeLessThan(1e-10);
      }),
    );
    // Bit for bit: what a third party has to come to as well.
    expect([sineOf(6), sineOf(47.7), sineOf(-123.456)]).toEqual([
      0.10452846326765348, 0.7396310949786097, -0.8343094333148063,
    ]);
  });
});
