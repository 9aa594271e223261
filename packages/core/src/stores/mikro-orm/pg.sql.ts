import pg from 'pg';
import { arrayTypes, binaryArray } from './pg-array.js';
import type { Logger } from '../../spi/index.js';
import { StoreUnavailable } from '../store.js';
import { OpenTransaction } from './open-transaction.js';
import { classifyFailure, unavailable } from './sql-failure.js';
import type { QueryOptions, Sql, SqlDatabase, SqlValue } from './sql.js';

export interface PgSqlOptions {
  readonly logger: Logger;
  /** Connections at most. */
  readonly poolSize: number;
  /** Callers that may wait for a connection; more are refused at once. */
  readonly maxWaiting: number;
  /** How long a caller waits for a connection. */
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

const INT8_OID = 20;
const INT8_ARRAY_OID = 1016;

function parseInt8Array(text: string): bigint[] {
  const inside = text.slice(1, -1);
  return inside === '' ? [] : inside.split(',').map(BigInt);
}

/** PostgreSQL over a bounded pool of connections. */
export class PgSql implements SqlDatabase {
  readonly kind = 'postgresql';
  readonly #pool: pg.Pool;
  readonly #maxWaiting: number;
  #closing: Promise<void> | undefined;

  constructor(url: string, options: PgSqlOptions) {
    this.#maxWaiting = options.maxWaiting;
    this.#pool = new pg.Pool({
      connectionString: url,
      application_name: 'wattproof',
      max: options.poolSize,
      connectionTimeoutMillis: options.connectTimeoutMs,
      statement_timeout: options.statementTimeoutMs,
      idle_in_transaction_session_timeout: options.statementTimeoutMs,
      keepAlive: true,
      types: {
        getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
          if (format !== 'binary' && oid === INT8_OID) return BigInt;
          if (format !== 'binary' && oid === INT8_ARRAY_OID) return parseInt8Array;
          // Any number is asked for; the driver's types list only those it names.
          const parsers: { getTypeParser(of: number, as?: string): unknown } = pg.types;
          return parsers.getTypeParser(oid, format);
        }) as typeof pg.types.getTypeParser,
      },
    });
    // An 'error' event that nobody hears ends the process. The pool listens to idle connections only; one that breaks
    // between two statements of a transaction reports here, and its next statement fails.
    const heard = (error: Error) =>
      options.logger.warn('A database connection broke', { reason: error.message });
    this.#pool.on('error', heard);
    this.#pool.on('connect', (client) => client.on('error', heard));
  }

  async query<Row extends object>(
    text: string,
    params: readonly SqlValue[] = [],
    options?: QueryOptions,
  ): Promise<readonly Row[]> {
    const client = await this.#connect();
    try {
      const rows = await run<Row>(client, text, params, options);
      client.release();
      return rows;
    } catch (error) {
      client.release(isBroken(error));
      throw error;
    }
  }

  async transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    try {
      await run(client, 'BEGIN', []);
      const result = await work(
        new OpenTransaction(this.kind, (...statement) => run(client, ...statement)),
      );
      await run(client, 'COMMIT', []);
      client.release();
      return result;
    } catch (error) {
      const rolledBack = await run(client, 'ROLLBACK', []).then(
        () => true,
        () => false,
      );
      client.release(!rolledBack);
      throw error;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#pool.end();
    return this.#closing;
  }

  async #connect(): Promise<pg.PoolClient> {
    if (this.#closing !== undefined) throw unavailable('the store is closed');
    if (this.#pool.waitingCount >= this.#maxWaiting)
      throw unavailable(`${this.#maxWaiting} callers already wait for a connection`);
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw asUnavailable(error);
    }
  }
}

async function run<Row extends object>(
  client: pg.PoolClient,
  text: string,
  params: readonly SqlValue[],
  options?: QueryOptions,
): Promise<readonly Row[]> {
  try {
    const result = await client.query({
      text,
      values: asParameters(text, params),
      ...(options?.prepare === undefined ? {} : { name: options.prepare }),
    });
    return result.rows as Row[];
  } catch (error) {
    throw classifyFailure(error);
  }
}

/** Arrays are written here: the driver's own way costs three times as much for every element. */
function asParameters(text: string, params: readonly SqlValue[]): unknown[] {
  const types = params.some(Array.isArray) ? arrayTypes(text) : [];
  return params.map((value, place) => {
    if (value instanceof Uint8Array) return asBuffer(value);
    if (!Array.isArray(value)) return value;
    const items = value as readonly ArrayItem[];
    return binaryArray(types[place], items) ?? arrayLiteral(items);
  });
}

type ArrayItem = null | boolean | number | bigint | string | Uint8Array;
/** What an array's text needs no quotes for; `null` alone would mean NULL. */
const PLAIN = /^(?!null$)[\w.:/-]+$/i;

function arrayLiteral(items: readonly ArrayItem[]): string {
  let text = '{';
  let before: ArrayItem | undefined;
  let written = '';
  for (let at = 0; at < items.length; at += 1) {
    const item = items[at] ?? null;
    // Columns repeat themselves: account, type, format, key.
    if (item !== before || at === 0) written = elementText(item);
    before = item;
    text += at === 0 ? written : `,${written}`;
  }
  return `${text}}`;
}

function elementText(item: ArrayItem): string {
  if (item === null) return 'NULL';
  if (item instanceof Uint8Array) return `"\\\\x${asBuffer(item).toString('hex')}"`;
  if (typeof item !== 'string') return String(item);
  return PLAIN.test(item) ? item : `"${item.replace(/[\\"]/g, '\\$&')}"`;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A connection that could not be made is never the statement's fault, whatever the code: wrong password included. */
function asUnavailable(error: unknown): StoreUnavailable {
  const classified = classifyFailure(error);
  if (classified instanceof StoreUnavailable) return classified;
  return unavailable(classified instanceof Error ? classified.message : String(classified));
}

function isBroken(error: unknown): boolean {
  return error instanceof StoreUnavailable;
}
