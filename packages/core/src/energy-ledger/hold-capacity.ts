/** A promise to deliver so much within [startsMs, endsMs). */
export interface Promised {
  readonly startsMs: number;
  readonly endsMs: number;
  readonly energyUWh: bigint;
}

/** One watt for one millisecond is 1/3.6 µWh. */
const UWH_PER_W_MS = { numerator: 10n, denominator: 36n } as const;
/** `share` is exact to this part. */
const SHARE_PARTS = 1_000_000;

/** Rated power × time × share, in µWh rounded down. */
export function deliverableUWh(ratingW: number, durationMs: number, share: number): bigint {
  const parts = BigInt(Math.floor(share * SHARE_PARTS));
  return (
    (BigInt(Math.floor(ratingW)) * BigInt(durationMs) * parts * UWH_PER_W_MS.numerator) /
    (UWH_PER_W_MS.denominator * BigInt(SHARE_PARTS))
  );
}

/**
 * The first stretch of time in which more is promised than a meter of this rating can deliver, or undefined when all
 * promises can be kept together. They can when, for every stretch from one promise's start to another's end, those that
 * lie within it fit (the feasibility condition of preemptive scheduling with release times and deadlines).
 */
export function overcommitted(
  promises: readonly Promised[],
  ratingW: number,
  share: number,
):
  | {
      readonly startsMs: number;
      readonly endsMs: number;
      readonly deliverableUWh: bigint;
      readonly promisedUWh: bigint;
    }
  | undefined {
  const starts = [...new Set(promises.map(({ startsMs }) => startsMs))].sort((a, b) => a - b);
  const byEnd = promises.toSorted((a, b) => a.endsMs - b.endsMs);
  for (const startsMs of starts) {
    let promisedUWh = 0n;
    for (const promise of byEnd) {
      if (promise.startsMs < startsMs) continue;
      promisedUWh += promise.energyUWh;
      const { endsMs } = promise;
      const most = deliverableUWh(ratingW, endsMs - startsMs, share);
      if (promisedUWh > most) return { startsMs, endsMs, deliverableUWh: most, promisedUWh };
    }
  }
  return undefined;
}
