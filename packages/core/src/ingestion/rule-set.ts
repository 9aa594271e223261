import { hash } from 'node:crypto';
import type { DevicesConfig } from '../devices/devices.config.js';
import type { IngestionConfig } from './ingestion.config.js';

/** Raised whenever a rule of this folder decides differently with the same numbers. */
const RULES_VERSION = 'wattproof.rules/1';

/**
 * Name of the rules that judged a reading: SHA-256 (hex) over their version and every number they use. It goes into
 * each verdict and receipt, so that a verdict can be recomputed later.
 */
export function ruleSetId(
  { limits, time, energy, minAssurance }: IngestionConfig,
  { unsigned, algorithms }: DevicesConfig,
): string {
  const rules = [
    RULES_VERSION,
    limits.idBytes,
    time.maxFutureMs,
    time.maxAgeMs,
    energy.maxSubmittedKWh,
    energy.ratingTolerancePercent,
    minAssurance,
    unsigned,
    algorithms,
  ];
  return hash('sha256', JSON.stringify(rules), 'hex');
}
