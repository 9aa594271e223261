import { parse } from 'csv-parse/sync';
import { parseJson } from '../verify/json/parse.js';
import { JsonNumber } from '../verify/json/number-literal.js';
import { ImportError, RowRefusal } from './import-error.js';
import type { ImportMapping } from './mapping.js';

/** Columns of one row by name, as text; every number as it was written. */
export type Row = Readonly<Record<string, string>>;

/** What a part of a file holds. */
export interface RowsOfPart {
  readonly rows: readonly (Row | RowRefusal)[];
  /** Names of the columns, once the first row was read. */
  readonly columns?: readonly string[];
  /** Bytes that were read: up to the end of the last complete row. */
  readonly bytes: number;
}

const LINE_FEED = 10;
const QUOTE = 34;
const MAX_COLUMNS = 1024;
const BYTE_ORDER_MARK = '\uFEFF';
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The complete rows at the start of `part`. `columns`: those of the file's first row, absent when `part` begins with it.
 * `last`: nothing follows, so what is left is a row, too. Throws `ImportError`: `file_unreadable`, `column_missing`.
 */
export function readRows(
  part: Uint8Array,
  mapping: ImportMapping,
  columns: readonly string[] | undefined,
  last: boolean,
): RowsOfPart {
  const bytes = last ? part.length : endOfRows(part, mapping.format === 'csv');
  const text = decode(part.subarray(0, bytes)).replace(
    columns === undefined ? BYTE_ORDER_MARK : '',
    '',
  );
  if (mapping.format === 'ndjson')
    return {
      rows: text
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map(jsonRow),
      bytes,
    };
  const records = csvRecords(text, mapping.delimiter);
  const names = columns ?? records.shift();
  if (names === undefined) return { rows: [], bytes };
  if (columns === undefined) checkColumns(names, mapping);
  return { rows: records.map((cells) => csvRow(cells, names)), columns: names, bytes };
}

/** Behind the last line feed that no quoted field holds: there the quotes before it pair up. */
function endOfRows(part: Uint8Array, isCsv: boolean): number {
  let end = 0;
  let isQuoted = false;
  for (const [at, byte] of part.entries()) {
    if (isCsv && byte === QUOTE) isQuoted = !isQuoted;
    else if (byte === LINE_FEED && !isQuoted) end = at + 1;
  }
  if (end > 0) return end;
  // A quote that nothing closes: a line is a row again.
  return part.lastIndexOf(LINE_FEED) + 1;
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new ImportError('file_unreadable', 'the file is not UTF-8; convert it first', { cause });
  }
}

function csvRecords(text: string, delimiter: string): string[][] {
  try {
    return parse(text, {
      delimiter,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
    });
  } catch (cause) {
    throw new ImportError('file_unreadable', `no CSV (RFC 4180): ${(cause as Error).message}`, {
      cause,
    });
  }
}

function csvRow(cells: readonly string[], names: readonly string[]): Row | RowRefusal {
  // Trailing columns may be left out, as some files do when they are empty.
  if (cells.length > names.length)
    return new RowRefusal(
      'row_too_long',
      `the row has ${cells.length} cells, the file ${names.length} columns`,
    );
  return Object.assign(
    Object.create(null) as Record<string, string>,
    Object.fromEntries(names.map((name, at) => [name, cells[at] ?? ''])),
  );
}

function jsonRow(line: string): Row | RowRefusal {
  let value: unknown;
  try {
    value = parseJson(line, 'literal');
  } catch (error) {
    return new RowRefusal('json_syntax', (error as Error).message.slice(0, 256));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return new RowRefusal('json_syntax', 'a line is a JSON object');
  const row = Object.create(null) as Record<string, string>;
  for (const [name, cell] of Object.entries(value))
    row[name] =
      cell === null
        ? ''
        : cell instanceof JsonNumber
          ? cell.literal
          : typeof cell === 'string'
            ? cell
            : JSON.stringify(cell);
  return row;
}

function checkColumns(names: readonly string[], mapping: ImportMapping): void {
  if (names.length > MAX_COLUMNS)
    throw new ImportError(
      'file_unreadable',
      `the file has ${names.length} columns, at most ${MAX_COLUMNS} are read`,
    );
  const needed = [
    ...mapping.time.columns,
    ...mapping.meters.flatMap(({ idColumn, registers }) => [
      ...(idColumn === undefined ? [] : [idColumn]),
      ...registers.flatMap(({ column, estimated }) => [
        column,
        ...(estimated === undefined ? [] : [estimated.column]),
      ]),
    ]),
  ];
  const missing = needed.filter((name) => !names.includes(name));
  if (missing.length > 0)
    throw new ImportError(
      'column_missing',
      `the file has no column ${missing.map((name) => JSON.stringify(name)).join(', ')}; its first row names ${names
        .slice(0, 20)
        .map((name) => JSON.stringify(name))
        .join(', ')}`,
    );
}
