import type { CommittedRow, IngestRow, IssuedReceipts } from '../../ingestion/ingest.store.js';
import type { Store } from '../../stores/store.js';
import type { StoreSuiteOptions } from '../describe-store.js';
import { sha256, text } from './sample-rows.js';

export type Test = (name: string, body: () => Promise<void>) => void;

/** How long a condition may take before the suite gives up on it. */
const PATIENCE_MS = 10_000;

/** The store under test, and what every test does with it. */
export class StoreScene {
  private opened: Promise<Store> | undefined;
  private groups = 0;

  constructor(private readonly options: StoreSuiteOptions) {}

  store(): Promise<Store> {
    this.opened ??= this.options.open();
    return this.opened;
  }

  async reopen(): Promise<Store> {
    const { reopen } = this.options;
    if (reopen === undefined) throw new Error('this store cannot be reopened');
    const before = await this.store();
    this.opened = reopen(before);
    return this.opened;
  }

  async end(): Promise<void> {
    await (await this.opened)?.close();
  }

  async commit(...rows: IngestRow[]): Promise<readonly CommittedRow[]> {
    return (await this.store()).ingest.commit(rows, (given) => this.issue(given));
  }

  /** Commits one row and gives its answer. */
  async commitOne(row: IngestRow): Promise<CommittedRow> {
    const [answer] = await this.commit(row);
    if (answer === undefined) throw new Error('the store answered a row with nothing');
    return answer;
  }

  /** Receipts that differ from group to group, so that a re-issued one can be told from a new one. */
  issue(rows: readonly { readonly row: IngestRow; readonly entryId: string }[]): IssuedReceipts {
    this.groups += 1;
    const leaves = rows.map(({ row, entryId }) =>
      sha256(text(`${entryId} ${row.verdict} ${row.reason ?? ''} ${this.groups}`)),
    );
    return {
      committedAtMs: 1_760_000_000_000 + this.groups,
      includeByMs: 1_760_000_600_000 + this.groups,
      keyId: 'a1b2c3d4',
      signature: sha256(text(`signature of group ${this.groups}`)),
      root: sha256(...leaves),
      leaves,
    };
  }

  /** Resolves when the store's own clock has gone on by `ms`. */
  async storeTimePasses(ms: number): Promise<void> {
    const { leases } = await this.store();
    const name = `clock ${(this.groups += 1)}`;
    await leases.acquire(name, 'first', ms);
    await this.options.elapse?.(ms);
    await eventually(async () => (await leases.acquire(name, 'second', 1)) !== undefined);
  }
}

/** Asks again until the answer is yes. */
export async function eventually(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`what was awaited did not come true within ${PATIENCE_MS} ms`);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** A value in a form that compares by content: a Buffer equals a Uint8Array of the same bytes. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') };
  if (typeof value === 'bigint') return { int: value.toString() };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => [name, plain(member)]),
  );
}
