export { ImportError } from './import-error.js';
export { handedIn, MessageRefused } from './hand-in.js';
export { type Importer, IMPORT_COLLECTIONS, ImportService } from './import.service.js';
export { ImportsConfig } from './imports.config.js';
export type { ImportedFile } from './imported-file.js';
export { checkMeters, ImportMapping, ROW_SHAPE, TimeZone } from './mapping.js';
export { type Carry, type ImportedReading, MeterSeries } from './meter-series.js';
export type { Row } from './read-rows.js';
export { IMPORT_PRESETS, type ImportPreset } from './presets.js';
