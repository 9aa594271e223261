import { equal } from '../verify/bytes.js';
import { commitmentDigest } from '../verify/commitment.js';
import type { BatchStore } from './batch.store.js';
import type { Mark } from './high-water-mark.js';
import { LogError, rolledBack } from './log-error.js';

/** The largest commitment of this log that a ledger shows. */
export interface LedgerMemory {
  readonly anchor: string;
  readonly size: bigint;
  readonly digest: Uint8Array;
}

/**
 * The store's head must extend what the key has signed and what ledgers hold. Throws `log_rolled_back` when it does not:
 * going on would sign a second checkpoint of one size. Throws `log_mark_missing` when nobody remembers signing what the store holds.
 */
export async function checkContinuity(
  origin: string,
  batches: Pick<BatchStore, 'head' | 'byNumber'>,
  known: { readonly mark: Mark | undefined; readonly ledger: LedgerMemory | undefined },
): Promise<void> {
  const size = ((await batches.head())?.number ?? -1) + 1;
  const { mark, ledger } = known;
  if (mark?.size === 0 && (await batches.byNumber(0))?.checkpoint !== undefined)
    throw new LogError(
      'log_mark_missing',
      `The store has ${size} batches with checkpoints, but the mark beside log.key says that nothing has been signed. If the key was changed, copy the mark of the key before in its place; if not, log.key is another file than before. Run "gateway recover".`,
    );
  if (mark !== undefined && mark.size > 0) {
    const root = await rootAt(batches, mark.size, size);
    if (root === undefined)
      throw rolledBack(
        `The store has ${size} batches, but a checkpoint of ${mark.size} has been signed.`,
      );
    if (!equal(root, mark.root))
      throw rolledBack(
        `The store's batch log differs at size ${mark.size} from the checkpoint that has been signed.`,
      );
  }
  if (ledger !== undefined) {
    const root = await rootAt(batches, Number(ledger.size), size);
    if (root === undefined)
      throw rolledBack(
        `The store has ${size} batches, but ${ledger.anchor} holds a commitment of ${ledger.size}.`,
      );
    if (!equal(commitmentDigest(origin, Number(ledger.size), root), ledger.digest)) {
      throw rolledBack(
        `The store's batch log differs at size ${ledger.size} from the commitment that ${ledger.anchor} holds.`,
      );
    }
  }
}

async function rootAt(
  batches: Pick<BatchStore, 'byNumber'>,
  at: number,
  size: number,
): Promise<Uint8Array | undefined> {
  return at > size || at < 1 ? undefined : (await batches.byNumber(at - 1))?.logRoot;
}
