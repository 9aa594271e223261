import type { JsonObject } from '../verify/contracts.js';

/**
 * Intervals of one register, oldest first, in columns: a detector reads hundreds for every reading. Estimated values and
 * what does not hold its interval are not among them.
 */
export interface DetectorHistory {
  readonly length: number;
  readonly startsMs: ArrayLike<number>;
  readonly endsMs: ArrayLike<number>;
  readonly energyUWh: ArrayLike<bigint>;
  /** Mean power in milliwatts, rounded down; of a point, which has no duration, its energy in µWh. */
  readonly level: ArrayLike<number>;
}

export interface DetectorInputs {
  readonly meter: {
    readonly meterId: string;
    /** Rated power of the meter. */
    readonly ratingW?: number;
    /** Degrees (WGS 84), as coarse as they were registered. */
    readonly location?: { readonly latitude: number; readonly longitude: number };
  };
  readonly reading: {
    readonly startsMs: number;
    readonly endsMs: number;
    readonly register: string;
    /** Absent when nobody said. */
    readonly direction?: 'generation' | 'consumption' | 'storage';
    readonly energyUWh: bigint;
    readonly level: number;
    /** Filled in by somebody, not measured. */
    readonly estimated: boolean;
  };
  /** What the register measured before the reading; empty before commit. */
  readonly history: DetectorHistory;
  /** The same register of meters nearby, for who asked for it; empty before commit. */
  readonly neighbours: readonly { readonly ratingW?: number; readonly history: DetectorHistory }[];
}

export interface DetectorFinding {
  /** `a-z`, digits and `_`. */
  readonly code: string;
  readonly action: 'flag' | 'quarantine';
  readonly detail: string;
  /** All that the finding follows from: `recompute` needs nothing else. Numbers are finite. */
  readonly inputs: JsonObject;
}

/**
 * Pure and versioned: equal inputs give equal findings on every machine. Doubles are fine as long as only operations that
 * IEEE 754 rounds correctly (+ − × ÷ √ and comparisons) are applied, in a fixed order; `Math.sin` and its like are not.
 */
export interface Detector {
  /** Undefined when there is nothing to say, also because the history is too short. */
  inspect(inputs: DetectorInputs): DetectorFinding | undefined;
  /** The finding that follows from stored `inputs`; undefined when none does. Never throws. */
  recompute(inputs: JsonObject): DetectorFinding | undefined;
}

export interface DetectorCapabilities {
  /** Raised whenever equal inputs give another finding. */
  readonly version: number;
  /** Only such a detector runs before commit, too, without history and neighbours; what it flags there is flagged after it. */
  readonly canQuarantine: boolean;
  /** Whether it compares with meters nearby. */
  readonly neighbours?: boolean;
}
