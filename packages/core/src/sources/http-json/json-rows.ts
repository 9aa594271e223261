import type { Row } from '../../imports/index.js';
import { JsonNumber } from '../../verify/json/number-literal.js';
import { parseJson } from '../../verify/json/parse.js';

/** What a source answered and nobody can read. `code` is stable. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  /** How long the source asked to be left alone. */
  readonly retryAfterMs?: number;

  constructor(
    readonly code: 'source_unreachable' | 'source_status' | 'source_answer',
    message: string,
    options: ErrorOptions & { readonly retryAfterMs?: number } = {},
  ) {
    super(message, options);
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }
}

/** Most rows of one answer. */
const MAX_ROWS = 100_000;

/** The rows of an answer, each with the columns that are wanted; every number as it was written. Throws `SourceError`. */
export function jsonRows(
  text: string,
  place: string | undefined,
  columns: readonly string[],
): readonly Row[] {
  let answer: unknown;
  try {
    answer = parseJson(text, 'literal');
  } catch (cause) {
    throw new SourceError('source_answer', `the answer is no JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
  const found = place === undefined ? answer : at(answer, place);
  const rows = Array.isArray(found) ? (found as readonly unknown[]) : [found];
  if (rows.length > MAX_ROWS)
    throw new SourceError(
      'source_answer',
      `the answer has ${rows.length} rows, at most ${MAX_ROWS} are read`,
    );
  return rows.map((row) => {
    if (typeof row !== 'object' || row === null || row instanceof JsonNumber)
      throw new SourceError(
        'source_answer',
        place === undefined ? 'a row is no object' : `there are no rows at "${place}"`,
      );
    const cells = Object.create(null) as Record<string, string>;
    for (const column of columns) cells[column] = textOf(at(row, column));
    return cells;
  });
}

/** A member by its name, or, when there is none, by names with points between. */
function at(value: unknown, path: string): unknown {
  if (isObject(value) && Object.hasOwn(value, path)) return value[path];
  let found: unknown = value;
  for (const name of path.split('.')) {
    if (Array.isArray(found))
      found = /^\d{1,6}$/.test(name) ? (found as unknown[])[Number(name)] : undefined;
    else found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  }
  return found;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !(value instanceof JsonNumber);
}

function textOf(cell: unknown): string {
  if (typeof cell === 'string') return cell;
  if (cell instanceof JsonNumber) return cell.literal;
  return cell === undefined || cell === null ? '' : JSON.stringify(cell);
}
