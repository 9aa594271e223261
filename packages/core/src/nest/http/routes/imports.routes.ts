import { IMPORT_PRESETS } from '../../../imports/index.js';
import { type OperationShape, page } from '../operation-shape.js';
import { IMPORT_CONTENT_TYPES } from '../raw-body.js';
import { API, type RouteRule } from '../route-rule.js';

/** Files of readings: whoever may write the past may import it. */
export const IMPORT_ROUTES = {
  beginImport: {
    method: 'POST',
    path: `${API}/imports`,
    access: 'owner',
    scope: 'backfill',
    tag: 'imports',
    summary: 'Begins the import of a file, or finds it again: next_byte says where it goes on',
  },
  importRows: {
    method: 'POST',
    path: `${API}/imports/:id/rows`,
    access: 'owner',
    scope: 'backfill',
    tag: 'imports',
    summary: 'Takes the next part of the file; answered when its complete rows are committed',
  },
  listImports: {
    method: 'GET',
    path: `${API}/imports`,
    access: 'owner',
    scope: 'read',
    tag: 'imports',
    summary: 'Imports of the own account',
  },
  getImport: {
    method: 'GET',
    path: `${API}/imports/:id`,
    access: 'owner',
    scope: 'read',
    tag: 'imports',
    summary: 'How far an import is, and what became of its rows',
  },
  listRefusedRows: {
    method: 'GET',
    path: `${API}/imports/:id/refused`,
    access: 'owner',
    scope: 'read',
    tag: 'imports',
    summary: 'Rows that became no reading, each with its reason, in the order of the file',
  },
} as const satisfies Record<string, RouteRule>;

const progress =
  'id, account_id, name, sha256, size_bytes, dry_run, attempt, state (open, done), next_byte, rows, readings, missing_values, verdicts (counts), refused (count), from, to, mapping, created_at, updated_at';

export const IMPORT_OPERATIONS: Readonly<Record<keyof typeof IMPORT_ROUTES, OperationShape>> = {
  beginImport: {
    body: {
      types: ['application/json'],
      schema: {
        type: 'object',
        required: ['name', 'sha256', 'size_bytes'],
        description: `Either \`mapping\`, or \`preset\`: ${Object.keys(IMPORT_PRESETS).join(', ')}; with a preset, site, meter and zone replace those of its first meter.`,
        properties: {
          name: { type: 'string', maxLength: 256 },
          sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
          size_bytes: { type: 'integer', minimum: 1 },
          dry_run: { type: 'boolean', default: false },
          attempt: { type: 'integer', minimum: 1, default: 1 },
          mapping: { type: 'object' },
          preset: { type: 'string' },
          site: { type: 'string' },
          meter: { type: 'string' },
          zone: { type: 'string' },
        },
      },
    },
    answers: {
      200: `The import of this file, mapping and account that began before: ${progress}.`,
      201: `A new one: ${progress}.`,
      404: 'No preset has this name (mapping_unknown).',
      422: 'The mapping is too long (mapping_too_large).',
    },
  },
  importRows: {
    query: {
      from_byte: 'Where this part begins in the file: next_byte of the import.',
      last: 'true when nothing follows.',
    },
    body: { types: IMPORT_CONTENT_TYPES, schema: { type: 'string' } },
    answers: {
      200: `How far the import is now; what follows the last row that was read, by next_byte, belongs to the next part: ${progress}.`,
      409: 'Another part is expected (import_position), or nothing is any more (import_finished).',
      422: 'The file cannot be read (file_unreadable), is not as long as its import began with (size_differs) or not the bytes of its SHA-256 (sha256_differs: nothing of the part that ends it was taken), lacks a column or has it twice (column_missing, column_twice), or has too many meters (import_too_many_meters).',
    },
  },
  listImports: { query: page, answers: { 200: `An array: ${progress}.` } },
  getImport: { answers: { 200: `${progress}.`, 404: 'There is no such import.' } },
  listRefusedRows: {
    query: page,
    answers: { 200: 'An array: row (1 is the first of the file), code, detail; the first 10,000.' },
  },
};
