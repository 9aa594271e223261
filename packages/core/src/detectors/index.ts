export { type ActiveDetector, detectorRule } from './active-detector.js';
export { BUILT_IN_DETECTORS } from './built-in-detectors.js';
export { defaultDetectors, DetectorSettingsError, openDetector } from './open-detectors.js';
export { builtInPlugin, FindingUnreadable, recompute, type Recomputed } from './recompute.js';
export { sineOfSunElevation } from './sun-elevation.js';
