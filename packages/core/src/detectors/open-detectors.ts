import type { Detector, DetectorCapabilities, JsonObject, Plugin } from '../spi/index.js';
import { type ActiveDetector, hashOf } from './active-detector.js';
import { BUILT_IN_DETECTORS } from './built-in-detectors.js';

/** A detector whose settings have no canonical form, so that no finding could name them. */
export class DetectorSettingsError extends Error {
  override readonly name = 'DetectorSettingsError';
  readonly code = 'detector_settings';
}

/** What an instance of a plugin is to detection. */
export function activeDetector(made: {
  readonly id: string;
  readonly name: string;
  readonly capabilities: DetectorCapabilities;
  readonly config: unknown;
  readonly detector: Detector;
}): ActiveDetector {
  const config = made.config as JsonObject;
  try {
    hashOf(config);
  } catch (cause) {
    throw new DetectorSettingsError(
      `detector "${made.id}": its settings are no JSON after its schema (${(cause as Error).message}); a detector that may say why needs settings that can be written down`,
      { cause },
    );
  }
  return { ...made, config };
}

/** The detectors of core with their defaults. */
export async function defaultDetectors(): Promise<readonly ActiveDetector[]> {
  return Promise.all(
    Object.entries(BUILT_IN_DETECTORS).map(([id, plugin]) => openDetector(id, plugin, {})),
  );
}

/** One detector with these settings, lent nothing. Throws when they are not its own. */
export async function openDetector(
  id: string,
  plugin: Plugin<'detector'>,
  settings: unknown,
): Promise<ActiveDetector> {
  const { name, capabilities, config } = plugin;
  const result = await config['~standard'].validate(settings);
  if (result.issues)
    throw new DetectorSettingsError(
      `detector "${id}": ${result.issues.map(({ message, path = [] }) => `${path.map((one) => (typeof one === 'object' ? String(one.key) : String(one))).join('.')}: ${message}`).join('; ')}`,
    );
  return activeDetector({
    id,
    name,
    capabilities,
    config: result.value,
    detector: plugin.create(result.value, DETACHED),
  });
}

/** A detector is pure: whoever runs it lends it nothing. */
export const DETACHED = Object.freeze({
  instanceId: 'detached',
  origin: '',
  logger: {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
  },
  clock: { nowMs: () => 0 },
});
