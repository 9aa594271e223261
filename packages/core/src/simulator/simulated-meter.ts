import { type Household, demandW, generationW, LONGITUDE_DEG } from './load-curve.js';
import type { SeededRandom } from './seeded-random.js';

/** One interval of one simulated meter, in whole watt-hours. */
export interface SimulatedInterval {
  readonly startsMs: number;
  readonly endsMs: number;
  readonly importWh: number;
  readonly exportWh: number;
  readonly generationWh: number;
  readonly batteryLevelPct?: string;
}

/** A household behind one meter: load, PV and battery netted at the grid connection. */
export class SimulatedMeter {
  #batteryWh: number;
  readonly #import = new Register();
  readonly #export = new Register();
  readonly #generation = new Register();

  constructor(
    readonly meterId: string,
    readonly siteId: string,
    readonly deviceId: string,
    private readonly household: Household,
    private readonly random: SeededRandom,
  ) {
    this.#batteryWh = household.batteryWh / 2;
  }

  get pvPeakW(): number {
    return this.household.pvPeakW;
  }

  get latitudeDeg(): number {
    return this.household.latitudeDeg;
  }

  get location(): { readonly latitude: number; readonly longitude: number } {
    return { latitude: this.household.latitudeDeg, longitude: LONGITUDE_DEG };
  }

  get ratingW(): number {
    return Math.ceil(Math.max(17_250, this.household.pvPeakW * 1.1));
  }

  /** Advances by one interval. Intervals are asked for in time order. */
  interval(startsMs: number, endsMs: number): SimulatedInterval {
    const hours = (endsMs - startsMs) / 3_600_000;
    const demandWh = demandW(this.household, startsMs, endsMs, this.random) * hours;
    const generationWh = generationW(this.household, startsMs, endsMs, this.random) * hours;
    const surplusWh = generationWh - demandWh;
    const maxWh = this.household.batteryMaxW * hours;
    const intoBatteryWh = Math.max(
      -Math.min(maxWh, this.#batteryWh),
      Math.min(surplusWh, maxWh, this.household.batteryWh - this.#batteryWh),
    );
    this.#batteryWh += intoBatteryWh;
    const netWh = surplusWh - intoBatteryWh;
    return {
      startsMs,
      endsMs,
      importWh: this.#import.advance(Math.max(0, -netWh)),
      exportWh: this.#export.advance(Math.max(0, netWh)),
      generationWh: this.#generation.advance(generationWh),
      ...(this.household.batteryWh > 0
        ? { batteryLevelPct: ((100 * this.#batteryWh) / this.household.batteryWh).toFixed(1) }
        : {}),
    };
  }
}

/** Shows whole watt-hours and carries the rest into the next interval, so that short intervals lose nothing. */
class Register {
  #carriedWh = 0;

  /** Whole watt-hours by which the display moves on. */
  advance(energyWh: number): number {
    const total = this.#carriedWh + energyWh;
    const shown = Math.floor(total);
    this.#carriedWh = total - shown;
    return shown;
  }
}
