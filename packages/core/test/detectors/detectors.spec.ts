import { describe, expect, it } from '@jest/globals';
import type { ActiveDetector } from '../../src/detectors/active-detector.js';
import { BUILT_IN_DETECTORS } from '../../src/detectors/built-in-detectors.js';
import { openDetector } from '../../src/detectors/open-detectors.js';
import type { DetectorInputs } from '../../src/spi/index.js';
import { HOUR_MS, hourly, MONDAY_MS } from './inputs.js';

const WEEK = 7 * 24;
const open = (id: string, settings: object = {}): Promise<ActiveDetector> =>
  openDetector(id, BUILT_IN_DETECTORS[id]!, settings);
/** What it says, and whether it says the same again from what it kept. */
async function said(id: string, inputs: DetectorInputs, settings: object = {}) {
  const { detector } = await open(id, settings);
  const finding = detector.inspect(inputs);
  if (finding !== undefined)
    expect(detector.recompute(JSON.parse(JSON.stringify(finding.inputs)))).toEqual(finding);
  return finding?.code;
}
/** Ragged, and the same every day. */
const day = (hour: number): number => 200 + 37 * (hour % 24) + ((hour * 13) % 7);
const steady = { hours: 5 * WEEK, wattHours: day };
const honest = day(5 * WEEK);

describe('Two standard deviations', () => {
  it('are exceeded by what is, to the milliwatt', async () => {
    // Mean 200 W, standard deviation 100 W.
    const inputs = (reading: number) =>
      hourly({ hours: 96, wattHours: (hour) => (hour % 2 === 0 ? 100 : 300), reading });
    expect(await said('two-sigma', inputs(400))).toBeUndefined();
    expect(await said('two-sigma', inputs(401))).toBe('two_sigma');
    expect(await said('two-sigma', inputs(0))).toBeUndefined();
    expect(await said('two-sigma', inputs(460), { sigmas: 2.5 })).toBe('two_sigma');
  });

  it('say nothing of a short history, of intervals of another length, or of estimates', async () => {
    const wattHours = (): number => 100;
    expect(
      await said('two-sigma', hourly({ hours: 95, wattHours, reading: 9000 })),
    ).toBeUndefined();
    expect(await said('two-sigma', hourly({ hours: 96, wattHours, reading: 9000 }))).toBe(
      'two_sigma',
    );
    const endsMs = MONDAY_MS + 103 * HOUR_MS;
    expect(
      await said('two-sigma', hourly({ hours: 96, wattHours, reading: 9000, endsMs })),
    ).toBeUndefined();
    expect(
      await said('two-sigma', hourly({ hours: 96, wattHours, reading: 9000, estimated: true })),
    ).toBeUndefined();
  });

  it('are no less than two steps of the display, also where nothing ever varied', async () => {
    const flat = (reading: number) => hourly({ hours: 96, wattHours: () => 100, reading });
    expect(await said('two-sigma', flat(104))).toBeUndefined();
    expect(await said('two-sigma', flat(105))).toBe('two_sigma');
    const plant = hourly({ hours: 96, wattHours: () => 1_000_000_000, reading: 2_000_000_000 });
    expect(await said('two-sigma', plant)).toBe('two_sigma');
  });
});

describe('The modified z-score', () => {
  it('compares with the same time of the week, and wants four weeks', async () => {
    expect(await said('robust-z', hourly({ ...steady, reading: honest + 30 }))).toBeUndefined();
    expect(await said('robust-z', hourly({ ...steady, reading: honest + 300 }))).toBe('robust_z');
    expect(await said('robust-z', hourly({ ...steady, reading: 0 }))).toBe('robust_z');
    const short = { hours: 4 * WEEK - 2, wattHours: day, reading: 9000 };
    expect(await said('robust-z', hourly(short))).toBeUndefined();
  });

  it('wants a reading at this time in each of them, and looks at all there are', async () => {
    const inputs = hourly({ ...steady, reading: 9000 });
    const { detector } = await open('robust-z');
    const finding = detector.inspect(inputs);
    expect(finding?.inputs['values']).toEqual(
      [4, 3, 2, 1].flatMap((weeks) =>
        [-1, 0, 1].map((hour) => day((5 - weeks) * WEEK + hour) * 1000),
      ),
    );
    // A week that begins at another hour and lasts to another: nothing was measured at this time two weeks ago.
    const { history } = inputs;
    const moved = Float64Array.from(history.startsMs, (ms, i) =>
      Math.abs(i - 3 * WEEK) <= 1 ? ms + HOUR_MS / 2 : ms,
    );
    expect(
      detector.inspect({ ...inputs, history: { ...history, startsMs: moved } }),
    ).toBeUndefined();
  });

  it('lets habits move by the hour of a summer time', async () => {
    // From the third week on everything happens an hour earlier, as UTC sees it.
    const wattHours = (hour: number) => day(hour >= 3 * WEEK ? hour + 1 : hour);
    const reading = wattHours(5 * WEEK);
    expect(await said('robust-z', hourly({ hours: 5 * WEEK, wattHours, reading }))).toBeUndefined();
  });
});

