import { type Anchor, AnchorError, type Health, isAnchorError, type Logger } from '../spi/index.js';

export type LedgerAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: AnchorError };

/** Asks a plugin. Whatever it throws becomes an AnchorError; one it did not type counts as `unavailable`. */
export async function askLedger<T>(
  logger: Logger,
  call: string,
  ask: () => Promise<T>,
): Promise<LedgerAnswer<T>> {
  try {
    return { ok: true, value: await ask() };
  } catch (cause) {
    if (isAnchorError(cause)) return { ok: false, error: cause };
    const detail = cause instanceof Error ? cause.message : String(cause);
    logger.error('An anchor threw something other than AnchorError.', { call, detail });
    return {
      ok: false,
      error: new AnchorError('unavailable', `${call}: ${detail}`, { cause }),
    };
  }
}

/** Of a ledger that cannot be asked: not ready, and why. */
export async function askHealth(
  logger: Logger,
  anchor: Anchor,
  signal: AbortSignal,
): Promise<Health> {
  const answer = await askLedger(logger, 'health', () => anchor.health(signal));
  return answer.ok ? answer.value : { live: true, ready: false, detail: answer.error.message };
}
