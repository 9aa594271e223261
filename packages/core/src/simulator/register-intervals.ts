/** One value of a cumulative register, as a meter shows it. */
export interface RegisterValue {
  readonly atMs: number;
  /** Whole watt-hours. */
  readonly registerWh: bigint;
  /** Filled in by somebody rather than measured. */
  readonly estimated: boolean;
}

/** Energy between two values of a register. */
export interface RegisterInterval {
  readonly startsMs: number;
  readonly endsMs: number;
  readonly energyWh: bigint;
  /** One of the two values it lies between was estimated. */
  readonly estimated: boolean;
  /** Values that should have been there and were not. */
  readonly missingValues: number;
}

/**
 * Turns a cumulative register into intervals between the values that exist. A gap becomes one longer
 * interval, never several invented ones, so the intervals add up to the register difference to the Wh.
 * Throws when the register falls: a reset or a changed meter is somebody's decision, not arithmetic.
 */
export function registerIntervals(
  values: readonly RegisterValue[],
  everyMs: number,
): RegisterInterval[] {
  const intervals: RegisterInterval[] = [];
  for (let i = 1; i < values.length; i += 1) {
    const before = values[i - 1] as RegisterValue;
    const after = values[i] as RegisterValue;
    const energyWh = after.registerWh - before.registerWh;
    if (energyWh < 0n) {
      throw new RangeError(
        `Register falls from ${before.registerWh} Wh to ${after.registerWh} Wh at ${after.atMs} ms. Split the series at the meter change.`,
      );
    }
    intervals.push({
      startsMs: before.atMs,
      endsMs: after.atMs,
      energyWh,
      estimated: before.estimated || after.estimated,
      missingValues: Math.round((after.atMs - before.atMs) / everyMs) - 1,
    });
  }
  return intervals;
}

/** Whole watt-hours as a decimal kWh string: 1234n → "1.234". */
export function kwhFromWh(energyWh: bigint): string {
  const digits = energyWh.toString().padStart(4, '0');
  return `${digits.slice(0, -3)}.${digits.slice(-3)}`;
}

/** "12.345" kWh → 12345n Wh; more than three decimals are refused. */
export function whFromKwh(literal: string): bigint {
  const match = /^(\d+)(?:\.(\d{1,3}))?$/.exec(literal);
  if (!match)
    throw new RangeError(`Not a register value with at most three decimals: "${literal}".`);
  return BigInt(match[1] as string) * 1000n + BigInt((match[2] ?? '').padEnd(3, '0'));
}