describe('The moving average', () => {
  it('says once when a level changes and stays', async () => {
    const wattHours = (hour: number) => day(hour) + (hour >= 5 * WEEK - 5 ? 60 : 0);
    const codes: (string | undefined)[] = [];
    for (let hours = 5 * WEEK - 6; hours < 5 * WEEK; hours += 1)
      codes.push(await said('ewma', hourly({ hours, wattHours, reading: wattHours(hours) })));
    expect(codes.filter((code) => code === 'ewma')).toHaveLength(1);
    expect(codes[0]).toBeUndefined();
  });
});

describe('The cumulative sum', () => {
  const drifting = (share: number) => (hour: number) =>
    Math.round(day(hour) * (hour >= 21 * 24 ? 1 + share : 1));
  it('finds a drift within days, on the first reading of one, and says it once', async () => {
    const found: number[] = [];
    for (let days = 22; days < 30; days += 1)
      for (const hour of [0, 1]) {
        const hours = days * 24 + hour;
        const inputs = hourly({ hours, wattHours: drifting(-0.15), reading: 100 });
        if ((await said('cusum', inputs)) === 'cusum') found.push(hours);
      }
    expect(found).toEqual([24 * 24]);
  });

  it('lets pass what stays as it was, and days that are not there', async () => {
    expect(
      await said('cusum', hourly({ hours: 28 * 24, wattHours: day, reading: 1 })),
    ).toBeUndefined();
    expect(
      await said('cusum', hourly({ hours: 28 * 24, wattHours: () => 0, reading: 0 })),
    ).toBeUndefined();
    const gap = hourly({ hours: 28 * 24, wattHours: drifting(-0.5), reading: 1 });
    const { history } = gap;
    // Yesterday is not known: nothing new can be said.
    const length = history.length - 24;
    expect(await said('cusum', { ...gap, history: { ...history, length } })).toBeUndefined();
  });
});

describe('A value that is stuck', () => {
  it('is the same twelve times, and not nothing', async () => {
    const stuck = (wattHours: number, hours = 11) =>
      hourly({ hours, wattHours: () => wattHours, reading: wattHours });
    expect(await said('stuck-value', stuck(7))).toBe('stuck_value');
    expect(await said('stuck-value', stuck(7, 10))).toBeUndefined();
    // Every night of every plant.
    expect(await said('stuck-value', stuck(0, 200))).toBeUndefined();
    const other = hourly({ hours: 11, wattHours: () => 7, reading: 8 });
    expect(await said('stuck-value', other)).toBeUndefined();
  });
});

