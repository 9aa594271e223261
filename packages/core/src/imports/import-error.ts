export type ImportErrorCode =
  | 'mapping_invalid'
  | 'mapping_unknown'
  | 'import_unknown'
  | 'import_finished'
  | 'import_position'
  | 'import_too_many_meters'
  | 'file_unreadable'
  | 'column_missing';

/** An import that cannot go on. `code` is stable; one bad row is no such error. */
export class ImportError extends Error {
  override readonly name = 'ImportError';

  constructor(
    readonly code: ImportErrorCode,
    message: string,
    /** Of `import_position`: where the next bytes belong. */
    readonly nextByte?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Why one row, or one value of it, became no reading. */
export class RowRefusal {
  constructor(
    readonly code: string,
    readonly detail: string,
  ) {}
}
