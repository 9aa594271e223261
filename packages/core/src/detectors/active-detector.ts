import { createHash } from 'node:crypto';
import type { Detector, DetectorCapabilities, JsonObject } from '../spi/index.js';
import { canonicalJsonBytes } from '../verify/rfc8785.js';

/** A detector at work. */
export interface ActiveDetector {
  /** Name of the instance: `night-solar`. */
  readonly id: string;
  /** Name of the plugin: `@wattproof/core/detectors/night-solar`. */
  readonly name: string;
  readonly capabilities: DetectorCapabilities;
  /** Its settings, defaults filled in. */
  readonly config: JsonObject;
  readonly detector: Detector;
}

/** SHA-256 (hex) of the RFC 8785 form. Throws `JsonError` when there is none. */
export function hashOf(value: JsonObject): string {
  return createHash('sha256').update(canonicalJsonBytes(value)).digest('hex');
}

/** What a rule set names a detector by: name, version and the hash of its settings. */
export function detectorRule({ name, capabilities, config }: ActiveDetector): string {
  return `${name}/${capabilities.version} ${hashOf(config)}`;
}
