/** J2000.0: 2000-01-01T12:00Z, in milliseconds since 1970. */
const J2000_MS = 946_728_000_000;
const DAY_MS = 86_400_000;

/**
 * Sine of the sun's elevation above the horizon, without refraction. Low-precision formulas of the Astronomical Almanac
 * (section C, "Low precision formulas for the Sun": 0.01° between 1950 and 2050), Greenwich mean sidereal time of the
 * IAU 1982 expression's linear part. Only correctly rounded operations, so equal on every machine.
 */
export function sineOfSunElevation(
  atMs: number,
  { latitude, longitude }: { readonly latitude: number; readonly longitude: number },
): number {
  const days = (atMs - J2000_MS) / DAY_MS;
  const anomaly = 357.528 + 0.9856003 * days;
  const ecliptic = 280.46 + 0.9856474 * days + 1.915 * sineOf(anomaly) + 0.02 * sineOf(2 * anomaly);
  const obliquity = 23.439 - 0.0000004 * days;
  const sidereal = 280.46061837 + 360.98564736629 * days + longitude;
  const sineDeclination = sineOf(obliquity) * sineOf(ecliptic);
  // cos δ cos H with H = sidereal − right ascension, taken apart so that no inverse function is needed.
  const towardsMeridian =
    cosineOf(sidereal) * cosineOf(ecliptic) +
    sineOf(sidereal) * cosineOf(obliquity) * sineOf(ecliptic);
  return sineOf(latitude) * sineDeclination + cosineOf(latitude) * towardsMeridian;
}

const RADIANS_PER_DEGREE = 0.017453292519943295;

/** Sine of an angle in degrees by its Taylor series up to x¹⁷, which is exact to 10⁻¹³ within ±90°. */
export function sineOf(degrees: number): number {
  let angle = degrees - 360 * Math.floor(degrees / 360);
  if (angle > 270) angle -= 360;
  else if (angle > 90) angle = 180 - angle;
  const x = angle * RADIANS_PER_DEGREE;
  const square = x * x;
  let term = x;
  let sum = x;
  for (let n = 2; n <= 16; n += 2) {
    term = (-term * square) / (n * (n + 1));
    sum += term;
  }
  return sum;
}

export function cosineOf(degrees: number): number {
  return sineOf(degrees + 90);
}
