import type { QueryOptions, Sql, SqlValue } from './sql.js';

/** Runs a statement on the connection that holds the transaction. */
export type RunStatement = <Row extends object>(
  text: string,
  params: readonly SqlValue[],
  options?: QueryOptions,
) => Promise<readonly Row[]>;

/** What `work` gets inside a transaction; a transaction within it is a savepoint. */
export class OpenTransaction implements Sql {
  constructor(
    readonly kind: Sql['kind'],
    private readonly run: RunStatement,
    private readonly depth = 0,
  ) {}

  query<Row extends object>(
    text: string,
    params: readonly SqlValue[] = [],
    options?: QueryOptions,
  ): Promise<readonly Row[]> {
    return this.run<Row>(text, params, options);
  }

  async transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    const savepoint = `nested_${this.depth}`;
    await this.query(`SAVEPOINT ${savepoint}`);
    try {
      const result = await work(new OpenTransaction(this.kind, this.run, this.depth + 1));
      await this.query(`RELEASE SAVEPOINT ${savepoint}`);
      return result;
    } catch (error) {
      await this.query(`ROLLBACK TO SAVEPOINT ${savepoint}`);
      throw error;
    }
  }
}
