import { setTimeout as pause } from 'node:timers/promises';
import type {
  CollectionDeclaration,
  Collections,
  DurabilityClass,
  Health,
  Logger,
} from '../../spi/index.js';
import type { Store } from '../store.js';
import { SqlAccounts } from './accounts.js';
import { SqlAnchors } from './anchors.js';
import { SqlBatches } from './batches.js';
import { SqlDocuments } from './collections.js';
import { SqlBatchChains } from './batch-chains.js';
import { SqlDeviceCommands } from './device-commands.js';
import { SqlDeviceDesk } from './device-desk.js';
import { SqlEnergy } from './energy-ledger.js';
import { SqlEntries } from './entries.js';
import { SqlErasures } from './erasures.js';
import { SqlFindings } from './findings.js';
import { SqlIngest } from './ingest.js';
import { SqlKeys } from './keys.js';
import { SqlLeases } from './leases.js';
import { SqlMeters } from './meters.js';
import { SqlNotices } from './notices.js';
import { SqlOutbox } from './outbox.js';
import { SqlReadingList } from './reading-list.js';
import { SqlJudgements } from './judgements.js';
import { SqlQuarantine } from './quarantine.js';
import type { SqlDatabase } from './sql.js';
import { SqlChanges } from './sql-changes.js';
import type { StoreLimits } from './store-options.js';
import { SqlWebhooks } from './webhooks.js';

export interface SqlStoreOptions {
  readonly durability: DurabilityClass;
  readonly limits: StoreLimits;
  readonly logger: Logger;
  readonly random: () => number;
  /** Runs after the database is closed. */
  release(): Promise<void>;
}

/** Everything the gateway keeps, in PostgreSQL's dialect: each part is a class over the same `Sql`. */
export class SqlStore implements Store {
  readonly kind: 'pglite' | 'postgresql';
  readonly durability: DurabilityClass;
  readonly ingest: SqlIngest;
  readonly entries: SqlEntries;
  readonly erasures: SqlErasures;
  readonly batches: SqlBatches;
  readonly anchors: SqlAnchors;
  readonly leases: SqlLeases;
  readonly meters: SqlMeters;
  readonly keys: SqlKeys;
  readonly chains: SqlBatchChains;
  readonly energy: SqlEnergy;
  readonly findings: SqlFindings;
  readonly readingList: SqlReadingList;
  readonly quarantine: SqlQuarantine;
  readonly judgements: SqlJudgements;
  readonly accounts: SqlAccounts;
  readonly outbox: SqlOutbox;
  readonly webhooks: SqlWebhooks;
  readonly notices: SqlNotices;
  readonly desk: SqlDeviceDesk;
  readonly commands: SqlDeviceCommands;
  readonly #documents: SqlDocuments;
  #closing: Promise<void> | undefined;

  constructor(
    private readonly sql: SqlDatabase,
    private readonly options: SqlStoreOptions,
  ) {
    this.kind = sql.kind;
    this.durability = options.durability;
    const changes = new SqlChanges(sql, { ...options, pause });
    this.ingest = new SqlIngest(sql, { ...options, pause });
    this.entries = new SqlEntries(sql, options.limits);
    this.batches = new SqlBatches(sql, options.limits);
    this.anchors = new SqlAnchors(sql, options.limits);
    this.leases = new SqlLeases(sql);
    this.meters = new SqlMeters(sql, changes);
    this.keys = new SqlKeys(sql, changes);
    this.chains = new SqlBatchChains(sql, changes);
    this.energy = new SqlEnergy(sql, changes);
    this.findings = new SqlFindings(sql, changes, options.durability);
    this.readingList = new SqlReadingList(sql);
    this.judgements = new SqlJudgements(sql);
    this.quarantine = new SqlQuarantine(sql, changes, options.durability);
    this.accounts = new SqlAccounts(sql, changes);
    this.outbox = new SqlOutbox(sql);
    this.webhooks = new SqlWebhooks(sql, changes);
    this.notices = new SqlNotices(sql, changes);
    this.desk = new SqlDeviceDesk(sql, changes);
    this.commands = new SqlDeviceCommands(sql, changes);
    this.erasures = new SqlErasures(sql, changes, async (entryIds) => {
      await this.webhooks.forgetEntries(entryIds);
      await this.notices.forgetEntries(entryIds);
    });
    this.#documents = new SqlDocuments(sql);
  }

  collections(
    instanceId: string,
    declarations: readonly CollectionDeclaration[],
  ): Promise<Collections> {
    return this.#documents.open(instanceId, declarations);
  }

  /** Whether the database answers, and what the store had to do again or refuse since it was opened. */
  async health(): Promise<Health> {
    const { retried, notStorable } = this.ingest.counts;
    const facts = {
      kind: this.kind,
      durability: this.durability,
      transactions_retried: retried,
      rows_not_storable: notStorable,
    };
    try {
      const [row] = await this.sql.query<{ version: string }>(
        `SELECT current_setting('server_version') AS version`,
      );
      return { live: true, ready: true, facts: { ...facts, server: row?.version ?? '' } };
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return { live: true, ready: false, detail, facts };
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.sql.close().then(() => this.options.release());
    return this.#closing;
  }
}
