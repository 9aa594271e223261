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
  /** What the key remembers having signed; absent when it signed nothing. */
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
  const { origin, store, anchoring, logger, logKeys } = gateway;
  const { newest, unreachable } = await newestOnLedgers(origin, anchoring.anchors, logger, signal);
  const mark = await new FileMark(logKeys.markFile, origin).read();
  const { external, system } = await store.entries.unsealed();
  let refusal: LogError | undefined;
  try {
    await checkContinuity(origin, store.batches, { mark, ledger: newest });
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    refusal = error;
  }
  return {
    storeSize: ((await store.batches.head())?.number ?? -1) + 1,
    waiting: external + system,
    ...(mark === undefined ? {} : { mark }),
    ...(newest === undefined ? {} : { ledger: newest }),
    unreachable,
    ...(refusal === undefined ? {} : { refusal }),
  };
}
