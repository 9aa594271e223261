import type { MeterGap } from './meter.store.js';

/** What one reading of a register covers; a point covers nothing, its two ends are equal. */
export interface Covered {
  readonly startsMs: number;
  readonly endsMs: number;
}

/**
 * The gap before the next reading, when there is one. `stepMs`: the usual distance from one start to the next. Intervals
 * leave a gap as soon as they do not touch; points, which touch nothing, when one and a half usual distances have passed.
 */
export function gapBetween(
  { startsMs, endsMs }: Covered,
  nextMs: number,
  stepMs: number,
): MeterGap | undefined {
  const missing = (ms: number): number => Math.round(ms / stepMs);
  if (startsMs < endsMs) {
    if (nextMs <= endsMs) return undefined;
    return { startsMs: endsMs, endsMs: nextMs, missing: Math.max(1, missing(nextMs - endsMs)) };
  }
  if (2 * (nextMs - startsMs) < 3 * stepMs) return undefined;
  return { startsMs, endsMs: nextMs, missing: Math.max(1, missing(nextMs - startsMs) - 1) };
}

/** All gaps between readings in order of their start. */
export function gapsBetween(covered: readonly Covered[]): readonly MeterGap[] {
  const steps = covered
    .flatMap(({ startsMs }, at) => (at === 0 ? [] : [startsMs - covered[at - 1]!.startsMs]))
    .sort((a, b) => a - b);
  // The lower median, as PostgreSQL's percentile_disc(0.5).
  const stepMs = steps[Math.ceil(steps.length / 2) - 1] ?? 1;
  return covered.flatMap((reading, at) => {
    const next = covered[at + 1];
    return next === undefined ? [] : (gapBetween(reading, next.startsMs, stepMs) ?? []);
  });
}
