/** A value a statement takes. int8 is always `bigint` or an integer `number`; binary is `Uint8Array`; JSON is passed as text and cast. */
export type SqlValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly (null | boolean | number | bigint | string | Uint8Array)[];

export interface QueryOptions {
  /** Prepares the statement under this name once per connection. Only for hot paths: one name, one text, for ever. */
  readonly prepare?: string;
}

/**
 * The whole of what the store asks of a database: PostgreSQL's dialect, `$1` parameters. Rows come back with
 * int8 as `bigint` whatever its size, bytea as `Uint8Array`, json and jsonb parsed, int2/int4 as `number`.
 */
export interface Sql {
  readonly kind: 'pglite' | 'postgresql';
  /** Throws `SqlError` when the server refuses the statement, `StoreUnavailable` when it cannot be reached. */
  query<Row extends object = Record<string, unknown>>(
    text: string,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): Promise<readonly Row[]>;
  /**
   * Runs `work` in one READ COMMITTED transaction; commits when it resolves, rolls back and rethrows when it
   * rejects. Called on the `Sql` that `work` receives it sets a savepoint. Inside `work` use only that `Sql`.
   */
  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T>;
}

/** The database the store owns. */
export interface SqlDatabase extends Sql {
  /** Waits for what is under way, then closes. Safe to call twice. */
  close(): Promise<void>;
}

/** The server understood and refused. `sqlState` is PostgreSQL's five-character code (appendix A of its manual). */
export class SqlError extends Error {
  override readonly name = 'SqlError';
  readonly code = 'sql_error';

  constructor(
    message: string,
    readonly sqlState: string,
    readonly constraint?: string,
  ) {
    super(`${message} (SQLSTATE ${sqlState})`);
  }
}

/** Whether the same transaction may well succeed when it is run again: deadlock or serialisation failure. */
export function isRetryable(error: unknown): boolean {
  return error instanceof SqlError && (error.sqlState === '40P01' || error.sqlState === '40001');
}
