import { drawHousehold, type Household } from './load-curve.js';
import { kwhFromWh } from './register-intervals.js';
import { SeededRandom } from './seeded-random.js';
import { SimulatedDevice } from './simulated-device.js';
import { type SimulatedInterval, SimulatedMeter } from './simulated-meter.js';

export interface FleetMember {
  readonly meter: SimulatedMeter;
  readonly device: SimulatedDevice;
}

/** The same seed and size give the same meters, keys and curves on every machine. */
export function createFleet(options: {
  readonly seed: number;
  readonly size: number;
  readonly prefix?: string;
  /** Latitudes of the towns the houses stand in, in turn; absent: everybody somewhere else. */
  readonly towns?: readonly number[];
}): FleetMember[] {
  const root = new SeededRandom(options.seed);
  const { towns = [], prefix = 'sim' } = options;
  const inTown = (household: Household, index: number): Household => {
    // Pairs, because every other house has panels.
    const latitudeDeg = towns[Math.floor(index / 2) % towns.length];
    return latitudeDeg === undefined ? household : { ...household, latitudeDeg };
  };
  return Array.from({ length: options.size }, (_unused, index) => {
    const name = `${prefix}-${String(index + 1).padStart(4, '0')}`;
    const random = root.fork(name);
    return {
      meter: new SimulatedMeter(
        name,
        `${prefix}-site-${index + 1}`,
        `${name}-gw`,
        inTown(drawHousehold(random, index), index),
        random,
      ),
      device: new SimulatedDevice(`${options.seed}/${name}`),
    };
  });
}

/** A `reading/1` document of one simulated interval. */
export function readingDocument(
  meter: Pick<SimulatedMeter, 'siteId' | 'deviceId' | 'meterId'>,
  interval: SimulatedInterval,
  sequence: number,
): object {
  return {
    v: 'reading/1',
    site: meter.siteId,
    device: meter.deviceId,
    meter: meter.meterId,
    start: new Date(interval.startsMs).toISOString(),
    end: new Date(interval.endsMs).toISOString(),
    seq: sequence,
    import_kwh: kwhFromWh(BigInt(interval.importWh)),
    export_kwh: kwhFromWh(BigInt(interval.exportWh)),
    generation_kwh: kwhFromWh(BigInt(interval.generationWh)),
    ...(interval.batteryLevelPct === undefined
      ? {}
      : { battery_level_pct: interval.batteryLevelPct }),
  };
}
