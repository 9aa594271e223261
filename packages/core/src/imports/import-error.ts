/** Every way an import cannot go on, with the HTTP status that goes with it. */
const IMPORT_ERRORS = {
  mapping_unknown: 404,
  import_not_found: 404,
  import_finished: 409,
  /** Another part was expected; `next_byte` says which. */
  import_position: 409,
  import_too_many_meters: 422,
  mapping_too_large: 422,
  file_unreadable: 422,
  /** The parts are not the bytes that `size_bytes` announced. */
  size_differs: 422,
  /** The parts are not the bytes whose SHA-256 names the file. */
  sha256_differs: 422,
  column_missing: 422,
  column_twice: 422,
} as const;
export type ImportErrorCode = keyof typeof IMPORT_ERRORS;

/** An import that cannot go on. `code` is stable; one bad row is no such error. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
  readonly status: number;

  constructor(
    readonly code: ImportErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.status = IMPORT_ERRORS[code];
  }
}

/** Why one row, or one value of it, became no reading. */
export class RowRefusal {
  readonly detail: string;

  constructor(
    readonly code: string,
    detail: string,
  ) {
    // It quotes the file: whatever stands there, what is told of it is one line of text.
    this.detail = detail.replace(/[\p{Cc}\p{Cs}]/gu, '\u{fffd}');
  }
}
