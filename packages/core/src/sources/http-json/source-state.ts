import type { Carry } from '../../imports/index.js';

/** A time for which a source had nothing, and is asked again. */
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a source remembers between two questions. */
export interface SourceState {
  /** Readings up to here are committed. */
  readonly readToMs: number;
  readonly carry: Carry;
  /** Oldest first. */
  readonly gaps: readonly Gap[];
}

/** Gaps remembered; the oldest are forgotten first. */
const MAX_GAPS = 1_000;

/**
 * The gaps after a time was asked for: what of it no reading covers, and of the gaps before what lies outside. Nothing older
 * than `sinceMs`. `coveredMs`: starts and ends of the intervals that were read.
 */
export function gapsAfter(
  before: readonly Gap[],
  asked: Gap,
  covered: readonly Gap[],
  sinceMs: number,
): readonly Gap[] {
  const outside = before.flatMap((gap) => without(gap, [asked]));
  return [...outside, ...without(asked, covered)]
    .filter(({ toMs }) => toMs > sinceMs)
    .toSorted((a, b) => a.fromMs - b.fromMs)
    .slice(-MAX_GAPS);
}

function without(gap: Gap, covered: readonly Gap[]): readonly Gap[] {
  const left: Gap[] = [];
  let { fromMs } = gap;
  for (const one of covered.toSorted((a, b) => a.fromMs - b.fromMs)) {
    if (one.toMs <= fromMs || one.fromMs >= gap.toMs) continue;
    if (one.fromMs > fromMs) left.push({ fromMs, toMs: one.fromMs });
    fromMs = Math.max(fromMs, one.toMs);
  }
  if (fromMs < gap.toMs) left.push({ fromMs, toMs: gap.toMs });
  return left;
}
