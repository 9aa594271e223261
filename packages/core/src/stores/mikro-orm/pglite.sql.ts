import { PGlite, type Transaction } from '@electric-sql/pglite';
import { btree_gist } from '@electric-sql/pglite/contrib/btree_gist';
import { OpenTransaction } from './open-transaction.js';
import { classifyFailure, unavailable } from './sql-failure.js';
import type { QueryOptions, Sql, SqlDatabase, SqlValue } from './sql.js';

const INT8_OID = 20;

/** PGlite has one connection: transactions run one after the other, in the order they were asked for. */
export class PgliteSql implements SqlDatabase {
  readonly kind = 'pglite';
  #closing: Promise<void> | undefined;

  private constructor(
    /** For MikroORM, which runs migrations on the same database. */
    readonly pglite: PGlite,
  ) {}

  /** `folder` undefined keeps everything in memory. `dumped`: begins with this dumped database instead of making a new one. */
  static async open(folder?: string, dumped?: Blob): Promise<PgliteSql> {
    try {
      const pglite = await PGlite.create({
        ...(folder === undefined ? {} : { dataDir: folder }),
        ...(dumped === undefined ? {} : { loadDataDir: dumped }),
        extensions: { btree_gist },
        parsers: { [INT8_OID]: (text: string) => BigInt(text) },
      });
      return new PgliteSql(pglite);
    } catch (error) {
      throw classifyFailure(error);
    }
  }

  query<Row extends object>(
    text: string,
    params: readonly SqlValue[] = [],
    _options?: QueryOptions,
  ): Promise<readonly Row[]> {
    if (this.#closing !== undefined) return Promise.reject(unavailable('the store is closed'));
    return run<Row>(this.pglite, text, params);
  }

  async transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw unavailable('the store is closed');
    // What `work` throws of its own is not the database's and goes on unchanged.
    let own: { readonly error: unknown } | undefined;
    try {
      return await this.pglite.transaction(async (tx) => {
        try {
          return await work(
            new OpenTransaction(this.kind, (text, params) => run(tx, text, params)),
          );
        } catch (error) {
          own = { error };
          throw error;
        }
      });
    } catch (error) {
      throw own === undefined ? classifyFailure(error) : own.error;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.pglite.runExclusive(async () => {}).then(() => this.pglite.close());
    return this.#closing;
  }
}

async function run<Row extends object>(
  on: Pick<PGlite, 'query'> | Transaction,
  text: string,
  params: readonly SqlValue[],
): Promise<readonly Row[]> {
  try {
    return (await on.query<Row>(text, [...params])).rows;
  } catch (error) {
    throw classifyFailure(error);
  }
}
