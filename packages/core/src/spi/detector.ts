import type { JsonObject } from '../verify/contracts.js';

export interface DetectorInputs {
  readonly meter: JsonObject;
  readonly reading: {
    readonly startsMs: number;
    readonly endsMs: number;
    readonly register: string;
    readonly energyUWh: bigint;
  };
  /** Newest last. */
  readonly history: readonly {
    readonly startsMs: number;
    readonly endsMs: number;
    readonly energyUWh: bigint;
  }[];
}

export interface DetectorFinding {
  readonly code: string;
  readonly action: 'flag' | 'quarantine';
  readonly detail: string;
  /** What a third party needs to recompute it. */
  readonly inputs: JsonObject;
}

/** Pure and versioned: the finding is recomputable from stored inputs. */
export interface Detector {
  inspect(inputs: DetectorInputs): DetectorFinding | undefined;
}

export interface DetectorCapabilities {
  readonly version: number;
  /** Only a detector that can quarantine runs before commit. */
  readonly canQuarantine: boolean;
}
