import type { StoredMeter } from '../devices/meter.store.js';
import type { ReadingFacts } from '../verify/formats/format.js';

/** Why somebody has to look at a reading before it counts. */
export interface Hold {
  /** Stable; one of `VERDICT_CODES`, or a detector's own. */
  readonly code: string;
  readonly detail: string;
}

/** What an inspection may look at: nothing else, so that anybody can repeat it. */
export interface Inspected {
  readonly format: string;
  /** With the time it covers. */
  readonly reading: ReadingFacts;
  /** The registered meter behind it. */
  readonly meter?: StoredMeter;
  /** When it was received, by the gateway's clock. */
  readonly nowMs: number;
}

/** A pure look at one reading before it is committed, after the rules: a hard limit that a detector knows. */
export type Inspect = (seen: Inspected) => Hold | undefined;
