import type { QueryOptions, Sql, SqlDatabase, SqlValue } from '../../src/stores/mikro-orm/sql.js';
import { type CutPoint } from '../../src/testing/cut-at-await.js';

/** A database whose client dies at the n-th statement or commit; the server rolls back what had not been committed. */
export class CutSql implements SqlDatabase {
  readonly kind: Sql['kind'];
  private readonly counted: Sql;

  constructor(
    inner: Sql,
    private readonly cut: CutPoint,
  ) {
    this.kind = inner.kind;
    this.counted = cut.wrap(
      {
        kind: inner.kind,
        query: <Row extends object>(
          text: string,
          params?: readonly SqlValue[],
          options?: QueryOptions,
        ) => inner.query<Row>(text, params, options),
        // Cut after it, the commit has happened and nobody learnt of it.
        transaction: <T>(work: (tx: Sql) => Promise<T>) =>
          inner.transaction((tx) => work(new CutSql(tx, this.cut))),
      },
      'sql',
    );
  }

  query<Row extends object>(
    text: string,
    params?: readonly SqlValue[],
    options?: QueryOptions,
  ): Promise<readonly Row[]> {
    return this.counted.query<Row>(text, params, options);
  }

  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    return this.counted.transaction(work);
  }

  async close(): Promise<void> {}
}
