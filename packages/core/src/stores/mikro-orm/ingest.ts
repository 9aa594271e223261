import type { CommittedRow, IngestRow, IngestStore } from '../../ingestion/ingest.store.js';
import type { SayEquivocations } from '../../ingestion/equivocation.js';
import type { DurabilityClass, Logger } from '../../spi/index.js';
import { StoreUnavailable } from '../store.js';
import { passesOf } from './group-passes.js';
import type { ErasedKeyOf } from './ingest-bodies.js';
import { commitGroup } from './ingest-transaction.js';
import type { Issue } from './ingest-verdicts.js';
import { isRetryable, type Sql, SqlError } from './sql.js';
import type { StoreLimits } from './store-options.js';

export interface SqlIngestOptions {
  readonly durability: DurabilityClass;
  readonly limits: StoreLimits;
  readonly logger: Logger;
  readonly random: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

/** Data exceptions, integrity violations, exceeded limits: what one row can be guilty of. */
const FAULT_OF_A_ROW = /^(22|23|54)/;

/** Writes groups; runs them again after deadlocks, and finds the guilty row when the database refuses a group. */
export class SqlIngest implements IngestStore {
  /** For health and metrics: transactions run again, rows refused although every pure step had passed them. */
  readonly counts = { retried: 0, notStorable: 0 };

  constructor(
    private readonly sql: Sql,
    private readonly options: SqlIngestOptions,
  ) {}

  async commit(
    rows: readonly IngestRow[],
    issue: Issue,
    erasedKeyOf?: ErasedKeyOf,
    sayEquivocations?: SayEquivocations,
  ): Promise<readonly CommittedRow[]> {
    if (rows.length === 0) return [];
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.sql.transaction((tx) =>
          this.commitPasses(tx, rows, issue, erasedKeyOf, sayEquivocations),
        );
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        if (FAULT_OF_A_ROW.test(error.sqlState))
          return this.commitApart(rows, issue, error, erasedKeyOf, sayEquivocations);
        if (!isRetryable(error) || attempt >= this.options.limits.maxRetries)
          throw new StoreUnavailable(
            `The database refused a group of ${rows.length} entries: ${error.message}. Nothing of it was written; send it again.`,
            { cause: error },
          );
        this.counts.retried += 1;
        const { retryPauseMs } = this.options.limits;
        await this.options.pause(this.options.random() * retryPauseMs * 2 ** attempt);
      }
    }
  }

  private async commitPasses(
    tx: Sql,
    rows: readonly IngestRow[],
    issue: Issue,
    erasedKeyOf?: ErasedKeyOf,
    sayEquivocations?: SayEquivocations,
  ): Promise<readonly CommittedRow[]> {
    const { passes, tooMany } = passesOf(rows);
    const { durability } = this.options;
    if (passes.length === 1)
      return commitGroup(tx, rows, issue, durability, erasedKeyOf, sayEquivocations);
    const answers = new Map<number, CommittedRow>();
    for (const places of passes) {
      const part = places.flatMap((place) => rows[place] ?? []);
      const answered = await commitGroup(
        tx,
        part,
        issue,
        durability,
        erasedKeyOf,
        sayEquivocations,
      );
      answered.forEach((answer, at) => answers.set(places[at] ?? -1, answer));
    }
    const detail = `it and ${passes.length} readings that came with it decide over each other; send it apart from them`;
    for (const place of tooMany)
      answers.set(place, { outcome: { kind: 'refused', code: 'not_storable', detail } });
    return rows.flatMap((_, place) => answers.get(place) ?? []);
  }

  /** Halves the group until the row that the database refuses stands alone; every other row is written. */
  private async commitApart(
    rows: readonly IngestRow[],
    issue: Issue,
    error: SqlError,
    erasedKeyOf?: ErasedKeyOf,
    sayEquivocations?: SayEquivocations,
  ): Promise<readonly CommittedRow[]> {
    const [only] = rows;
    if (rows.length === 1 && only !== undefined) {
      this.counts.notStorable += 1;
      this.options.logger.error('The database refused an entry that every check had passed', {
        entry: only.id,
        format: only.format,
        sqlState: error.sqlState,
        constraint: error.constraint,
      });
      const detail = `the database refused it (SQLSTATE ${error.sqlState})`;
      return [{ outcome: { kind: 'refused', code: 'not_storable', detail } }];
    }
    const middle = Math.ceil(rows.length / 2);
    return [
      ...(await this.commit(rows.slice(0, middle), issue, erasedKeyOf, sayEquivocations)),
      ...(await this.commit(rows.slice(middle), issue, erasedKeyOf, sayEquivocations)),
    ];
  }
}
