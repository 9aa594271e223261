export { type ImportErrorCode, ImportError, RowRefusal } from './import-error.js';
export {
  type Importer,
  type NewImport,
  IMPORT_COLLECTIONS,
  ImportService,
} from './import.service.js';
export type { ImportCounts, ImportedFile, RefusedRow } from './imported-file.js';
export { type ImportMappingInput, ImportMapping, TimeZone } from './mapping.js';
export { IMPORT_PRESETS, type ImportPreset } from './presets.js';
