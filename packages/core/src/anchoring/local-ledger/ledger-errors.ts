import { AnchorError, isAnchorError } from '../../spi/index.js';

/** The one place where failures of the store become reasons: whatever it is, the ledger cannot be reached now. */
export async function reachingLedger<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (isAnchorError(cause)) throw cause;
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new AnchorError('unavailable', `the local ledger cannot ${what}: ${detail}`, { cause });
  }
}
