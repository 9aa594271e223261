import type { SeededRandom } from './seeded-random.js';

/** What one simulated household owns. Powers in watts, energies in watt-hours. */
export interface Household {
  readonly baseLoadW: number;
  readonly morningPeakW: number;
  readonly eveningPeakW: number;
  readonly weekendFactor: number;
  readonly heatPumpW: number;
  readonly pvPeakW: number;
  readonly batteryWh: number;
  readonly batteryMaxW: number;
  readonly latitudeDeg: number;
}

export function drawHousehold(random: SeededRandom, index: number): Household {
  const hasPv = index % 2 === 0;
  const hasBattery = index % 4 === 0;
  return {
    baseLoadW: random.between(90, 260),
    morningPeakW: random.between(300, 1100),
    eveningPeakW: random.between(500, 2200),
    weekendFactor: random.between(1.05, 1.3),
    heatPumpW: random.next() < 0.4 ? random.between(600, 2200) : 0,
    pvPeakW: hasPv ? random.between(3000, 9800) : 0,
    batteryWh: hasBattery ? random.between(5000, 12000) : 0,
    batteryMaxW: hasBattery ? random.between(2000, 5000) : 0,
    latitudeDeg: random.between(41, 54),
  };
}

/** Every simulated house lies on this meridian, where the sun is highest at 11:24 UTC. */
export const LONGITUDE_DEG = 9;

const DAY_MS = 86_400_000;

/** Average household demand over an interval, in watts: base, two Gaussian peaks, heating, and noise. */
export function demandW(
  household: Household,
  startsMs: number,
  endsMs: number,
  random: SeededRandom,
): number {
  const middle = (startsMs + endsMs) / 2;
  const hour = (((middle % DAY_MS) + DAY_MS) % DAY_MS) / 3_600_000;
  const weekday = new Date(middle).getUTCDay();
  const weekend = weekday === 0 || weekday === 6;
  const peak = (at: number, width: number): number => Math.exp(-(((hour - at) / width) ** 2) / 2);
  const peaks =
    household.morningPeakW * peak(weekend ? 9 : 7, 1.1) + household.eveningPeakW * peak(19.5, 1.9);
  const coldness = 0.5 + 0.5 * Math.cos(((dayOfYear(middle) - 20) / 365) * 2 * Math.PI);
  const heating = household.heatPumpW * coldness * (0.35 + 0.25 * peak(6, 2) + 0.25 * peak(20, 3));
  const factor = weekend ? household.weekendFactor : 1;
  // A kettle or an oven now and then: what makes a measured curve ragged.
  const appliance = random.next() < 0.06 ? random.between(800, 2400) : 0;
  return (household.baseLoadW + peaks * factor) * random.between(0.8, 1.25) + heating + appliance;
}

/**
 * Average PV output over an interval, in watts: clear-sky cosine of the sun's zenith angle (declination
 * after Cooper 1969) times a cloud factor per day and per interval. Exactly zero while the sun is down.
 */
export function generationW(
  household: Household,
  startsMs: number,
  endsMs: number,
  random: SeededRandom,
): number {
  const noise = random.between(0.85, 1);
  if (household.pvPeakW === 0) return 0;
  const middle = (startsMs + endsMs) / 2;
  const day = dayOfYear(middle);
  const declination = rad(23.45) * Math.sin((2 * Math.PI * (284 + day)) / 365);
  const hour = (((middle % DAY_MS) + DAY_MS) % DAY_MS) / 3_600_000;
  const hourAngle = rad(15 * (hour - 12) + LONGITUDE_DEG);
  const latitude = rad(household.latitudeDeg);
  const elevation =
    Math.sin(latitude) * Math.sin(declination) +
    Math.cos(latitude) * Math.cos(declination) * Math.cos(hourAngle);
  if (elevation <= 0) return 0;
  const clouds = 0.35 + 0.65 * Math.abs(Math.sin(Math.floor(middle / DAY_MS) * 12.9898));
  return household.pvPeakW * elevation * clouds * noise;
}

function dayOfYear(ms: number): number {
  const year = new Date(ms).getUTCFullYear();
  return Math.floor((ms - Date.UTC(year, 0, 1)) / DAY_MS) + 1;
}

function rad(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
