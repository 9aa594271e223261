import { newestOnLedgers } from '../anchoring/index.js';
import { FileMark, type Mark } from '../batching/high-water-mark.js';
import { checkContinuity, type LedgerMemory } from '../batching/log-continuity.js';
import { LogError } from '../batching/log-error.js';
import type { Gateway } from './gateway.js';

/** How far the store, the key and the ledgers have each got with one log. Sizes count batches. */
export interface LogExamination {
  readonly storeSize: number;
  /** Entries that no batch holds yet. */
  readonly waiting: number;
  /** What the key remembers having signed; absent when that is not known. */
  readonly mark?: Mark;
  /** The largest commitment that a ledger shows. */
  readonly ledger?: LedgerMemory;
  /** Anchors that could not be asked. */
  readonly unreachable: readonly string[];
  /** Why sealing is refused; absent when the store extends everything that is known. */
  readonly refusal?: LogError;
}

/** Compares store, key and ledgers of a gateway that is composed and not started. Changes nothing. */
export async function examineLog(gateway: Gateway, signal: AbortSignal): Promise<LogExamination> {
  const { origin, store, anchoring, logger } = gateway;
  const { newest, unreachable } = await newestOnLedgers(origin, anchoring.anchors, logger, signal);
  const { external, system } = await store.entries.unsealed();
  let mark: Mark | undefined;
  const refusal = await refusalOf(async () => {
    mark = store.durability === 'memory' ? undefined : await fileMark(gateway).read();
    await checkContinuity(origin, store.batches, { mark, ledger: newest });
  });
  return {
    storeSize: ((await store.batches.head())?.number ?? -1) + 1,
    waiting: external + system,
    ...(mark === undefined ? {} : { mark }),
    ...(newest === undefined ? {} : { ledger: newest }),
    unreachable,
    ...(refusal === undefined ? {} : { refusal }),
  };
}

/**
 * Takes the operator's word that no newer copy of this store was ever sealed over: writes a lost mark as the store's last
 * checkpoint. Only when the mark is missing, and every ledger was asked and holds nothing newer; throws `LogError` otherwise.
 */
export async function adoptStore(gateway: Gateway, found: LogExamination): Promise<Mark> {
  const { origin, store } = gateway;
  if (found.refusal?.code !== 'log_mark_missing')
    throw (
      found.refusal ?? new LogError('log_mark_invalid', 'The mark is there; nothing is adopted.')
    );
  if (found.unreachable.length > 0)
    throw new LogError(
      'log_mark_missing',
      `${found.unreachable.join(', ')} could not be asked and may hold something newer than this store. Try again.`,
    );
  await checkContinuity(origin, store.batches, { mark: undefined, ledger: found.ledger });
  const mark = fileMark(gateway);
  await mark.begin();
  const size = (await store.batches.unsigned())[0]?.number ?? found.storeSize;
  const last = await store.batches.byNumber(size - 1);
  if (last !== undefined) await mark.write({ size, root: last.logRoot });
  return mark.read();
}

const fileMark = ({ origin, logKeys }: Gateway): FileMark => new FileMark(logKeys.markFile, origin);

async function refusalOf(work: () => Promise<void>): Promise<LogError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof LogError) return error;
    throw error;
  }
}
