import { hash } from 'node:crypto';
import type { DevicesConfig } from '../devices/devices.config.js';
import type { IngestionConfig } from './ingestion.config.js';
import { COVERED_MS } from './point-reading.js';

/** Raised whenever a rule of this folder decides differently with the same numbers. */
const RULES_VERSION = 'wattproof.rules/3';

/** The rules that judge readings, as they are published. */
export interface RuleSet {
  /** SHA-256 (hex) of `text`: what each verdict and receipt names. */
  readonly id: string;
  /** RFC 8785: their version and every number they use. */
  readonly text: string;
}

/** The rules by this configuration. `detectors`: name and version of those that may hold a reading, in their order. */
export function ruleSetOf(
  { limits, time, energy, minAssurance }: IngestionConfig,
  { unsigned, algorithms, sequenceWindow }: DevicesConfig,
  detectors: readonly string[] = [],
): RuleSet {
  const { maxSubmittedKWh, ratingTolerancePercent } = energy;
  const { maxAgeMs, maxFutureMs } = time;
  // Members in the order of RFC 8785.
  const text = JSON.stringify({
    algorithms,
    detectors,
    energy: { coveredMs: COVERED_MS, maxSubmittedKWh, ratingTolerancePercent },
    limits: { idBytes: limits.idBytes },
    minAssurance,
    sequenceWindow,
    time: { maxAgeMs, maxFutureMs },
    unsigned,
    v: RULES_VERSION,
  });
  return { id: hash('sha256', text, 'hex'), text };
}
