import { parse } from 'csv-parse/sync';
import { isUtf8 } from 'node:buffer';
import { parseJson } from '../verify/json/parse.js';
import { JsonNumber } from '../verify/json/number-literal.js';
import { ImportError, RowRefusal } from './import-error.js';
import type { ImportMapping } from './mapping.js';
import { endOfCsvRows, endOfLines } from './row-ends.js';

/** Columns of one row by name, as text; every number as it was written. */
export type Row = Readonly<Record<string, string>>;

/** What a part of a file holds. */
export interface RowsOfPart {
  readonly rows: readonly (Row | RowRefusal)[];
  /** Names of the columns that the mapping reads, each at its place, once the first row was read; the others are empty. */
  readonly columns?: readonly string[];
  /** Bytes that were read: up to the end of the last row that was. */
  readonly bytes: number;
}

const MAX_COLUMNS = 1024;
/** Most rows of one part; what follows them belongs to the next. */
const MAX_ROWS = 5_000;
/** Most values of one part: a mapping of many registers reads fewer rows at once. */
const MAX_VALUES = 100_000;
const BYTE_ORDER_MARK = '\uFEFF';
const BYTE_ORDER_MARK_BYTES = [0xef, 0xbb, 0xbf];
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The complete rows at the start of `part`, as many as are read at once. `columns`: those of the file's first row, absent when `part`
 * begins with it. `last`: nothing follows, so what is left is a row, too. Throws `ImportError`: `file_unreadable`, `column_missing`,
 * `column_twice`. `fromByte`: where the part begins in the file.
 */
export function readRows(
  part: Uint8Array,
  mapping: ImportMapping,
  columns: readonly string[] | undefined,
  last: boolean,
  fromByte = 0,
): RowsOfPart {
  const isCsv = mapping.format === 'csv';
  const marked =
    columns === undefined && BYTE_ORDER_MARK_BYTES.every((byte, i) => part[i] === byte);
  const maxRows = maxRowsOf(mapping);
  const complete = isCsv
    ? endOfCsvRows(part, mapping.delimiter.charCodeAt(0), marked ? 3 : 0, maxRows)
    : endOfLines(part, maxRows);
  const bytes = last && complete.rows < maxRows ? part.length : complete.end;
  const text = decode(part.subarray(0, bytes), fromByte).replace(marked ? BYTE_ORDER_MARK : '', '');
  if (!isCsv)
    return {
      rows: text
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map(jsonRow),
      bytes,
    };
  const records = csvRecords(text, mapping.delimiter, fromByte);
  const first = columns === undefined ? records.shift() : undefined;
  const names = first === undefined ? columns : mappedColumns(first, mapping);
  if (names === undefined) return { rows: [], bytes };
  return { rows: csvRows(records, names), columns: names, bytes };
}

function decode(bytes: Uint8Array, fromByte: number): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new ImportError(
      'file_unreadable',
      `the file is not UTF-8 in the line from byte ${fromByte + firstUnreadable(bytes)} on; convert it first`,
      { cause },
    );
  }
}

/** Where the first line begins that is not UTF-8. */
function firstUnreadable(bytes: Uint8Array): number {
  let at = 0;
  for (;;) {
    const { end } = endOfLines(bytes.subarray(at), 1);
    if (end === 0 || !isUtf8(bytes.subarray(at, at + end))) return at;
    at += end;
  }
}

function csvRecords(text: string, delimiter: string, fromByte: number): string[][] {
  try {
    return parse(text, {
      delimiter,
      // Named, since otherwise the first row's would be the only one.
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
    });
  } catch (cause) {
    const why = (cause as Error).message;
    throw new ImportError(
      'file_unreadable',
      `no CSV (RFC 4180) in the part from byte ${fromByte} on: ${why}`,
      { cause },
    );
  }
}

/** Only what the mapping reads is taken out of a row: how many columns the file has must not cost anything. */
function csvRows(
  records: readonly (readonly string[])[],
  names: readonly string[],
): readonly (Row | RowRefusal)[] {
  const mapped = [...names.entries()].filter(([, name]) => name !== '');
  return records.map((cells) => {
    // Trailing columns may be left out, as some files do when they are empty.
    if (cells.length > names.length)
      return new RowRefusal(
        'row_too_long',
        `the row has ${cells.length} cells, the file ${names.length} columns`,
      );
    const row = Object.create(null) as Record<string, string>;
    for (const [at, name] of mapped) row[name] = cells[at] ?? '';
    return row;
  });
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

function maxRowsOf({ meters }: ImportMapping): number {
  const values = meters.reduce((sum, { registers }) => sum + registers.length, 0);
  return Math.max(2, Math.min(MAX_ROWS, Math.floor(MAX_VALUES / values)));
}

/** The columns of the first row that the mapping reads, each at its place. */
function mappedColumns(names: readonly string[], mapping: ImportMapping): readonly string[] {
  if (names.length > MAX_COLUMNS)
    throw new ImportError(
      'file_unreadable',
      `the file has ${names.length} columns, at most ${MAX_COLUMNS} are read`,
    );
  const needed = new Set([
    ...mapping.time.columns,
    ...mapping.meters.flatMap(({ idColumn, registers }) => [
      ...(idColumn === undefined ? [] : [idColumn]),
      ...registers.flatMap(({ column, estimated }) => [
        column,
        ...(estimated === undefined ? [] : [estimated.column]),
      ]),
    ]),
  ]);
  const missing = [...needed].filter((name) => !names.includes(name));
  if (missing.length > 0)
    throw new ImportError(
      'column_missing',
      `the file has no column ${quoted(missing)}; its first row names ${quoted(names)}`,
    );
  const mapped = names.map((name) => (needed.has(name) ? name : ''));
  const twice = [...needed].filter((name) => mapped.indexOf(name) !== mapped.lastIndexOf(name));
  if (twice.length > 0)
    throw new ImportError(
      'column_twice',
      `the file has more than one column ${quoted(twice)}; rename all but the one that is meant`,
    );
  return mapped;
}

function quoted(names: readonly string[]): string {
  return names
    .slice(0, 20)
    .map((name) => JSON.stringify(name.slice(0, 64)))
    .join(', ');
}
