import {
  AnchorError,
  type Collections,
  type CollectionWrite,
  type LedgerOperation,
  PortRefusal,
} from '../../spi/index.js';
import { transactionId } from './block.js';
import { applyOperation } from './holdings.js';
import { reachingLedger } from './ledger-errors.js';
import { type LocalLedger, MAX_TURNS } from './local-ledger.js';
import { type Operation, operationKey, operationRecord } from './operation.js';

/** Operations of one block: those that wait while one is written share the next. */
const MAX_GROUP = 128;

interface Waiting {
  readonly operation: Operation;
  readonly resolve: (done: LedgerOperation) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The accounts kept in the ledger's blocks. Block, keys and holdings change in one batch against the head that was
 * read before them, so a reader sees all of an operation or nothing, and two writers never count on one balance.
 */
export class OperationBook {
  readonly #waiting: Waiting[] = [];
  #writing = false;

  constructor(
    private readonly ledger: LocalLedger,
    private readonly collections: Collections,
  ) {}

  /** Durable when it resolves. The same operation again is `existing`; another of its key is refused. */
  post(operation: Operation): Promise<LedgerOperation> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ operation, resolve, reject });
      void this.#writeWaiting();
    });
  }

  async balance(holding: string): Promise<bigint> {
    const stored = await reachingLedger('be read', () => this.collections.get('holdings', holding));
    return stored ? BigInt(stored.value['amount'] as string) : 0n;
  }

  async #writeWaiting(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, MAX_GROUP);
      try {
        await reachingLedger('take an operation', () => this.#write(group));
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#writing = false;
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      // Read first: whatever changes behind it changes the head too.
      const head = await this.ledger.storedHead();
      const page = new Page(this.collections);
      const answers: (() => void)[] = [];
      for (const { operation, resolve, reject } of group) {
        try {
          const done = await page.enter(operation);
          answers.push(() => resolve(done));
        } catch (error) {
          if (!(error instanceof PortRefusal)) throw error;
          answers.push(() => reject(error));
        }
      }
      if (
        page.records.length > 0 &&
        !(await this.ledger.writeBlock(head, page.records, page.writes()))
      )
        continue;
      for (const answer of answers) answer();
      return;
    }
    throw new AnchorError('unavailable', `no turn to write a block in ${MAX_TURNS} tries`);
  }
}

/** What one block would change, while it is put together. */
class Page {
  readonly records: Uint8Array[] = [];
  readonly #keys = new Map<string, string>();
  readonly #holdings = new Map<string, bigint>();

  constructor(private readonly collections: Collections) {}

  async enter(operation: Operation): Promise<LedgerOperation> {
    const key = operationKey(operation);
    const record = operationRecord(operation);
    const txId = transactionId(record);
    const known = await this.#transactionOf(key);
    if (known === txId) return { txId, status: 'final', existing: true };
    if (known !== undefined)
      throw new PortRefusal('key_conflict', `${key} stands for another request, ${known}`);
    const after = await applyOperation(operation, (holding) => this.#balance(holding));
    for (const [holding, amount] of after) this.#holdings.set(holding, amount);
    this.#keys.set(key, txId);
    this.records.push(record);
    return { txId, status: 'final', existing: false };
  }

  writes(): CollectionWrite[] {
    return [
      ...[...this.#keys].map(([key, txId]) => ({
        op: 'put' as const,
        collection: 'operations',
        key,
        value: { txId },
        expectedVersion: 0,
      })),
      ...[...this.#holdings].map(([key, amount]) => ({
        op: 'put' as const,
        collection: 'holdings',
        key,
        value: { amount: amount.toString() },
      })),
    ];
  }

  async #transactionOf(key: string): Promise<string | undefined> {
    const entered = this.#keys.get(key);
    if (entered !== undefined) return entered;
    return (await this.collections.get('operations', key))?.value['txId'] as string | undefined;
  }

  async #balance(holding: string): Promise<bigint> {
    const changed = this.#holdings.get(holding);
    if (changed !== undefined) return changed;
    const stored = await this.collections.get('holdings', holding);
    return stored ? BigInt(stored.value['amount'] as string) : 0n;
  }
}