describe('Night', () => {
  const KONSTANZ = { latitude: 47.7, longitude: 9.2 };
  const at = (iso: string, more: object = {}) =>
    hourly({
      hours: 0,
      wattHours: () => 0,
      reading: 500,
      fromMs: Date.parse(iso),
      meter: { location: KONSTANZ },
      ...more,
    });

  it('is held against a plant that generates in it, by the minute', async () => {
    const { detector } = await open('night-solar');
    expect(detector.inspect(at('2026-01-15T00:00:00Z'))).toMatchObject({
      code: 'night_generation',
      action: 'quarantine',
    });
    // Civil twilight ends at 16:35 UTC: dark for an hour only from 17:35 on.
    expect(await said('night-solar', at('2026-01-15T17:20:00Z'))).toBeUndefined();
    expect(await said('night-solar', at('2026-01-15T17:50:00Z'))).toBe('night_generation');
    expect(await said('night-solar', at('2026-01-15T12:00:00Z'))).toBeUndefined();
  });

  it.each([
    '2028-02-29T01:00:00Z',
    '2026-03-29T00:30:00Z',
    '2026-10-25T00:30:00Z',
    '2026-12-31T23:30:00Z',
  ])('is night at %s, whatever calendars and clocks do', async (iso) => {
    expect(await said('night-solar', at(iso))).toBe('night_generation');
  });

  it('is none where there is no place, no plant, or the sun never sets', async () => {
    const night = '2026-06-21T00:00:00Z';
    expect(await said('night-solar', at(night))).toBe('night_generation');
    expect(await said('night-solar', at(night, { meter: {} }))).toBeUndefined();
    expect(await said('night-solar', at(night, { register: 'import' }))).toBeUndefined();
    const tromso = { meter: { location: { latitude: 69.6, longitude: 18.9 } } };
    expect(await said('night-solar', at(night, tromso))).toBeUndefined();
    // And its winter, in which noon is twilight.
    expect(await said('night-solar', at('2026-12-21T11:00:00Z', tromso))).toBeUndefined();
    expect(await said('night-solar', at('2026-12-21T23:00:00Z', tromso))).toBe('night_generation');
  });

  it('is not what a jump over a day and a gap of weeks consist of', async () => {
    const from = '2026-01-15T22:00:00Z';
    for (const hours of [11, 24, 26, 24 * 14]) {
      const endsMs = Date.parse(from) + hours * HOUR_MS;
      expect(await said('night-solar', at(from, { endsMs }))).toBeUndefined();
    }
    const { detector } = await open('night-solar');
    expect(detector.inspect(at(from, { estimated: true }))?.action).toBe('flag');
  });

  it('ends within a reading that ends in the light', async () => {
    // Civil twilight begins at 06:32:16 UTC.
    const from = '2026-01-15T06:25:00Z';
    const until = (minute: string) => ({ endsMs: Date.parse(`2026-01-15T06:${minute}:00Z`) });
    expect(await said('night-solar', at(from, until('32')), { clockMs: 0 })).toBe(
      'night_generation',
    );
    expect(await said('night-solar', at(from, until('35')), { clockMs: 0 })).toBeUndefined();
  });

  it('leaves out what is named, and what an inverter says of its own', async () => {
    const iso = '2026-01-15T00:00:00Z';
    expect(await said('night-solar', at(iso, { reading: 10 }))).toBeUndefined();
    expect(await said('night-solar', at(iso, { reading: 11 }))).toBe('night_generation');
    expect(await said('night-solar', at(iso), { exceptMeters: ['m'] })).toBeUndefined();
    expect(await said('night-solar', at(iso), { registers: ['pv'] })).toBeUndefined();
  });
});

describe('Neighbours', () => {
  const sunny =
    (size: number, share = 1) =>
    (hour: number) =>
      Math.round(
        size *
          (hour >= 20 * 24 ? share : 1) *
          Math.max(0, Math.sin(((hour % 24) - 6) / 4)) *
          (1 + ((hour / 24) % 3) / 5),
      );
  const all = [5000, 3000, 8000, 4000, 6000].map((size) => sunny(size));
  const morning = { hours: 21 * 24 + 2, reading: 0, neighbours: all };

  it('are as different as before when the weather is the cause', async () => {
    expect(
      await said('neighbours', hourly({ ...morning, wattHours: sunny(9000) })),
    ).toBeUndefined();
    const dark = all.map((_, i) => sunny(1000 * (i + 2), 0.1));
    const inputs = hourly({ ...morning, wattHours: sunny(9000, 0.1), neighbours: dark });
    expect(await said('neighbours', inputs)).toBeUndefined();
  });

  it('show who says a tenth more from one day to the next, once a day', async () => {
    expect(await said('neighbours', hourly({ ...morning, wattHours: sunny(9000, 1.1) }))).toBe(
      'unlike_neighbours',
    );
    const later = { ...morning, hours: morning.hours + 1, wattHours: sunny(9000, 1.1) };
    expect(await said('neighbours', hourly(later))).toBeUndefined();
    const alone = { ...morning, wattHours: sunny(9000, 1.1), neighbours: all.slice(1) };
    expect(await said('neighbours', hourly(alone))).toBeUndefined();
  });

  it('are no twins, unless every number of a day is the same', async () => {
    expect(await said('twin', hourly({ ...morning, wattHours: sunny(5001) }))).toBeUndefined();
    expect(await said('twin', hourly({ ...morning, wattHours: sunny(5000) }))).toBe('twin_meter');
    const nights = { ...morning, wattHours: () => 0, neighbours: [() => 0] };
    expect(await said('twin', hourly(nights))).toBeUndefined();
  });
});

it('No detector says anything of a meter without a history, nor fails on what is no finding of its own', async () => {
  for (const [id, plugin] of Object.entries(BUILT_IN_DETECTORS)) {
    const { detector } = await openDetector(id, plugin, {});
    expect(detector.inspect(hourly({ hours: 0, wattHours: () => 0, reading: 5 }))).toBeUndefined();
    for (const inputs of [{}, { values: 'x' }, { days: [null] }, { own: [1], others: {} }])
      expect(detector.recompute(inputs as never)).toBeUndefined();
  }
});
