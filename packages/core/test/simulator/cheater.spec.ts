import { describe, expect, it } from '@jest/globals';
import {
  type Cheat,
  CHEATS,
  createFleet,
  type LabelledMember,
  SeededRandom,
  type SimulatedInterval,
  shareOf,
  withCheaters,
} from '../../src/simulator/index.js';

const HOUR_MS = 3_600_000;
const START_MS = Date.parse('2026-06-01T00:00:00Z');
const FROM_MS = START_MS + 48 * HOUR_MS;

const fleetOf = (share: number) =>
  withCheaters(createFleet({ seed: 3, size: 32, towns: [47.7] }), {
    share,
    fromMs: FROM_MS,
    random: new SeededRandom(3),
  });

/** Four days of everybody, hour by hour, by meter. */
function told(members: readonly LabelledMember[]): Map<string, SimulatedInterval[]> {
  const all = new Map<string, SimulatedInterval[]>(members.map(({ meter }) => [meter.meterId, []]));
  for (let atMs = START_MS; atMs < START_MS + 96 * HOUR_MS; atMs += HOUR_MS)
    for (const { meter, teller } of members)
      all.get(meter.meterId)!.push(teller.interval(atMs, atMs + HOUR_MS));
  return all;
}

describe('Simulated cheaters', () => {
  const members = fleetOf(0.25);
  const lies = told(members);
  const truths = told(fleetOf(0));
  const of = (cheat: Cheat) => {
    const { meterId, pvPeakW } = members.find((one) => one.cheat === cheat)!.meter;
    return { lie: lies.get(meterId)!, truth: truths.get(meterId)!, pvPeakW, meterId };
  };

  it('are as many as asked for, one of each way, and labelled', () => {
    expect(members.flatMap(({ cheat }) => cheat ?? []).sort()).toEqual([...CHEATS].sort());
    expect(members.filter(({ cloned }) => cloned)).toHaveLength(1);
    expect(fleetOf(0).every(({ cheat }) => cheat === undefined)).toBe(true);
    for (const { cheat, meter } of members)
      if (cheat !== undefined) expect(meter.pvPeakW).toBeGreaterThan(0);
  });

  it('tell the truth until they begin, and everybody else always', () => {
    for (const { meter, cheat } of members) {
      const [lie, truth] = [lies.get(meter.meterId)!, truths.get(meter.meterId)!];
      expect(lie.slice(0, 48)).toEqual(truth.slice(0, 48));
      expect(JSON.stringify(lie) === JSON.stringify(truth)).toBe(cheat === undefined);
    }
  });

  it('say more than they generated', () => {
    const noon = 48 + 11;
    const [tenth, twice, constant] = [of('scaled-1.1'), of('scaled-2'), of('constant-offset')];
    expect(tenth.lie[noon]!.generationWh).toBe(Math.round(tenth.truth[noon]!.generationWh * 1.1));
    expect(twice.lie[noon]!.generationWh).toBe(2 * twice.truth[noon]!.generationWh);
    expect(constant.lie[48]!.generationWh).toBe(Math.round(constant.pvPeakW * 0.05));
    const { lie, truth } = of('night-pv');
    expect(truth[48]!.generationWh).toBe(0);
    expect(lie[48]!.generationWh).toBeGreaterThan(100);
    expect(lie[noon]!.generationWh).toBe(truth[noon]!.generationWh);
  });

  it('say it of another time, or of another meter, or less than they took', () => {
    const replay = of('replay');
    expect(replay.lie[60]!.generationWh).toBe(replay.truth[36]!.generationWh);
    const shift = of('time-shift');
    expect(shift.lie[60]!.generationWh).toBe(shift.truth[54]!.generationWh);
    const victim = members.find(({ cloned }) => cloned)!.meter.meterId;
    expect(of('cloned').lie.slice(48)).toEqual(lies.get(victim)!.slice(48));
    const { lie } = of('clipped');
    expect(Math.max(...lie.slice(48).map(({ importWh }) => importWh))).toBeLessThanOrEqual(200);
  });

  it('keep what goes over the connection in balance', () => {
    for (const cheat of ['scaled-2', 'night-pv', 'time-shift', 'constant-offset'] as const) {
      const { lie, truth } = of(cheat);
      for (const [i, one] of lie.entries()) {
        const was = truth[i]!;
        expect(one.exportWh - one.importWh - one.generationWh).toBe(
          was.exportWh - was.importWh - was.generationWh,
        );
        expect(Math.min(one.exportWh, one.importWh)).toBe(0);
      }
    }
  });

  it('are a share that is written in per cent', () => {
    expect([shareOf('3%'), shareOf('0%'), shareOf('100%'), shareOf('2.5%')]).toEqual([
      0.03, 0, 1, 0.025,
    ]);
    for (const text of ['3', '101%', '-1%', 'all', '', '%'])
      expect(() => shareOf(text)).toThrow(/a share is written as 3%/);
  });
});
