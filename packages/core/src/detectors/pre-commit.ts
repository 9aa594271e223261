import type { Inspect } from '../ingestion/hold.js';
import { type ActiveDetector, detectorRule } from './active-detector.js';
import { type Inspector, inputsOf } from './inspection.js';

/** What ingestion asks before it commits: hard limits, by the reading and its registered meter alone. */
export interface PreCommitInspection {
  readonly inspect: Inspect;
  /** Name, version and settings of each detector that is asked: they are rules. */
  readonly detectors: readonly string[];
}

/** Undefined when no detector can quarantine: then ingestion has nothing to ask. */
export function preCommitInspection(
  detectors: readonly ActiveDetector[],
  inspector: Inspector,
): PreCommitInspection | undefined {
  const hard = detectors.filter(({ capabilities }) => capabilities.canQuarantine);
  if (hard.length === 0) return undefined;
  return {
    detectors: hard.map(detectorRule),
    inspect({ reading, meter }) {
      // Whose meter nobody knows, of that nobody knows the limits.
      if (meter === undefined) return undefined;
      const { startsMs, endsMs, estimated } = reading;
      for (const { register, energyUWh } of reading.energies) {
        const inputs = inputsOf(meter, { register, energyUWh, startsMs, endsMs, estimated });
        for (const active of hard) {
          const finding = inspector.ask(active, inputs);
          if (finding?.action === 'quarantine')
            return { code: finding.code, detail: `register ${register}: ${finding.detail}` };
        }
      }
      return undefined;
    },
  };
}
