export { type ImportErrorCode, ImportError, RowRefusal } from './import-error.js';
export {
  type Importer,
  type NewImport,
  IMPORT_COLLECTIONS,
  ImportService,
} from './import.service.js';
export type { ImportCounts, ImportedFile, RefusedRow } from './imported-file.js';
export {
  checkMeters,
  type ImportMappingInput,
  ImportMapping,
  ROW_SHAPE,
  type RowMapping,
  TimeZone,
} from './mapping.js';
export { type Carry, type ImportedReading, MeterSeries } from './meter-series.js';
export type { Row } from './read-rows.js';
export { IMPORT_PRESETS, type ImportPreset } from './presets.js';
